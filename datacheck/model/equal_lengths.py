"""Hold values of one length as rows of one array: no object per value, and all can be compared at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COPIED = 1 << 10
"""Largest value, in bytes, that is returned as a bytes object; longer ones are returned as views."""


class EqualLengths(Sequence["bytes | memoryview"]):
    """A sequence of values of one length: `rows` has shape (values, length), uint8, read-only.

    The rows need not be contiguous in memory.
    """

    __slots__ = ("rows",)

    def __init__(self, rows: NDArray[np.uint8]) -> None:
        self.rows = rows.view()
        self.rows.flags.writeable = False

    @property
    def length(self) -> int:
        return int(self.rows.shape[1])

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> bytes | memoryview: ...
    @overload
    def __getitem__(self, at: slice) -> EqualLengths: ...
    def __getitem__(self, at: int | slice) -> bytes | memoryview | EqualLengths:
        if isinstance(at, slice):
            return EqualLengths(self.rows[at])
        row: NDArray[np.uint8] = self.rows[at]
        return row.tobytes() if row.size <= COPIED else row.data


def lengths(values: Sequence[bytes | memoryview]) -> list[int]:
    """Return the number of bytes of each value."""
    return [values.length] * len(values) if isinstance(values, EqualLengths) else list(map(len, values))
