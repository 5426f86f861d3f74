"""Read the data frames and series of pandas as mappings of columns, by the names of the columns.

pandas pickles a frame as blocks of columns of one dtype, with the places of these columns, and two axes (pandas 1 to 3,
`pandas/core/internals/managers.py`). Columns whose names are no texts, or occur twice, stay where pandas keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.trees.paths import is_label
from datacheck.decoders.trees.tree import Box, Items, Keyed, Node

FRAMES = frozenset(("pandas.core.frame.DataFrame", "pandas.DataFrame"))
SERIES = frozenset(("pandas.core.series.Series", "pandas.Series"))
BLOCK, MANAGER, BACKED = "_unpickle_block", "BlockManager", "__pyx_unpickle_NDArrayBacked"
NULLABLE = ("IntegerArray", "FloatingArray", "BooleanArray")
"""The ends of the names of arrays in which some numbers are marked as missing."""
DEPTH = 4
"""Maximum depth at which the texts of an index are searched."""
ENTRIES = 256
"""Maximum length of a series whose entries are read by their names: a row of a data frame.

As many parts of an index are searched for its texts at each depth, since parts may be shared.
"""
VALUES = 1 << 24
"""Maximum number of values in the columns that are not read as stored, since all of them may share one array."""


def columns_of(node: Keyed) -> Keyed | Items | NDArray[Any] | None:
    """Return a data frame as a mapping of its columns, a series as one of its entries or values; None for others.

    A nullable array by itself is returned as its numbers.
    """
    if node.kind not in FRAMES and node.kind not in SERIES:
        content = _plain(node) if node.kind.endswith(NULLABLE) and node.kind.startswith("pandas.") else None
        return content if isinstance(content, (Items, np.ndarray)) else None
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
    made = 0
    for block in blocks:
        part = _plain(block)
        if not isinstance(part, Keyed) or not part.kind.endswith(BLOCK) or len(part.items) < 2:
            return None
        places = _places(part.items[1], len(names))
        label = any(is_label(names[it]) for it in places)
        stored = _unboxed(part.items[0])
        content = _plain(stored, label=label)
        made += 0 if content is stored else _size(content)
        values = _each(content, len(places))
        if not places or values is None or not columns.keys().isdisjoint(places) or made > VALUES:
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
    own = _plain(name)
    label = isinstance(own, str) and is_label(own)
    values, names = _plain(blocks[0], label=label), _names(axes[0])
    size = _size(values)
    if names and size == len(names) <= ENTRIES and isinstance(values, (Items, np.ndarray)):
        each = values.items if isinstance(values, Items) else [values.reshape(-1)[at, ...] for at in range(size)]
        return Keyed(list(zip(names, each, strict=True)))
    index = _index(axes[0])
    return Keyed([(own if isinstance(own, str) else "values", values), *([] if index is None else [("index", index)])])


def _plain(node: Node, *, label: bool = False) -> Node:
    """Return the content of a box, and for an array of pandas its numbers or texts.

    None stands for numbers that are marked as missing, and NaN for such labels, since these are faults.
    """
    node = _unboxed(node)
    if not isinstance(node, Keyed):
        return node
    if node.kind.endswith(BACKED) and len(node.items) > 3:
        state = _items(node.items[3]) or ()
        dtype = _unboxed(state[0]) if len(state) > 1 else None
        if isinstance(dtype, Keyed) and dtype.kind.endswith("CategoricalDtype"):
            values = _categories(dtype, _unboxed(state[1]), label=label)
            return node if values is None else values
    return _stored(node, label=label)


def _stored(node: Node, *, label: bool = False) -> Node:
    """Return the content of a box, and for an array of pandas what it stores, such as the numbers of categories."""
    node = _unboxed(node)
    if not isinstance(node, Keyed):
        return node
    if node.kind.endswith(BACKED) and len(node.items) > 3:
        state = _items(node.items[3]) or ()
        return _unboxed(state[1]) if len(state) > 1 else node
    if node.kind.endswith("ArrowStringArray"):
        texts = _value(node, "_pa_array")
        return texts if isinstance(texts, Items) else node
    return _nullable(node, label=label) if node.kind.endswith(NULLABLE) else node


def _categories(dtype: Keyed, codes: Node, *, label: bool) -> Node:
    """Return the category of each row, None if they cannot be that."""
    data = _axis(_value(dtype, "categories"))
    numbers, names = _stored(data), _texts(data)
    if not isinstance(codes, np.ndarray) or codes.dtype.kind not in "iu" or codes.ndim != 1:
        return None
    count = numbers.size if isinstance(numbers, np.ndarray) else len(names)
    if not count or (codes.size and not -1 <= codes.min() <= codes.max() < count):
        return None
    if isinstance(numbers, np.ndarray):
        missing = numbers.ndim != 1 or numbers.dtype.kind not in "biuf"
        values = None if missing else numbers[codes]
        return values if values is None else _without(values, codes < 0, label=label)
    return Items([None if it < 0 else names[it] for it in codes.tolist()])


def _nullable(node: Keyed, *, label: bool) -> Node:
    """Return a nullable column as its numbers."""
    values, mask = _value(node, "_data"), _value(node, "_mask")
    if not isinstance(values, np.ndarray) or not isinstance(mask, np.ndarray) or values.shape != mask.shape:
        return node
    return values if mask.dtype != np.bool_ or values.ndim != 1 else _without(values, mask, label=label)


def _without(values: NDArray[Any], missing: NDArray[np.bool_], *, label: bool) -> Node:
    """Return a column in which None stands for the missing numbers, or NaN if they are labels."""
    if not missing.any():
        return values
    if label:
        return np.where(missing, np.nan, values.astype(np.float64))
    return Items([None if gone else it for it, gone in zip(values.tolist(), missing.tolist(), strict=True)])


def _size(node: Node) -> int:
    return len(node.items) if isinstance(node, Items) else node.size if isinstance(node, np.ndarray) else 0


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
    state = _unboxed(node.items[1])
    return _value(state, "data") if isinstance(state, Keyed) else None


def _names(axis: Node) -> list[str]:
    """Return the texts of an index, or nothing if they are no texts or not unique."""
    return _texts(_plain(_axis(axis)))


def _texts(node: Node) -> list[str]:
    """Return the first texts in what an index stores, or nothing if they are not unique."""
    level: list[Node] = [node]
    for _ in range(DEPTH):
        inside: list[Node] = []
        for it in map(_stored, level[:ENTRIES]):
            if isinstance(it, Items) and it.items and all(isinstance(text, str) for text in it.items):
                names = [text for text in it.items if isinstance(text, str)]
                return names if len(set(names)) == len(names) else []
            if isinstance(it, Items):
                inside += it.items[:ENTRIES]
            elif isinstance(it, Keyed):
                inside += [*it.items[:ENTRIES], *(value for _, value in it.pairs[:ENTRIES])]
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
