"""Detect arrays of three axes in the order height x width x channels, where channels should come first.

The sizes alone do not decide: 64 x 64 x 1 may be features. Neighbouring rows of a picture are much more alike than rows
that lie far apart. The maps of features along a first axis are not, or they are along all three axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datacheck.model.batch import Batch

LAST = (1, 3, 4)
ABOVE = 8
"""Both sides of a picture are larger than this, in pixels."""
CLOSER = 0.7
"""Neighbouring rows differ by less than this share of the difference between rows that are far apart."""
LOOKED_AT = 1 << 16
"""Of records with more values than this, only some columns in the middle are examined."""
ALIKE, ALIKE_OF_LEVELS = 2.5, 6.0
"""Maximum ratio of the differences between neighbours along height and along width, in general and for values that are
8-bit levels."""
APART, GREY = 1.5, 0.1
"""Neighbouring colours differ by more than APART times the difference between neighbouring pixels, or by less than GREY
times it."""
SLOPE = 0.4
"""Second differences across a slope are less than this share of the first differences."""
WHOLE = 0.01
"""Maximum distance from an integer of a value that was divided and multiplied again."""
ROUNDED = 1.0
"""Second difference of integers that rounding alone can cause."""
ENOUGH = 0.5
"""More than this share of the records of a shape must look like height x width x channels."""


def picture_last(shape: Sequence[int]) -> bool:
    """Check whether a shape looks like height x width x channels.

    >>> picture_last((48, 64, 3)), picture_last((3, 48, 64)), picture_last((256, 3, 3)), picture_last((4096, 1, 1))
    (True, False, False, False)
    """
    return len(shape) == 3 and shape[2] in LAST and min(shape[:2]) > ABOVE


class Agreement(msgspec.Struct):
    """The number of records with such a shape whose neighbouring rows agree; adds up."""

    agreeing: int = 0

    def take(self, batch: Batch) -> None:
        """Count the agreeing records of a batch of arrays; encoded pictures are skipped."""
        if not batch.encoded and picture_last(batch.shape):
            self.agreeing += sum(map(rows_agree, batch.values))

    def __iadd__(self, other: Agreement) -> Agreement:
        self.agreeing += other.agreeing
        return self

    def of(self, shape: Sequence[int], records: int) -> bool:
        """Check whether enough of the records of this shape are height x width x channels."""
        return picture_last(shape) and self.agreeing > ENOUGH * records


def rows_agree(record: NDArray[Any]) -> bool:
    """Check whether the first two axes are those of a picture: along both, neighbours are closer than distant rows.

    A record with one value in the last axis that is not uint8 may be a spectrum or a sequence, so it is not judged. Nor
    is a record whose last axis may be the width of narrow maps, which are as smooth along it as along the axis before.
    """
    if record.shape[2] == 1 and record.dtype != np.uint8:
        return False
    columns = max(ABOVE, record.shape[1] // max(1, -(-record.size // LOOKED_AT)))
    first = max(0, record.shape[1] - columns) // 2
    wide = record[:, first : first + columns].astype(np.float64)
    if not np.isfinite(wide).all():
        return False
    differences = [_near_difference(wide, axis) for axis in (0, 1)]
    if not all(difference < CLOSER * _far_difference(wide, axis) for axis, difference in enumerate(differences)):
        return False
    levels = _as_levels(wide)
    if max(differences) > (ALIKE if levels is None else ALIKE_OF_LEVELS) * min(differences):
        return False
    return _has_colours(wide, differences) or (levels is not None and _is_no_slope(levels))


def _near_difference(record: NDArray[Any], axis: int) -> float:
    """Return the mean difference between neighbours along an axis."""
    return float(np.abs(np.diff(record, axis=axis)).mean())


def _far_difference(record: NDArray[Any], axis: int) -> float:
    """Return the mean difference between values that are half an axis apart."""
    return float(np.abs(record - np.roll(record, record.shape[axis] // 2, axis=axis)).mean())


def _as_levels(record: NDArray[Any]) -> NDArray[Any] | None:
    """Return a record as 8-bit picture levels, or None if its values are not such levels, as 0..255, 0..1 or -1..1."""
    low, high = float(record.min()), float(record.max())
    if low < -1 or high > 255:
        return None
    levels = (record + 1) * 127.5 if low < 0 else record * 255 if high <= 1 else record
    return levels if levels.max() <= 255 and (np.abs(levels - np.round(levels)) < WHOLE).all() else None


def _has_colours(record: NDArray[Any], differences: Sequence[float]) -> bool:
    """Check whether the last axis is one of colours: they differ more than neighbours do, or hardly at all in grey."""
    if record.shape[2] == 1:
        return True
    between_colours = _near_difference(record, 2)
    return between_colours > APART * max(differences) or between_colours < GREY * min(differences)


def _is_no_slope(levels: NDArray[Any]) -> bool:
    """Check that values along the last axis do not continue as they began, as those across a narrow map do.

    The colours of pale pictures differ no more than their pixels do, but irregularly.
    """
    return float(np.abs(np.diff(levels, n=2, axis=2)).mean()) > SLOPE * _near_difference(levels, 2) + ROUNDED
