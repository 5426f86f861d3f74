"""Read lists of keys in values without a form of their own: texts, tables, arrays, and pickles that hold more.

Most of these values cannot be written again without a loss, and are marked as read in part.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from datacheck.conventions.values.stored_values import DEEPEST, TEXTS, Stored, each_item, plain_value, stored
from datacheck.decoders.trees.tree import Items, Keyed, Node
from datacheck.model.key_families import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIGIT = re.compile(r"[0-9]")
OTHER = object()
"""Stands for a part of a value that is not plain, such as a date or an array of means."""
LONGEST = 8
"""Maximum number of items in a row of a list."""
SEPARATORS = ("\t", ",", ";", " ")
"""Characters that separate the columns of a table of text, in the order in which they are tried."""


def stored_list(raw: bytes) -> Stored | None:
    """Return the lists, mappings or rows in a value that `stored` does not read, or None if it holds none."""
    return _wrapped_list(raw) or _unwrapped_list(raw)


def _unwrapped_list(raw: bytes) -> Stored | None:
    return _tree_list(raw) or _array_lists(raw) or _text_or_rows(raw)


def _wrapped_list(raw: bytes) -> Stored | None:
    """Return the lists, mappings or rows in a compressed value, or None."""
    from datacheck.decoders.wrappers.table import peel, peel_once

    wrapper = peel_once(raw)
    if wrapper is None:
        return None
    peeled = peel((wrapper[0],), raw)
    parsed = (stored(peeled.value) or _unwrapped_list(peeled.value)) if peeled.sound else None
    return None if parsed is None else _read_in_part(parsed.value, wrapper[0])


def _read_in_part(value: Any, form: str) -> Stored | None:
    return Stored(value, form, in_part=True) if isinstance(value, (list, dict)) and value else None


def _tree_list(raw: bytes) -> Stored | None:
    from datacheck.decoders.pickles.decoder import PickleDecoder
    from datacheck.decoders.trees.msgpack import parse_msgpack

    decoder = PickleDecoder()
    pickled = decoder.knows(raw)
    parsed = decoder.parse(raw) if pickled else parse_msgpack(raw)
    return (
        None if parsed.findings else _read_in_part(_plain_or_other(parsed.tree, 0), "pickle" if pickled else "msgpack")
    )


def _plain_or_other(node: Node, depth: int) -> Any:
    """Return a tree as plain Python values, with OTHER for what has none, or for what is nested too deeply.

    Arrays of one dimension that hold texts or whole numbers become lists.
    """
    import numpy as np

    from datacheck.decoders.trees.leaves import unboxed

    node = unboxed(node)
    if isinstance(node, (bytes, memoryview)) and (items := _array(node)) is not None:
        return items
    if isinstance(node, (bytes, memoryview)) and (number := _number(node)) is not None:
        return number
    if isinstance(node, np.ndarray) and (items := _items(node)) is not None:
        return items
    if isinstance(node, Items) and depth < DEEPEST:
        return each_item(node, lambda it: _plain_or_other(it, depth + 1))
    if isinstance(node, Keyed) and depth < DEEPEST:
        pairs = [(_plain_or_other(key, depth + 1), _plain_or_other(value, depth + 1)) for key, value in node.pairs]
        return {key: value for key, value in pairs if isinstance(key, (str, bytes, int))}
    try:
        return plain_value(node, depth)
    except ValueError:
        return OTHER


def _array_lists(raw: bytes) -> Stored | None:
    """Return the items of .npy bytes, or of each array of an .npz archive by its name."""
    from datacheck.decoders.archives.npz import NpzDecoder

    decoder = NpzDecoder()
    if not decoder.knows(raw):
        return _read_in_part(_array(raw), "npy")
    parsed = decoder.parse(raw)
    return None if parsed.findings else _read_in_part(_plain_or_other(parsed.tree, 0), "npz")


def _array(raw: bytes | memoryview) -> list[Any] | None:
    """Return the texts or whole numbers in .npy bytes of one dimension, or None."""
    from datacheck.decoders.npy_bytes import MAGIC, column

    values = column(raw) if raw[:6] == MAGIC else None
    return None if values is None else _items(values)


def _number(raw: bytes | memoryview) -> int | None:
    """Return the whole number in .npy bytes without a dimension, or None."""
    from datacheck.decoders.npy_bytes import MAGIC, whole_number

    return whole_number(raw) if raw[:6] == MAGIC else None


def _items(values: NDArray[Any]) -> list[Any] | None:
    """Return the texts or whole numbers of an array of one dimension, or None.

    NumPy raises SystemError for a text with a number that is no character.
    """
    import numpy as np

    if values.ndim != 1 or values.dtype.kind not in "USiu":
        return None
    if values.dtype.kind == "U" and values.size and values.dtype.itemsize:
        characters = np.ascontiguousarray(values, values.dtype.newbyteorder("=")).view(np.uint32)
        if characters.max() > sys.maxunicode:
            return None
    items: list[Any] = values.tolist()
    return items


def _text_or_rows(raw: bytes) -> Stored | None:
    """Return a list of texts, which can be written again, or else the rows of a table or of JSON lines."""
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return None
    rows = _rows(lines)
    if rows is not None:
        return _read_in_part(rows, "rows")
    return text_list(raw)


def text_list(raw: bytes) -> Stored | None:
    """Return the texts in a text, such as its lines, together with their form, or None.

    A comment or the name of a column before them is left out.
    """
    read = ((form, form.read(raw)) for form in TEXTS)
    parsed = next((Stored(items, form.name) for form, items in read if items is not None), None)
    return _read_in_part(parsed.value[1:], parsed.form) if parsed is not None and _is_headed(parsed.value) else parsed


def _is_headed(items: list[str]) -> bool:
    """Return whether the first item is a comment, or has no digit while all others have one."""
    first, *others = items
    named = _DIGIT.search(first) is None and bool(others) and all(map(_DIGIT.search, others))
    return first.startswith("# ") or named


def _rows(lines: list[str]) -> list[Any] | None:
    """Return the objects of JSON lines, or the columns of each line of a table, or None."""
    if len(lines) < 2:
        return None
    try:
        return [json.loads(it) for it in lines] if all(it.startswith("{") for it in lines) else _columns(lines)
    except (ValueError, RecursionError):
        return None


def _columns(lines: list[str]) -> list[list[str]] | None:
    """Return the columns of each line, and then the line itself, or None if the lines are no table."""
    for separator in SEPARATORS:
        count = lines[0].count(separator)
        if count and all(it.count(separator) == count for it in lines):
            with_line = count + 2 <= LONGEST  # a key may have the separator in it
            rows = [it.split(separator) + ([it] if with_line else []) for it in lines]
            return rows[1:] if _has_header(rows) else rows
    return None


def _has_header(rows: list[list[str]]) -> bool:
    """Return whether the first row has no item that looks like one below it, apart from its digits."""
    columns = ([fold(it.encode()) for it in column] for column in zip(*rows, strict=True))
    return all(column[0] not in column[1:] for column in columns)
