"""Read lists of numbers that JSON and msgpack use where other formats have shapes and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datacheck.decoders.trees.tree import Items, Node, Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_AXES = 32


def sizes_of(shape: Node) -> list[int] | None:
    """Return the sizes in a list of integers that gives a shape, or None if it cannot be a shape."""
    if not isinstance(shape, Items):
        return None
    first = shape.items[0] if len(shape.items) == 1 else None
    sizes: list[Any] = first.values.tolist() if isinstance(first, Run) else shape.items
    return sizes if len(sizes) <= MOST_AXES and all(type(it) is int and it >= 0 for it in sizes) else None


def flat_numbers(node: Node) -> NDArray[Any] | None:
    """Return the numbers or booleans of a list that contains nothing else, or None.

    Integers that do not fit 64 bits become floats.
    """
    import numpy as np

    if not isinstance(node, Items):
        return None
    types = set(map(type, node.items))
    if not types <= {int, float, bool}:
        return None
    if types == {int}:
        try:
            return np.array(node.items, np.int64)
        except OverflowError:
            pass
    try:
        return np.array(node.items, np.bool_ if types == {bool} else np.float64)
    except OverflowError:  # an integer beyond every float
        return None


def empty(shape: Sequence[int], dtype: Any) -> NDArray[Any]:
    """Return an array without values, of this shape if NumPy can make such an array, else of shape (0,)."""
    import numpy as np

    try:
        return np.empty(shape, dtype)
    except (ValueError, OverflowError):  # the sizes beside a 0 may be arbitrarily large
        return np.empty(0, dtype)
