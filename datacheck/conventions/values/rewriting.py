"""Rewrite lists of keys within a value without losing anything; `standing` decides whether anything depends on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from datacheck.conventions.values.stored_values import FORMS, LARGEST, TEXTS, Stored, key_of, same_kind
from datacheck.conventions.values.wrappings import WRAPPINGS

Kind = Literal["items", "names", "values", "column", "rows"]
New = Callable[[bytes], bytes | None]
_OPCODES = (
    "PROTO FRAME STOP MARK MEMOIZE PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET EMPTY_LIST LIST APPEND APPENDS "
    "EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT DICT SETITEM SETITEMS UNICODE BINUNICODE SHORT_BINUNICODE "
    "BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 INT BININT BININT1 BININT2 LONG LONG1 LONG4 BINFLOAT FLOAT NEWTRUE "
    "NEWFALSE NONE"
)
PLAIN = frozenset(_OPCODES.split())
"""The opcodes of pickles of only lists, tuples, mappings, texts, bytes and numbers; none of them calls anything."""


class Place(msgspec.Struct, frozen=True):
    """A place of keys within a value: the `names` that lead there, and the `kind` of the things there that are keys.

    These are the items of a list, the names or the values of a mapping, the values under the name `column` in a list of
    mappings, or the items at the positions in `columns` of the rows of a list, such as pairs.
    """

    names: tuple[str, ...]
    kind: Kind
    column: str = ""
    columns: tuple[int, ...] = ()


def is_lossless(raw: bytes, parsed: Stored) -> bool:
    """Return whether a value can be rewritten without losing anything except its layout."""
    if parsed.in_part:
        return False
    wrapper, _, form = parsed.form.rpartition("+")
    if wrapper:
        content = WRAPPINGS[wrapper].content(raw, LARGEST)
        return content is not None and is_lossless(content, Stored(parsed.value, form))
    written = parsed.written(parsed.value)
    if parsed.form.startswith("pickle"):
        return _is_plain(raw) and bool(FORMS[parsed.form].read(written) == parsed.value)
    if parsed.form in ("msgpack", "printed") or parsed.form in {it.name for it in TEXTS}:
        return written == raw
    if parsed.form == "json":
        return _has_unique_names(raw) and bool(FORMS[parsed.form].read(written) == parsed.value)
    return False


def _is_plain(raw: bytes) -> bool:
    """Return whether a pickle has only plain opcodes. They are read, not executed."""
    import pickletools

    try:
        return all(code.name in PLAIN for code, _, _ in pickletools.genops(raw))
    except ValueError:
        return False


def _has_unique_names(raw: bytes) -> bool:
    """Return whether no mapping in a JSON text repeats a name: only the last of equal names is read."""
    once = True

    def take(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal once
        mapping = dict(pairs)
        once &= len(mapping) == len(pairs)
        return mapping

    json.loads(raw.decode("utf-8-sig"), object_pairs_hook=take)
    return once


def rewritten(value: Any, places: Sequence[Place], new: New) -> Any:
    """Return a value with new keys in these places; keys without a new one are removed, with what belongs to them."""
    for place in places:
        value = _with_new_keys(value, place.names, place, new)
    return value


def _with_new_keys(value: Any, names: Sequence[str], place: Place, new: New) -> Any:
    if names:
        if isinstance(value, list):
            at = int(names[0])
            return same_kind(value, [*value[:at], _with_new_keys(value[at], names[1:], place, new), *value[at + 1 :]])
        return {
            name: _with_new_keys(it, names[1:], place, new) if str(name) == names[0] else it
            for name, it in value.items()
        }
    if place.kind == "items":
        return same_kind(value, [it for it in (_new_item(it, new) for it in value) if it is not None])
    if place.kind == "rows":
        return same_kind(value, list(_rows_by_position(value, place.columns, new)))
    if place.kind == "column":
        return list(_rows_by_column(value, place.column, new))
    if place.kind == "names":
        return {key: it for name, it in value.items() if (key := _new_item(name, new)) is not None}
    return {name: key for name, it in value.items() if (key := _new_item(it, new)) is not None}


def _rows_by_column(rows: Sequence[Mapping[Any, Any]], column: str, new: New) -> Iterator[dict[Any, Any]]:
    for row in rows:
        name = next(it for it in row if str(it) == column)
        key = _new_item(row[name], new)
        if key is not None:
            yield {**row, name: key}


def _rows_by_position(rows: Sequence[list[Any]], columns: Sequence[int], new: New) -> Iterator[list[Any]]:
    for row in rows:
        keys = {at: _new_item(row[at], new) for at in columns}
        if None not in keys.values():
            yield same_kind(row, [keys.get(at, it) for at, it in enumerate(row)])


def _new_item(item: str | bytes | int, new: New) -> str | bytes | int | None:
    if isinstance(item, int):
        number = new(b"%d" % item)
        return None if number is None else int(number)
    key = new(key_of(item))
    if key is None or isinstance(item, bytes):
        return key
    return key.decode("utf-8", "surrogatepass")
