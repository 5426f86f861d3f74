"""Find which chunks of an HDF5 dataset are stored, and which chunks of a copy equal a chunk of the source.

Such a chunk is copied without decoding its values, and the proof of the copy compares the stored bytes. That is as
strong as comparing the values: the same bytes, behind the same filters with the same ones skipped, in a dataset of the
same type and chunks (all of which the proof compares as well), can only be the same values. It also shows differences
that are not in the values, and needs no filter to be installed.
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
from datacheck.backends.hdf5.values.chunk_parts import chunk_counts
from datacheck.model.escaping import escape


class Stored:
    """The chunks of a dataset that are stored at all; those that are not take no space in the copy either."""

    def __init__(self, opened: Any, chunks: tuple[int, ...]) -> None:
        self._chunks = chunks
        self._grid = chunk_counts(opened.shape, chunks)
        self._there: NDArray[Any] | None = None
        numbers = array("q")
        try:
            if opened.get_num_chunks() == math.prod(self._grid):
                return
            opened.chunk_iter(lambda chunk: numbers.append(self._number(chunk.chunk_offset)))
        except TROUBLE:  # the index is damaged; reading the chunks shows which are there
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
        """Return whether a piece of the copy comes only from chunks that are not stored, and is not changed."""
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
    """Return the average number of bytes in which a chunk of a dataset is stored, or None if there are no chunks."""
    try:
        count = opened.get_num_chunks()
        return opened.get_storage_size() / count if count else None
    except TROUBLE:
        return None


def unlisted(h5: Any, file: Any, contents: Contents, skip: frozenset[str]) -> frozenset[bytes]:
    """Return the paths of the datasets in an open file whose chunk index is damaged."""
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
    """Return whether the chunk index lists no chunk twice, outside the dataset or without an address."""
    grid = chunk_counts(opened.shape, chunks)
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
    """Splits pieces of a copy into bands of chunks that equal chunks of the source, and the parts between them."""

    chunks: tuple[int, ...]
    change: Change | None

    def split(self, piece: Piece) -> Iterator[tuple[Piece, int | None]]:
        """Yield parts of a piece with the source row at which their chunks begin, or None if they equal no chunks."""
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
    """Return the source row at which chunks begin that hold exactly these rows of the copy, unaltered, or None.

    At `low` and `high`, chunks of the copy begin and end; they have `depth` rows each.
    """
    if change is None:
        return low
    runs = [] if change.replaces or change.across else change.rows.runs(low, high)
    if len(runs) != 1 or runs[0][0] % depth or len(change.to_fill(*runs[0])):
        return None
    ends = runs[0][1] == change.rows.total or high - low == depth
    return runs[0][0] if ends else None
