"""Shapes of blobs of which not everything may be known, and what it is called when they do not fit.

A shape is a tuple of sizes, of which any may be None (not known); a blob of which not even the number of axes is known
has None for a shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Dim = int | None
Shape = tuple[Dim, ...]
Shapes = Sequence[Shape | None]


MOST_SAID = 32
"""Sizes of a shape that are spelled out: a blob has no more axes."""


class Misfit(Exception):
    """Why Caffe would not set the layer up: one clause, the field it lies in, and the forks that would."""

    def __init__(self, reason: str, field: str = "", forks: tuple[str, ...] = ()) -> None:
        super().__init__(reason, field)
        self.reason, self.field, self.forks = reason, field, forks


def axis_of(shape: Shape, axis: int, field: str, *, end: int = 0) -> int:
    """Return the axis counted from the front. Raises Misfit if the shape has none such."""
    if not -len(shape) - end <= axis < len(shape) + end:
        raise Misfit(f"axis {axis} is not one of the {len(shape)} axes of {spell(shape)}", field)
    return axis + len(shape) + end if axis < 0 else axis


def product(sizes: Sequence[Dim]) -> Dim:
    """Return the product of sizes, None if one is not known."""
    known = [size for size in sizes if size is not None]
    return math.prod(known) if len(known) == len(sizes) else None


def spell(shape: Shape | None) -> str:
    """Return a shape as a person reads it; ? is a size that is not known."""
    if shape is None:
        return "an unknown shape"
    said = "x".join("?" if size is None else str(size) for size in shape[:MOST_SAID]) or "a single value"
    return f"{said}x..." if len(shape) > MOST_SAID else said


def differ(one: Dim, other: Dim) -> bool:
    return one is not None and other is not None and one != other
