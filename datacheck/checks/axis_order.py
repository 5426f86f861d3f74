"""Whether arrays of three axes look as if they were height x width x channels, where channels come first.

The sizes alone do not tell: 64 x 64 x 1 may be features. Neighbouring rows of a picture are much more alike than rows
that lie far apart, whereas the maps of features along a first axis are not.
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
"""Of larger records only some columns are looked at."""
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
    """Say if neighbours along the first axis are closer to each other than those half of the axis apart.

    What has one value in the last axis and is no bytes may be a spectrum or a sequence: nothing is said of it.
    """
    if record.shape[2] == 1 and record.dtype != np.uint8:
        return False
    wide = record[:, :: max(1, record.size // LOOKED_AT)].astype(np.float64)
    if not np.isfinite(wide).all():
        return False
    near = np.abs(np.diff(wide, axis=0)).mean()
    far = np.abs(wide - np.roll(wide, len(wide) // 2, axis=0)).mean()
    return bool(near < CLOSER * far)
