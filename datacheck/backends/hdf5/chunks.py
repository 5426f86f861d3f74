"""Where the chunks of an HDF5 dataset are stored, as far as their index can be read."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.model.slips import of_machine

OUTSIDE = -1
"""Stands for the number of a chunk that lies outside the dataset."""


class Chunks:
    """The offset and size in the file of each chunk that is stored; `whole` is false where the index is damaged.

    `numbers` are the places of these chunks among all, counted row by row, in ascending order.
    """

    def __init__(self, opened: Any, chunks: tuple[int, ...], doubted: Sequence[tuple[int, int]] = ()) -> None:
        """List the chunks; those of `doubted` ranges may be stored though they are not listed (see `chunk_tree`)."""
        self._chunks = chunks
        self._doubted = doubted
        self._grid = [math.ceil(extent / size) for extent, size in zip(opened.shape, chunks, strict=True)]
        self._opened = opened
        numbers, offsets, sizes = array("q"), array("Q"), array("Q")

        def add(chunk: Any) -> None:
            number = None if chunk.chunk_offset is None else self._number(chunk.chunk_offset)  # one with no address
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
        """Return the offset and the size of the chunk there; None if none is stored, or none that the index tells."""
        number = self._number(origin)
        at = int(np.searchsorted(self.numbers, -1 if number is None else number))
        if at == len(self.numbers) or int(self.numbers[at]) != number:
            return None
        return int(self.offsets[at]), int(self.sizes[at])

    def hides(self, origin: tuple[int, ...]) -> bool:
        """Say if the library takes a chunk that is stored for one that never was: an entry of the index is damaged.

        Either the index lists the chunk, which the library does not find there, or one has a wrong place that this may
        be the right one of, or a part of the index is lost that this may have been in.
        """
        number = self._number(origin)
        if number is None:
            return False
        listed = self.find(origin) is not None or any(low < number < high for low, high in self._misplaced)
        listed = listed or any(low <= number < high for low, high in self._doubted)
        return listed and not self._is_found(origin)

    @cached_property
    def _misplaced(self) -> list[tuple[int, int]]:
        """Between which chunks those belong that the index lists outside, twice, or where the library finds none."""
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
        """Say if the library finds a chunk by its place, which it does not look up to list them."""
        try:
            if self._opened.get_create_plist().get_nfilters():  # then no room is enough to look the chunk up
                self._opened.read_direct_chunk(origin, out=bytearray())
            else:
                self._opened.read_direct_chunk(origin)
        except (ValueError, MemoryError):  # there is no room for the chunk, which is there
            return True
        except TROUBLE as exc:
            return of_machine(exc)
        return True

    def _origin(self, number: int) -> tuple[int, ...]:
        places = np.unravel_index(number, self._grid)
        return tuple(int(at) * size for at, size in zip(places, self._chunks, strict=True))

    def end(self) -> int:
        """Return where the last chunk in the file ends."""
        return int((self.offsets + self.sizes).max()) if len(self.offsets) else 0

    def _number(self, origin: tuple[int, ...]) -> int | None:
        number = 0
        for at, size, count in zip(origin, self._chunks, self._grid, strict=True):
            if at // size >= count:
                return None
            number = number * count + at // size
        return number
