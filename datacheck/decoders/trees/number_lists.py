"""Lists of numbers as arrays: what JSON and msgpack hold where other formats hold arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datacheck.decoders.trees.tree import Items, Node

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBER_TYPES = frozenset({int, float})


def number_list(items: Sequence[Any]) -> NDArray[Any] | None:
    """Return the array of a list that holds nothing but numbers, or nothing but truth values; else None.

    Whole numbers beyond 64 bits have no array. With them, and for no items at all, there is none.
    """
    import numpy as np

    types = set(map(type, items))
    if types == {float}:
        return np.array(items, np.float64)
    if types == {bool}:
        return np.array(items, np.bool_)
    if not types or not types <= NUMBER_TYPES:
        return None
    try:
        if float in types:
            return np.array(items, np.float64)
        return np.array(items, np.int64 if min(items) < 0 or max(items) < 1 << 63 else np.uint64)
    except OverflowError:
        return None


def gathered(items: list[Node]) -> Node:
    """Return the array of a list of numbers, or of arrays of one shape; any other list as it is.

    Rows of numbers are one array where their shapes agree; whole numbers among rows of floats become floats, as they
    do in a row.
    """
    import numpy as np

    first = type(items[0]) if items else None
    if first in (int, float, bool):
        made = number_list(items)
        return Items(items) if made is None else made
    if first is not np.ndarray:
        return Items(items)
    rows: list[Any] = items
    if set(map(type, rows)) != {np.ndarray} or len({row.shape for row in rows}) > 1 or rows[0].ndim >= MOST_AXES:
        return Items(items)
    kinds = {row.dtype.kind for row in rows}
    if len({row.dtype for row in rows}) == 1:
        return np.stack(rows)
    return np.stack([row.astype(np.float64) for row in rows]) if kinds <= set("iuf") else Items(items)


def empty(shape: Sequence[int], dtype: Any) -> NDArray[Any]:
    """Return an array without values, of that shape if there can be such an array."""
    import numpy as np

    try:
        return np.empty(shape, dtype)
    except (ValueError, OverflowError):  # the sizes beside a 0 have no bounds
        return np.empty(0, dtype)


MOST_AXES = 16
"""So many levels of lists become one array; NumPy has at most 64."""
