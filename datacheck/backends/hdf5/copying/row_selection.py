"""Select the rows of an HDF5 table that go into a copy, and the pieces in which a dataset is read and written."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

PIECE_BYTES = 4 << 20
"""Approximate number of bytes of a dataset that are read at once, unless one chunk is larger."""
NONE: NDArray[Any] = np.empty(0, np.int64)
Piece = tuple[tuple[int, int], ...]
"""A half-open range for each axis."""


class Rows(Protocol):
    """Rows of a table in ascending order, numbered from 0 in the copy."""

    @property
    def total(self) -> int:
        """The number of rows of the source."""
        ...

    def __len__(self) -> int: ...

    def runs(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the half-open ranges of source rows that become the rows `start` to `stop` of the copy."""
        ...


@dataclass(frozen=True)
class Kept:
    """All rows except those at the ascending indexes `drops`; `first` is the index of the table's first row."""

    total: int
    drops: NDArray[Any] = field(default_factory=lambda: NONE)
    first: int = 0

    def __len__(self) -> int:
        return self.total - len(self.drops)

    def source(self, row: int) -> int:
        """Return the row of the source that a row of the copy comes from."""
        return row + bisect_right(range(len(self.drops)), row, key=lambda at: int(self.drops[at]) - self.first - at)

    def runs(self, start: int, stop: int) -> list[tuple[int, int]]:
        if start >= stop:
            return []
        low, high = self.source(start), self.source(stop - 1) + 1
        between = within(self.drops, self.first, low, high)
        begins = [low, *(int(at) + 1 for at in between)]
        ends = [*(int(at) for at in between), high]
        return [(begin, end) for begin, end in zip(begins, ends, strict=True) if begin < end]


Amended = int | tuple[int, ...] | Kept
"""The new value of an attribute: numbers, or which of its texts are kept."""


@dataclass(frozen=True)
class Picked:
    """The rows at these ascending indexes and no others."""

    total: int
    rows: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def runs(self, start: int, stop: int) -> list[tuple[int, int]]:
        ranges: list[tuple[int, int]] = []
        for at in range(start, stop):
            row = self.rows[at]
            if ranges and ranges[-1][1] == row:
                ranges[-1] = (ranges[-1][0], row + 1)
            else:
                ranges.append((row, row + 1))
        return ranges


@dataclass(frozen=True)
class Change:
    """What a copy does to a table: the rows it keeps, and the rows `fills` whose non-finite values become `fill`.

    `filled` has a flag for each of `fills`, which is set as soon as a value has been altered. `values`, if not None,
    are the new values of all rows of the copy. `less`, if not None, are the ascending numbers of dropped things that
    the values refer to by number: each value is reduced by how many of these numbers are smaller.
    """

    rows: Rows
    fill: float | None = None
    fills: NDArray[Any] = field(default_factory=lambda: NONE)
    first: int = 0
    filled: NDArray[Any] = field(default_factory=lambda: np.zeros(0, bool))
    values: NDArray[Any] | None = None
    whole: bool = False
    """Whether all rows are one record."""
    across: bool = False
    """Whether the rows lie along the last axis of the dataset."""
    less: NDArray[Any] | None = None

    @property
    def axis(self) -> int:
        return -1 if self.across else 0

    def shape(self, source: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of the copy of a dataset with the shape `source`."""
        if not source:
            return ()
        if self.across:
            return (*source[:-1], len(self.rows))
        return (len(self.rows), *(source[1:] if self.width is None else self.width))

    @property
    def width(self) -> tuple[int, ...] | None:
        """The shape of a row of the copy, or None if it is the same as in the source."""
        return None if self.values is None else self.values.shape[1:]

    @property
    def replaces(self) -> bool:
        """Whether the kept rows get other values in the copy."""
        return self.values is not None or self.less is not None

    def replaced(self, piece: Piece, values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the new values of a piece of the copy, or `values` themselves if the change replaces none."""
        if self.values is not None:
            new_values = self.values[tuple(slice(*bounds) for bounds in piece)]
            return np.ascontiguousarray(new_values).view(values.dtype).reshape(values.shape)
        if self.less is not None:
            numbers = np.ascontiguousarray(values).view(dtype)
            less = np.searchsorted(self.less, numbers).astype(dtype)
            return np.ascontiguousarray(numbers - less).view(values.dtype)
        return values

    def to_fill(self, low: int, high: int) -> NDArray[Any]:
        """Return the source rows from `low` to `high` whose values are filled."""
        return within(self.fills, self.first, low, high)

    def mark(self, row: int) -> None:
        self.filled[int(np.searchsorted(self.fills, row + self.first))] = True


def within(indexes: NDArray[Any], first: int, low: int, high: int) -> NDArray[Any]:
    """Return the rows from `low` to `high` that are among ascending indexes; a row is its index minus `first`."""
    start, stop = np.searchsorted(indexes, [low + first, high + first])
    rows: NDArray[Any] = np.asarray(indexes[start:stop]) - first
    return rows


def pieces(shape: Sequence[int], itemsize: int, chunks: Sequence[int] | None) -> Iterator[Piece]:
    """Yield the pieces of a dataset in order, each of about PIECE_BYTES and of whole chunks."""
    if not shape:
        yield ()
        return
    tile = list(chunks or (1 for _ in shape))
    for axis in reversed(range(len(shape))):
        times = max(1, PIECE_BYTES // max(1, math.prod(tile) * itemsize))
        tile[axis] = min(tile[axis] * times, math.ceil(shape[axis] / tile[axis]) * tile[axis] or 1)
        if tile[axis] < shape[axis]:
            break
    ranges = [
        [(low, min(low + step, end)) for low in range(0, end, step)]
        for end, step in zip(shape[1:], tile[1:], strict=True)
    ]
    for low in range(0, shape[0], tile[0]):
        for others in itertools.product(*ranges):
            yield ((low, min(low + tile[0], shape[0])), *others)


def origins(piece: Piece, chunks: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield the origins of the chunks in a piece."""
    yield from itertools.product(
        *(range(low - low % size, high, size) for (low, high), size in zip(piece, chunks, strict=True))
    )
