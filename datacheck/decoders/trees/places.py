"""Where the values of a record lie: in records of one layout they may be others, and all else is the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NODES = 1 << 12
"""Records of more parts have no layout that others would share."""


class Traced:
    """A number or a text that knows where it lies, and as what."""

    at: int
    size: int
    dtype: str


class TracedInt(int, Traced):
    pass


class TracedFloat(float, Traced):
    pass


class TracedText(str, Traced):
    pass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a leaf's values lie in a record: an array by its strides, a number by its dtype; a text has no dtype.

    The bytes of texts, and of what is `small`, are below 128 in every record: others would mean something else there.
    """

    at: int
    size: int
    dtype: str
    shape: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    small: bool = False


def of_array(values: NDArray[Any], raw: NDArray[np.uint8]) -> Place | None:
    """Return where an array lies in a record, None where it is no view of it."""
    if any(step < 0 for step in values.strides):
        return None
    at = values.__array_interface__["data"][0] - raw.__array_interface__["data"][0]
    extent = sum((count - 1) * step for count, step in zip(values.shape, values.strides, strict=True))
    if not 0 <= at <= len(raw) - extent - values.dtype.itemsize:
        return None
    return Place(at, extent + values.dtype.itemsize, values.dtype.str, values.shape, values.strides)
