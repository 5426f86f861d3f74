"""Read the data frames and series of pandas as mappings of columns, by the names of the columns.

pandas pickles a frame as blocks of columns of one dtype, with the places of these columns, and two axes (pandas 1 to 3,
`pandas/core/internals/managers.py`). Columns whose names are no texts, or occur twice, stay where pandas keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datacheck.decoders.trees.tree import Box, Items, Keyed, Node

FRAMES = frozenset(("pandas.core.frame.DataFrame", "pandas.DataFrame"))
SERIES = frozenset(("pandas.core.series.Series", "pandas.Series"))
BLOCK, MANAGER, BACKED = "_unpickle_block", "BlockManager", "__pyx_unpickle_NDArrayBacked"
DEPTH = 4
"""Maximum depth at which the texts of an index are searched."""
ENTRIES = 256
"""Maximum length of a series whose entries are read by their names: a row of a data frame."""


def columns_of(node: Keyed) -> Keyed | None:
    """Return a data frame as a mapping of its columns, a series as one of its entries or values; None for others."""
    if node.kind not in FRAMES and node.kind not in SERIES:
        return None
    manager = _value(node, "_mgr")
    if not isinstance(manager, Keyed) or not manager.kind.endswith(MANAGER) or not manager.items:
        return None
    return (
        _columns(manager.items)
        if node.kind in FRAMES
        else _entries(manager.items[0], _value(node, "_name") or _value(node, "name"))
    )


def _columns(items: Sequence[Node]) -> Keyed | None:
    blocks, axes = (_items(it) for it in items[:2]) if len(items) > 1 else (None, None)
    if not blocks or axes is None or len(axes) != 2:
        return None
    names = _names(axes[0])
    columns: dict[int, Node] = {}
    for block in blocks:
        part = _plain(block)
        if not isinstance(part, Keyed) or not part.kind.endswith(BLOCK) or len(part.items) < 2:
            return None
        places = _places(part.items[1], len(names))
        values = _each(_plain(part.items[0]), len(places))
        if not places or values is None or not columns.keys().isdisjoint(places):
            return None
        columns.update(zip(places, values, strict=True))
    if not names or len(columns) != len(names):
        return None
    index = _index(axes[1])
    spare = [] if index is None else [("(index)" if "index" in names else "index", index)]
    return Keyed([*((name, columns[at]) for at, name in enumerate(names)), *spare])


def _entries(state: Node, name: Node) -> Keyed | None:
    """Return the entries of a series by name, if its index has names, else its values under its own name."""
    parts = _items(state) or ()
    axes, blocks = (_items(it) for it in parts[:2]) if len(parts) > 1 else (None, None)
    if not axes or not blocks or len(axes) != 1 or len(blocks) != 1:
        return None
    values, names = _plain(blocks[0]), _names(axes[0])
    size = len(values.items) if isinstance(values, Items) else values.size if isinstance(values, np.ndarray) else 0
    if names and size == len(names) <= ENTRIES and isinstance(values, (Items, np.ndarray)):
        each = values.items if isinstance(values, Items) else [values.reshape(-1)[at, ...] for at in range(size)]
        return Keyed(list(zip(names, each, strict=True)))
    own = _plain(name)
    index = _index(axes[0])
    return Keyed([(own if isinstance(own, str) else "values", values), *([] if index is None else [("index", index)])])


def _plain(node: Node) -> Node:
    """Return the content of a box, and for an array of pandas its numbers or texts."""
    node = _unboxed(node)
    if not isinstance(node, Keyed):
        return node
    if node.kind.endswith(BACKED) and len(node.items) > 3:
        state = _items(node.items[3]) or ()
        dtype = _unboxed(state[0]) if len(state) > 1 else None
        if isinstance(dtype, Keyed) and dtype.kind.endswith("CategoricalDtype"):
            values = _categories(dtype, _unboxed(state[1]))
            return node if values is None else values
        return _unboxed(state[1]) if len(state) > 1 else node
    return _nullable(node) if node.kind.endswith(("IntegerArray", "FloatingArray", "BooleanArray")) else node


def _categories(dtype: Keyed, codes: Node) -> Node:
    """Return the category of each row, NaN or None where it has none; None if they cannot be that."""
    index = _value(dtype, "categories")
    numbers, names = _plain(_axis(index)), _names(index)
    if not isinstance(codes, np.ndarray) or codes.dtype.kind not in "iu" or codes.ndim != 1:
        return None
    count = numbers.size if isinstance(numbers, np.ndarray) else len(names)
    if not count or (codes.size and not -1 <= codes.min() <= codes.max() < count):
        return None
    if isinstance(numbers, np.ndarray):
        missing = numbers.ndim != 1 or numbers.dtype.kind not in "biuf"
        values = None if missing else numbers[codes]
        return values if values is None or (codes >= 0).all() else np.where(codes < 0, np.nan, values)
    return Items([None if it < 0 else names[it] for it in codes.tolist()])


def _nullable(node: Keyed) -> Node:
    """Return a nullable column as its numbers, with NaN for those that are missing."""
    values, mask = _value(node, "_data"), _value(node, "_mask")
    if not isinstance(values, np.ndarray) or not isinstance(mask, np.ndarray) or values.shape != mask.shape:
        return node
    if mask.dtype != np.bool_ or not mask.any():
        return values
    return np.where(mask, np.nan, values.astype(np.float64))


def _unboxed(node: Node) -> Node:
    """Return the content of a box; what may be in a box inside it is left there."""
    return node.node if isinstance(node, Box) else node


def _items(node: Node) -> Sequence[Node] | None:
    node = _unboxed(node)
    return node.items if isinstance(node, Items) else None


def _value(node: Keyed, name: str) -> Node:
    value = next((value for key, value in node.pairs if key == name), None)
    return _unboxed(value)


def _axis(node: Node) -> Node:
    """Return the data of an index, or None if it only counts."""
    node = _unboxed(node)
    if not isinstance(node, Keyed) or not node.kind.endswith("_new_Index") or len(node.items) < 2:
        return None
    state = _plain(node.items[1])
    return _value(state, "data") if isinstance(state, Keyed) else None


def _names(axis: Node) -> list[str]:
    """Return the texts of an index, or nothing if they are no texts or not unique."""
    level: list[Node] = [_axis(axis)]
    for _ in range(DEPTH):
        inside: list[Node] = []
        for node in map(_plain, level):
            if isinstance(node, Items) and node.items and all(isinstance(it, str) for it in node.items):
                names = [it for it in node.items if isinstance(it, str)]
                return names if len(set(names)) == len(names) else []
            if isinstance(node, Items):
                inside += node.items[:ENTRIES]
            elif isinstance(node, Keyed):
                inside += [*node.items, *(value for _, value in node.pairs)][:ENTRIES]
        level = inside
    return []


def _index(axis: Node) -> Node:
    """Return the numbers or names of the rows, or None if the rows are only counted."""
    data = _axis(axis)
    return data if isinstance(data, np.ndarray) and data.ndim == 1 else None


def _places(node: Node, count: int) -> list[int]:
    """Return the numbers of the columns in a block, of `count` in all; nothing if they cannot be that."""
    node = _plain(node)
    if isinstance(node, Keyed) and node.kind.endswith("slice") and len(node.items) == 3:
        first, last, step = node.items
        if not (isinstance(first, int) and isinstance(last, int) and isinstance(step, int) and step):
            return []
        places = [*range(first, last, step)[: count + 1]]
    elif isinstance(node, np.ndarray) and node.ndim == 1 and node.dtype.kind in "iu" and node.size <= count:
        places = node.tolist()
    else:
        return []
    return places if len(set(places)) == len(places) and all(0 <= it < count for it in places) else []


def _each(values: Node, count: int) -> Sequence[Node] | None:
    """Return the values of each of the `count` columns of a block, or None if they are not so many."""
    if isinstance(values, np.ndarray) and values.ndim == 2:
        return list(values) if len(values) == count else None
    if isinstance(values, Items) and count and not len(values.items) % count:
        rows = len(values.items) // count
        return [Items(values.items[at * rows : (at + 1) * rows], values.kind) for at in range(count)]
    return [values] if count == 1 else None
