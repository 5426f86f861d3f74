"""Define `Batch`: the values of one field of many records, produced by decoders and judged by validators."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from datacheck.model.profile import FieldProfile
from datacheck.model.replacing import replace

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SeparateArrays:
    """Arrays of one shape and dtype that lie apart in memory, indexed like a stacked array, but without copying."""

    def __init__(self, records: Sequence[NDArray[Any]]) -> None:
        self.records = records
        self.shape = (len(records), *records[0].shape)
        self.dtype = records[0].dtype
        self.ndim = len(self.shape)
        self.size = len(records) * records[0].size

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, at: int) -> NDArray[Any]:
        return self.records[at]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter(self.records)


@dataclass(frozen=True)
class Batch:
    """The values of one field of many records of a block: `values` has shape (len(rows), ...), any real dtype.

    `rows` are the records' positions in the block, `absent` the positions of records that lack the field. Pictures are
    (n, channels, height, width) uint8 or uint16. `format` names how the values were stored ("JPEG", "PNG 16-bit",
    "float_data"). `encoded` means that their shape may vary, `label` that they are labels. `path` is the field's whole
    path in an HDF5 file, unescaped, and empty for other stores. `expected` is the profile of the field, or None while
    the profile is being made.

    The values of large records are `SeparateArrays`, except in the batches that a caller's own validators get.
    `pixels_skipped` means that only the shape of `values` is meaningful: the pictures were found sound, but no check
    needed their pixels. `missing` marks the values that are declared to be missing; they are NaN, and sound. A `leaf`
    is a part of a tree: what the profile says about it holds only if nearly all sampled records agreed.
    """

    field: str
    rows: Sequence[int]
    values: NDArray[Any]
    format: str = ""
    encoded: bool = False
    label: bool = False
    absent: Sequence[int] = ()
    expected: FieldProfile | None = None
    pixels_skipped: bool = False
    leaf: bool = False
    path: str = ""
    missing: NDArray[Any] | None = None

    def called(self, name: str) -> bool:
        """Check whether a name in an option means this field; `*/NAME` means all fields with these last parts."""
        if name.startswith(ENDS):
            return f"/{self.field}".endswith(name[1:]) or self.path.endswith(name[1:])
        return name in (self.field, self.path) or name == self.path.removeprefix("/")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one record's values."""
        return self.values.shape[1:]

    @property
    def width(self) -> int:
        """The number of values of one record."""
        return math.prod(self.shape)

    @property
    def floating(self) -> bool:
        return self.values.dtype.kind == "f"

    @property
    def listing(self) -> bool:
        """Whether it is a list of integers in a tree (masks, atomic numbers, ids), which are often all the same."""
        return self.leaf and not self.floating and len(self.shape) < 2

    @property
    def few(self) -> bool:
        """Whether records have so few values that equal values mean nothing: a molecule's cell may be all zeros."""
        return self.width < LEAST or (self.leaf and self.width <= SQUARE)

    @property
    def lows(self) -> NDArray[Any]:
        """The least value of each record, NaN if it contains NaN; `width` must not be 0."""
        return self._bounds[0]

    @property
    def highs(self) -> NDArray[Any]:
        """The greatest value of each record, NaN if it contains NaN; `width` must not be 0."""
        return self._bounds[1]

    @cached_property
    def extremes(self) -> tuple[float, float]:
        """The least and the greatest value of all records, both NaN if any of them is NaN; `values` must not be empty.

        If they lie within the bounds, so does every record of floats, and the records need not be compared one by one.
        """
        import numpy as np

        return np.minimum.reduce(self.lows).item(), np.maximum.reduce(self.highs).item()

    @property
    def all_finite(self) -> bool:
        """Whether no value is NaN or infinite; `values` must be floats and not empty."""
        return all(map(math.isfinite, self.extremes))

    @cached_property
    def constant(self) -> NDArray[Any]:
        """Which records have one value only; `width` must not be 0. A few values suffice to rule out most records."""
        import numpy as np

        if self.values.dtype.kind not in "ui" or "_bounds" in self.__dict__:
            return np.asarray(self.lows == self.highs)
        some = slice(None, None, max(1, self.width // LOOKS))
        if isinstance(self.values, SeparateArrays):
            samples = np.stack([record.reshape(-1)[some] for record in self.values])
        else:
            samples = self.values.reshape(len(self.values), -1)[:, some]
        constant = np.asarray((samples == samples[:, :1]).all(axis=1))
        for at in np.flatnonzero(constant):
            constant[at] = (self.values[at] == samples[at, 0]).all()
        return constant

    def span(self, low: float, high: float) -> tuple[float, float]:
        """Return the least and the greatest of all values and of `low` and `high`; none may be NaN.

        For integers, the search stops once the smallest and the largest value of their dtype were found, since no
        further value could change the result.
        """
        import numpy as np

        if self.values.dtype.kind not in "ui" or "_bounds" in self.__dict__:
            return min(low, self.extremes[0]), max(high, self.extremes[1])
        ends = np.iinfo(self.values.dtype)
        step = 1 if isinstance(self.values, SeparateArrays) else self.at_once
        for start in range(0, len(self.values), step):
            if low <= ends.min and high >= ends.max:
                break
            piece = self.values[start] if step == 1 else self.values[start : start + step]
            if low > ends.min:
                low = min(low, np.minimum.reduce(piece, axis=None).item())
            if high < ends.max:
                high = max(high, np.maximum.reduce(piece, axis=None).item())
        return low, high

    @property
    def at_once(self) -> int:
        """The number of records that fit into the processor's cache."""
        return max(1, CACHED_BYTES // max(1, self.width * self.values.dtype.itemsize))

    @cached_property
    def _bounds(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The least and the greatest value of each record.

        They are computed piece by piece. A piece fits into the processor's cache, so the second pass over it costs
        little.
        """
        import numpy as np  # imported here because the parent has no values to judge and starts without NumPy

        count = len(self.values)
        lows, highs = np.empty(count, self.values.dtype), np.empty(count, self.values.dtype)
        if isinstance(self.values, SeparateArrays):
            for at, record in enumerate(self.values):
                lows[at], highs[at] = _ends(record.reshape(-1))
            return lows, highs
        step = self.at_once
        axes = tuple(range(1, self.values.ndim))
        for start in range(0, count, step):
            piece = _aligned(self.values[start : start + step])
            np.minimum.reduce(piece, axis=axes, out=lows[start : start + step])
            np.maximum.reduce(piece, axis=axes, out=highs[start : start + step])
        return lows, highs

    def apart(self) -> Iterator[Batch]:
        """Yield batches whose values are one array each, without copying.

        `SeparateArrays` give one batch per record.
        """
        if not isinstance(self.values, SeparateArrays):
            yield self
            return
        for at, record in enumerate(self.values):
            yield replace(self, rows=self.rows[at : at + 1], values=record[None], absent=())


def _aligned(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in aligned memory: NumPy would copy unaligned ones in small pieces in every pass."""
    return values if values.flags.aligned else values.copy()


def _ends(flat: NDArray[Any]) -> tuple[Any, Any]:
    """Return the least and the greatest of some values, NaN if one is NaN.

    Unaligned values are copied piece by piece.
    """
    import numpy as np

    if flat.flags.aligned:
        return np.minimum.reduce(flat), np.maximum.reduce(flat)
    step = CACHED_BYTES // flat.itemsize
    lows, highs = [], []
    for start in range(0, flat.size, step):
        piece = flat[start : start + step].copy()
        lows.append(np.minimum.reduce(piece))
        highs.append(np.maximum.reduce(piece))
    return np.minimum.reduce(lows), np.maximum.reduce(highs)


ENDS = "*/"
"""Prefix of a name that gives only the last part, or the last parts, of a field's path."""
LEAST, SQUARE = 3, 9
"""A record with fewer than LEAST values may well hold one value only, and so may an array in a tree with at most SQUARE
(3 x 3) values."""
LOOKS = 8
"""Minimum number of values of a record that are compared first, to rule out quickly that all are the same."""
CACHED_BYTES = 512 << 10
"""Bytes that are read twice in a row, first for the least and then for the greatest value."""
