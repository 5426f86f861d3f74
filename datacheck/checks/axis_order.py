"""Whether arrays of three axes look as if they were height x width x channels, where channels come first.

The sizes alone do not tell: 64 x 64 x 1 may be features. Neighbouring rows of a picture are much more alike than rows
that lie far apart, whereas the maps of features along a first axis are not, or are so along all three axes.
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
"""Both sides of a picture are larger than this."""
CLOSER = 0.7
"""Neighbours differ by less than this share of what rows far apart differ by."""
LOOKED_AT = 1 << 16
"""Of larger records only some columns in the middle are looked at."""
ALIKE, ALIKE_OF_LEVELS = 2.5, 6.0
"""What neighbours differ by along height and along width differs at most by such a factor."""
APART, GREY = 1.5, 0.1
"""Neighbouring colours differ by so many times what neighbouring pixels do, or by less than this share of it."""
SLOPE = 0.4
"""Second differences across a slope are less than this share of the first ones."""
WHOLE = 0.01
"""What was divided and multiplied again differs from whole numbers by less."""
ROUNDED = 1.0
"""What second differences of whole numbers come to by rounding alone."""
ENOUGH = 0.5
"""More than this share of the records have to look so."""


def picture_last(shape: Sequence[int]) -> bool:
    """Say if a shape looks like height x width x channels.

    >>> picture_last((48, 64, 3)), picture_last((3, 48, 64)), picture_last((256, 3, 3)), picture_last((4096, 1, 1))
    (True, False, False, False)
    """
    return len(shape) == 3 and shape[2] in LAST and min(shape[:2]) > ABOVE


class Agreement(msgspec.Struct):
    """How many records have such a shape and neighbouring rows that agree; adds up."""

    agreeing: int = 0

    def take(self, batch: Batch) -> None:
        """Look at the records of a batch of arrays that are no encoded pictures."""
        if not batch.encoded and picture_last(batch.shape):
            self.agreeing += sum(map(rows_agree, batch.values))

    def __iadd__(self, other: Agreement) -> Agreement:
        self.agreeing += other.agreeing
        return self

    def of(self, shape: Sequence[int], records: int) -> bool:
        """Say if so many records of this shape, most of all, are height x width x channels."""
        return picture_last(shape) and self.agreeing > ENOUGH * records


def rows_agree(record: NDArray[Any]) -> bool:
    """Say if the first two axes are those of a picture: neighbours along both are closer than what lies far apart.

    What has one value in the last axis and is no bytes may be a spectrum or a sequence: nothing is said of it. The same
    goes for a last axis that may be the width of narrow maps, which are as smooth along it as along the one before.
    """
    if record.shape[2] == 1 and record.dtype != np.uint8:
        return False
    columns = max(ABOVE, record.shape[1] // max(1, -(-record.size // LOOKED_AT)))
    first = max(0, record.shape[1] - columns) // 2
    wide = record[:, first : first + columns].astype(np.float64)
    if not np.isfinite(wide).all():
        return False
    nears = [_near(wide, axis) for axis in (0, 1)]
    if not all(near < CLOSER * _far(wide, axis) for axis, near in enumerate(nears)):
        return False
    levels = _levels(wide)
    if max(nears) > (ALIKE if levels is None else ALIKE_OF_LEVELS) * min(nears):
        return False
    return _of_colours(wide, nears) or (levels is not None and _is_no_slope(levels))


def _near(record: NDArray[Any], axis: int) -> float:
    """Return what neighbours along an axis differ by."""
    return float(np.abs(np.diff(record, axis=axis)).mean())


def _far(record: NDArray[Any], axis: int) -> float:
    """Return what values differ by that are half of an axis apart."""
    return float(np.abs(record - np.roll(record, record.shape[axis] // 2, axis=axis)).mean())


def _levels(record: NDArray[Any]) -> NDArray[Any] | None:
    """Return a record as the 8 bits of a picture, if its numbers are those, or those brought to 0..1 or -1..1."""
    low, high = float(record.min()), float(record.max())
    if low < -1 or high > 255:
        return None
    levels = (record + 1) * 127.5 if low < 0 else record * 255 if high <= 1 else record
    return levels if levels.max() <= 255 and (np.abs(levels - np.round(levels)) < WHOLE).all() else None


def _of_colours(record: NDArray[Any], nears: Sequence[float]) -> bool:
    """Say if the last axis is one of colours: these differ by more than neighbours do, or in grey by nothing."""
    if record.shape[2] == 1:
        return True
    across = _near(record, 2)
    return across > APART * max(nears) or across < GREY * min(nears)


def _is_no_slope(levels: NDArray[Any]) -> bool:
    """Say if values along the last axis do not go on as they began, as those across a narrow map do.

    The colours of pale pictures differ by no more than their pixels do, but by no rule.
    """
    return float(np.abs(np.diff(levels, n=2, axis=2)).mean()) > SLOPE * _near(levels, 2) + ROUNDED
