"""Find where the chunks of an HDF5 dataset are stored, as far as their index can be read."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values.chunk_parts import chunk_counts
from datacheck.model.slips import of_machine

OUTSIDE = -1
"""Number given to a chunk that lies outside the dataset."""


class Chunks:
    """The offset and size in the file of each chunk that is stored; `whole` is false if the index is damaged.

    `numbers` are the positions of these chunks among all chunks, counted row by row, in ascending order.
    """

    def __init__(self, opened: Any, chunks: tuple[int, ...], doubted: Sequence[tuple[int, int]] = ()) -> None:
        """List the chunks; chunks in `doubted` ranges may be stored though the index omits them (see `chunk_tree`)."""
        self._chunks = chunks
        self._doubted = doubted
        self._grid = chunk_counts(opened.shape, chunks)
        self._opened = opened
        numbers, offsets, sizes = array("q"), array("Q"), array("Q")

        def add(chunk: Any) -> None:
            number = None if chunk.chunk_offset is None else self._number(chunk.chunk_offset)  # None without an address
            numbers.append(OUTSIDE if number is None else number)
            offsets.append(chunk.byte_offset or 0)
            sizes.append(chunk.size)

        self.whole = True
        try:
            opened.chunk_iter(add)
        except TROUBLE:
            self.whole = False
        self._listed: NDArray[Any] = np.array(numbers, np.int64)
        order = np.argsort(self._listed, kind="stable")
        order = order[np.searchsorted(self._listed[order], 0) :]
        self.numbers: NDArray[Any] = self._listed[order]
        self.offsets: NDArray[Any] = np.array(offsets, np.uint64)[order]
        self.sizes: NDArray[Any] = np.array(sizes, np.uint64)[order]

    def find(self, origin: tuple[int, ...]) -> tuple[int, int] | None:
        """Return the offset and the size of the chunk at an origin, or None if the index lists none there."""
        number = self._number(origin)
        at = int(np.searchsorted(self.numbers, -1 if number is None else number))
        if at == len(self.numbers) or int(self.numbers[at]) != number:
            return None
        return int(self.offsets[at]), int(self.sizes[at])

    def hides(self, origin: tuple[int, ...]) -> bool:
        """Return whether the library may take a stored chunk for one never written, as an index entry is damaged.

        Either the index lists the chunk but the library does not find it, or a chunk with a wrong place may belong
        here, or the entry may have been in a lost part of the index.
        """
        number = self._number(origin)
        if number is None:
            return False
        listed = self.find(origin) is not None or any(low < number < high for low, high in self._misplaced)
        listed = listed or any(low <= number < high for low, high in self._doubted)
        return listed and not self._is_found(origin)

    @cached_property
    def _misplaced(self) -> list[tuple[int, int]]:
        """The numbers between which each misplaced chunk belongs.

        A chunk is misplaced if the index lists it outside the dataset or twice, or if the library does not find it.
        """
        listed = self._listed
        low = np.concatenate(([OUTSIDE], listed[:-1]))
        high = np.concatenate((listed[1:], [math.prod(self._grid)]))
        twice = self.numbers[1:][self.numbers[1:] == self.numbers[:-1]]
        odd = np.flatnonzero((listed <= low) | (listed >= high))
        return [
            (int(low[at]), int(high[at]))
            for at in odd.tolist()
            if listed[at] < 0 or listed[at] in twice or not self._is_found(self._origin(int(listed[at])))
        ]

    def _is_found(self, origin: tuple[int, ...]) -> bool:
        """Return whether the library finds a chunk by its origin; listing the chunks does not look them up."""
        try:
            if self._opened.get_create_plist().get_nfilters():  # an empty buffer then suffices to look the chunk up
                self._opened.read_direct_chunk(origin, out=bytearray())
            else:
                self._opened.read_direct_chunk(origin)
        except (ValueError, MemoryError):  # the chunk is there, but does not fit
            return True
        except TROUBLE as exc:
            return of_machine(exc)
        return True

    def _origin(self, number: int) -> tuple[int, ...]:
        places = np.unravel_index(number, self._grid)
        return tuple(int(at) * size for at, size in zip(places, self._chunks, strict=True))

    def end(self) -> int:
        """Return the offset at which the last chunk in the file ends, or 0 if there are no chunks."""
        return int((self.offsets + self.sizes).max()) if len(self.offsets) else 0

    def _number(self, origin: tuple[int, ...]) -> int | None:
        number = 0
        for at, size, count in zip(origin, self._chunks, self._grid, strict=True):
            if at // size >= count:
                return None
            number = number * count + at // size
        return number
