"""Partly known shapes of blobs, and the exception for shapes that do not fit.

A shape is a tuple of sizes, each of which may be None (unknown). The shape of a blob whose number of axes is unknown is
None.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Dim = int | None
Shape = tuple[Dim, ...]
Shapes = Sequence[Shape | None]


MOST_SIZES = 32
"""Maximum number of sizes spelled out for a shape; a blob has no more axes."""


class Misfit(Exception):
    """Why Caffe refuses to set up a layer: the reason as a clause, the field at fault, and the forks that accept it."""

    def __init__(self, reason: str, field: str = "", forks: tuple[str, ...] = ()) -> None:
        super().__init__(reason, field)
        self.reason, self.field, self.forks = reason, field, forks


def axis_of(shape: Shape, axis: int, field: str, *, end: int = 0) -> int:
    """Return the axis counted from the front; `end` is how many axes past the last are allowed.

    Raises Misfit if the shape does not have the axis.
    """
    if not -len(shape) - end <= axis < len(shape) + end:
        raise Misfit(f"axis {axis} is not one of the {len(shape)} axes of {shape_text(shape)}", field)
    return axis + len(shape) + end if axis < 0 else axis


def size_along(shape: Shape | None, axis: int) -> Dim:
    """Return the size along an axis, or None if it is unknown or the shape does not have the axis."""
    return shape[axis] if shape is not None and -len(shape) <= axis < len(shape) else None


def product(sizes: Sequence[Dim]) -> Dim:
    """Return the product of the sizes, or None if one is unknown."""
    known = [size for size in sizes if size is not None]
    return math.prod(known) if len(known) == len(sizes) else None


def shape_text(shape: Shape | None) -> str:
    """Return a readable shape, such as 3x?x224; ? is an unknown size."""
    if shape is None:
        return "an unknown shape"
    sizes = "x".join("?" if size is None else str(size) for size in shape[:MOST_SIZES]) or "a single value"
    return f"{sizes}x..." if len(shape) > MOST_SIZES else sizes


def differ(one: Dim, other: Dim) -> bool:
    return one is not None and other is not None and one != other
