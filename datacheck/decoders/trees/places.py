"""Describe where the values of a record are: records of one layout may differ there, and are equal elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NODES = 1 << 12
"""Records with more leaves than this are assumed to share no layout with others."""


class Traced:
    """A number or text that knows its offset, its size and its dtype in the record."""

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
    """The position of a leaf's values in a record: an array has strides, a number only a dtype, a text no dtype.

    The bytes of texts, and of places that are `small`, must be below 128 in every record: others have another meaning
    there.
    """

    at: int
    size: int
    dtype: str
    shape: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    small: bool = False


def of_array(values: NDArray[Any], raw: NDArray[np.uint8]) -> Place | None:
    """Return the place of an array in a record, or None if it is not a view of the record."""
    if any(step < 0 for step in values.strides):
        return None
    at = values.__array_interface__["data"][0] - raw.__array_interface__["data"][0]
    extent = sum((count - 1) * step for count, step in zip(values.shape, values.strides, strict=True))
    if not 0 <= at <= len(raw) - extent - values.dtype.itemsize:
        return None
    return Place(at, extent + values.dtype.itemsize, values.dtype.str, values.shape, values.strides)
