"""Convert lists of numbers, including nested ones, to arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.trees.tree import Items, Node, Run

NOTHING = np.empty(0, np.uint8)
"""The values of what has no numbers."""
NUMBERS = "biufc"
"""The kinds of dtype whose values are checked."""
AXES = 8
"""Maximum number of axes of a list that is taken for an array."""
LARGEST = int(np.finfo(np.float64).max)
LEAST_INTEGER, LARGEST_INTEGER = -(1 << 63), (1 << 63) - 1
VALUES = 1 << 24
"""Maximum number of values of such a list: lists that contain each other repeatedly could stand for any number."""


def is_number(node: Node) -> bool:
    """Check whether a node is a number or a run of numbers."""
    if isinstance(node, (int, float, complex, Run)):  # a bool is an int
        return True
    return isinstance(node, np.ndarray) and node.ndim == 0 and node.dtype.kind in NUMBERS


def number(node: complex) -> NDArray[Any]:
    """Return a number as an array without axes."""
    kind = type(node)
    if kind is float or (kind is int and LEAST_INTEGER <= node <= LARGEST_INTEGER):  # type: ignore[operator]
        return np.array(node, np.float64 if kind is float else np.int64)  # as below, but faster
    result = row([node])
    assert result is not None
    return result[0, ...]


def row(items: Sequence[Node]) -> NDArray[Any] | None:
    """Return numbers as an array of one axis, or None if any item is not a number."""
    if not items:
        return np.empty(0)
    if not all(map(is_number, items)):
        return None
    kinds = set(map(type, items))
    if Run in kinds:
        return _pieces(items)
    if np.ndarray in kinds:
        return np.array(items)
    plain: Any = items
    if kinds == {bool}:
        return np.array(plain, np.uint8)
    if kinds <= {bool, int}:
        try:
            return np.array(plain, np.int64)
        except OverflowError:
            pass  # beyond 64 bits; as floats they can be checked too
    try:
        return np.array(plain, np.complex128 if complex in kinds else np.float64)
    except OverflowError:  # integers beyond float64 are finite nonetheless
        return row([max(-LARGEST, min(LARGEST, it)) if isinstance(it, int) else it for it in plain])


def _pieces(items: Sequence[Node]) -> NDArray[Any] | None:
    pieces: list[NDArray[Any]] = []
    unjoined: list[Node] = []
    for it in (*items, Run(np.empty(0))):
        if not isinstance(it, Run):
            unjoined.append(it)
            continue
        if unjoined:
            numbers = row(unjoined)
            if numbers is None:
                return None
            pieces.append(numbers)
            unjoined = []
        if it.values.size or not pieces:
            pieces.append(it.values)
    pieces = [it for it in pieces if it.size] or pieces
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _all_lists(items: Sequence[Node]) -> TypeGuard[Sequence[Items]]:
    return all(type(it) is Items for it in items)


def rectangle(items: Items) -> NDArray[Any] | None:
    """Return the array that a list of numbers, or of equally long lists of them, represents, or None if it is none.

    >>> rectangle(Items([Items([1, 2]), Items([3, 4])])).tolist()
    [[1, 2], [3, 4]]
    """
    level: Sequence[Items] = [items]
    shape: list[int] = []
    for _ in range(AXES):
        if level and level[0].items and type(level[0].items[0]) is not Items:
            break
        if sum(len(part.items) for part in level) > VALUES:
            return None
        inner = [it for part in level for it in part.items]
        if not inner or not _all_lists(inner):
            break
        if len({len(part.items) for part in level}) > 1:
            return None
        shape.append(len(level[0].items))
        level = inner
    if sum(len(part.items) for part in level) > VALUES:
        return None
    if len(level) == 1:
        only = row(level[0].items)
        return None if only is None else only.reshape(*shape, only.size)
    flat = row([it for part in level for it in part.items])
    sizes = {sum(it.values.size if isinstance(it, Run) else 1 for it in part.items) for part in level}
    return flat.reshape(*shape, sizes.pop()) if flat is not None and len(sizes) == 1 else None
