"""Chunks of an HDF5 dataset as they are stored: which there are, and which of a copy hold what one of the source does.

Such a chunk is copied without looking at its values, and the proof of the copy compares what is stored. That is as
strong as comparing the values: the same bytes, behind the same filters with the same ones left out, in a dataset of
the same type and chunks (all of which the proof compares as well), can be nothing but the same values. It even shows
what no value tells, and needs no filter to be installed.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.copying.row_selection import Change, Piece, origins
from datacheck.backends.hdf5.tables import Contents
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.model.escaping import escape


class Stored:
    """Which chunks of a dataset are stored at all; those that are not take no room in the copy either."""

    def __init__(self, opened: Any, chunks: tuple[int, ...]) -> None:
        self._chunks = chunks
        self._grid = [math.ceil(extent / size) for extent, size in zip(opened.shape, chunks, strict=True)]
        self._there: NDArray[Any] | None = None
        numbers = array("q")
        try:
            if opened.get_num_chunks() == math.prod(self._grid):
                return
            opened.chunk_iter(lambda chunk: numbers.append(self._number(chunk.chunk_offset)))
        except TROUBLE:  # the index is damaged: which chunks are there shows when they are read
            return
        self._there = np.sort(np.array(numbers, np.int64))

    def _number(self, origin: tuple[int, ...]) -> int:
        number = 0
        for at, size, count in zip(origin, self._chunks, self._grid, strict=True):
            number = number * count + at // size
        return number

    def has(self, origin: tuple[int, ...]) -> bool:
        if self._there is None:
            return True
        number = self._number(origin)
        at = int(np.searchsorted(self._there, number))
        return at < len(self._there) and int(self._there[at]) == number

    def lacks(self, piece: Piece, change: Change | None) -> bool:
        """Say whether a piece of the copy comes from chunks alone that are not stored, and stays as it is."""
        if self._there is None:
            return False
        if change is not None and change.replaces:
            return False
        axis = 0 if change is None else change.axis % len(piece)
        runs = [piece[axis]] if change is None else change.rows.runs(*piece[axis])
        if change is not None and any(len(change.to_fill(low, high)) for low, high in runs):
            return False
        parts = ((*piece[:axis], run, *piece[axis + 1 :]) for run in runs)
        return not any(self.has(at) for part in parts for at in origins(part, self._chunks))


def stored_bytes(opened: Any) -> float | None:
    """Return how many bytes a chunk of a dataset is stored in on an average, None where there are none."""
    try:
        count = opened.get_num_chunks()
        return opened.get_storage_size() / count if count else None
    except TROUBLE:
        return None


def unlisted(h5: Any, file: Any, contents: Contents, skip: frozenset[str]) -> frozenset[bytes]:
    """Return the datasets of an open file of whose chunks the index is not whole, by their paths."""
    found = set()
    for dataset in (*(it for table in contents.tables for it in table.datasets), *contents.single):
        if dataset.chunks is None or escape(dataset.path) in skip:
            continue
        try:
            sound = not dataset.doubted and _listed(h5.h5d.open(file, dataset.path), dataset.chunks)
        except TROUBLE:
            sound = False
        if not sound:
            found.add(dataset.path)
    return frozenset(found)


def _listed(opened: Any, chunks: tuple[int, ...]) -> bool:
    """Say whether the index of the chunks lists each of them once, within the dataset and at an address."""
    grid = [math.ceil(extent / size) for extent, size in zip(opened.shape, chunks, strict=True)]
    numbers = array("q")

    def add(chunk: Any) -> None:
        number = 0
        for at, size, count in zip(chunk.chunk_offset, chunks, grid, strict=True):
            if at % size or not 0 <= at // size < count or chunk.byte_offset is None:
                raise ValueError(f"a chunk at {chunk.chunk_offset}")
            number = number * count + at // size
        numbers.append(number)

    opened.chunk_iter(add)
    return len(np.unique(np.array(numbers, np.int64))) == len(numbers)


@dataclass(frozen=True)
class AsStored:
    """Splits the pieces of a copy into bands of chunks that hold what chunks of the source do, and what is between."""

    chunks: tuple[int, ...]
    change: Change | None

    def split(self, piece: Piece) -> Iterator[tuple[Piece, int | None]]:
        """Yield parts of a piece, and where the chunks of a part begin in the source; None for where they do not."""
        start, stop = piece[0]
        depth, others = self.chunks[0], piece[1:]
        begin = start
        for low in range(start, stop, depth):
            high = min(low + depth, stop)
            first = whole(self.change, depth, low, high)
            if first is None:
                continue
            if begin < low:
                yield ((begin, low), *others), None
            yield ((low, high), *others), first
            begin = high
        if begin < stop:
            yield ((begin, stop), *others), None


def whole(change: Change | None, depth: int, low: int, high: int) -> int | None:
    """Return the source row at which chunks begin that hold just these rows of the copy, unaltered, or None.

    `low` and `high` are where chunks of the copy begin and end, of `depth` rows each.
    """
    if change is None:
        return low
    runs = [] if change.replaces or change.across else change.rows.runs(low, high)
    if len(runs) != 1 or runs[0][0] % depth or len(change.to_fill(*runs[0])):
        return None
    ends = runs[0][1] == change.rows.total or high - low == depth
    return runs[0][0] if ends else None
