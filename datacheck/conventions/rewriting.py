"""Rewrite lists of keys within a value, without losing anything; `standing` says where nothing else goes by them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from datacheck.conventions.stored_values import FORMS, Stored, alike, key_of

Kind = Literal["items", "names", "values", "column", "rows"]
New = Callable[[bytes], bytes | None]
_OPCODES = (
    "PROTO FRAME STOP MARK MEMOIZE PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET EMPTY_LIST LIST APPEND APPENDS "
    "EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT DICT SETITEM SETITEMS UNICODE BINUNICODE SHORT_BINUNICODE "
    "BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 INT BININT BININT1 BININT2 LONG LONG1 LONG4 BINFLOAT FLOAT NEWTRUE "
    "NEWFALSE"
)
PLAIN = frozenset(_OPCODES.split())
"""The opcodes of pickles of nothing but lists, tuples, mappings, texts, bytes and numbers: they call nothing."""


class Place(msgspec.Struct, frozen=True):
    """Where keys are in a value: the names that lead there, and what of it they are.

    The items of a list, the names or the values of a mapping, what all mappings in a list have under the name
    `column`, or what all rows of a list have at the places in `columns`, as the pairs in a list of such.
    """

    names: tuple[str, ...]
    kind: Kind
    column: str = ""
    columns: tuple[int, ...] = ()


def is_lossless(raw: bytes, said: Stored) -> bool:
    """Say whether a value can be written anew without losing anything but how it was laid out."""
    written = said.written(said.value)
    if said.form.startswith("pickle"):
        return _is_plain(raw) and bool(FORMS[said.form].read(written) == said.value)
    if said.form == "msgpack":
        return written == raw
    if said.form in ("json", "zlib+json"):
        text = raw if said.form == "json" else zlib.decompress(raw)
        return _names_once(text) and bool(FORMS[said.form].read(written) == said.value)
    return False


def _is_plain(raw: bytes) -> bool:
    """Say whether a pickle has plain opcodes only; they are read, and none is executed."""
    import pickletools

    try:
        return all(code.name in PLAIN for code, _, _ in pickletools.genops(raw))
    except ValueError:
        return False


def _names_once(raw: bytes) -> bool:
    """Say whether each name is once in a mapping of a JSON text: what is read has the last one alone."""
    once = True

    def take(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal once
        made = dict(pairs)
        once &= len(made) == len(pairs)
        return made

    json.loads(raw.decode("utf-8-sig"), object_pairs_hook=take)
    return once


def rewritten(value: Any, places: Sequence[Place], new: New) -> Any:
    """Return a value with other keys in these places, and without those that have none, and what belongs to these."""
    for place in places:
        value = _with(value, place.names, place, new)
    return value


def _with(value: Any, names: Sequence[str], place: Place, new: New) -> Any:
    if names:
        if isinstance(value, list):
            at = int(names[0])
            return alike(value, [*value[:at], _with(value[at], names[1:], place, new), *value[at + 1 :]])
        return {of: _with(it, names[1:], place, new) if str(of) == names[0] else it for of, it in value.items()}
    if place.kind == "items":
        return alike(value, [it for it in (_moved(it, new) for it in value) if it is not None])
    if place.kind == "rows":
        return alike(value, list(_of_rows(value, place.columns, new)))
    if place.kind == "column":
        return list(_of_column(value, place.column, new))
    if place.kind == "names":
        return {key: it for of, it in value.items() if (key := _moved(of, new)) is not None}
    return {of: key for of, it in value.items() if (key := _moved(it, new)) is not None}


def _of_column(rows: Sequence[Mapping[Any, Any]], column: str, new: New) -> Iterator[dict[Any, Any]]:
    for row in rows:
        name = next(it for it in row if str(it) == column)
        key = _moved(row[name], new)
        if key is not None:
            yield {**row, name: key}


def _of_rows(rows: Sequence[list[Any]], columns: Sequence[int], new: New) -> Iterator[list[Any]]:
    for row in rows:
        keys = {at: _moved(row[at], new) for at in columns}
        if None not in keys.values():
            yield alike(row, [keys.get(at, it) for at, it in enumerate(row)])


def _moved(item: str | bytes, new: New) -> str | bytes | None:
    key = new(key_of(item))
    if key is None or isinstance(item, bytes):
        return key
    return key.decode("utf-8", "surrogatepass")
