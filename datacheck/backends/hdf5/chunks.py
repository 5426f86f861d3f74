"""Where the chunks of an HDF5 dataset are stored, as far as their index can be read."""

from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.trouble import TROUBLE


class Chunks:
    """The offset and size in the file of each chunk that is stored; `whole` is false where the index is damaged.

    `numbers` are the places of these chunks among all, counted row by row, in ascending order.
    """

    def __init__(self, opened: Any, chunks: tuple[int, ...]) -> None:
        self._chunks = chunks
        self._grid = [math.ceil(extent / size) for extent, size in zip(opened.shape, chunks, strict=True)]
        numbers, offsets, sizes = array("q"), array("Q"), array("Q")

        def add(chunk: Any) -> None:
            number = self._number(chunk.chunk_offset)
            if number is not None:
                numbers.append(number)
                offsets.append(chunk.byte_offset or 0)
                sizes.append(chunk.size)

        self.whole = True
        try:
            opened.chunk_iter(add)
        except TROUBLE:
            self.whole = False
        order = np.argsort(np.array(numbers, np.int64), kind="stable")
        self.numbers: NDArray[Any] = np.array(numbers, np.int64)[order]
        self.offsets: NDArray[Any] = np.array(offsets, np.uint64)[order]
        self.sizes: NDArray[Any] = np.array(sizes, np.uint64)[order]

    def find(self, origin: tuple[int, ...]) -> tuple[int, int] | None:
        """Return the offset and the size of the chunk there; None if none is stored, or none that the index tells."""
        number = self._number(origin)
        at = int(np.searchsorted(self.numbers, -1 if number is None else number))
        if at == len(self.numbers) or int(self.numbers[at]) != number:
            return None
        return int(self.offsets[at]), int(self.sizes[at])

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
