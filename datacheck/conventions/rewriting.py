"""Rewrite lists of keys within a mapping, where what else is there does not depend on them, and nothing is lost."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from datacheck.conventions.groups import words
from datacheck.conventions.stored_values import FORMS, Stored, key_of
from datacheck.decoders.trees.tree import Items, Keyed, Node
from datacheck.model.sample_sets import SETS

Kind = Literal["items", "names", "values", "column"]
New = Callable[[bytes], bytes | None]
DEEPEST = 8
"""Of mappings and lists deeper in each other nothing is known."""
SAID = frozenset(it.decode() for it in SETS)
_OPCODES = (
    "PROTO FRAME STOP MARK MEMOIZE PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET EMPTY_LIST LIST APPEND APPENDS "
    "EMPTY_DICT DICT SETITEM SETITEMS UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES "
    "BINBYTES8 INT BININT BININT1 BININT2 LONG LONG1 LONG4 BINFLOAT FLOAT NEWTRUE NEWFALSE"
)
PLAIN = frozenset(_OPCODES.split())
"""The opcodes of pickles of nothing but lists, mappings, texts, bytes and numbers, which name nothing to be called."""


class Place(msgspec.Struct, frozen=True):
    """Where keys are in a value: the names that lead there, and what of it they are.

    The items of a list, the names or the values of a mapping, or what all mappings in a list have under the name
    `column`.
    """

    names: tuple[str, ...]
    kind: Kind
    column: str = ""


def is_lossless(raw: bytes, said: Stored) -> bool:
    """Say whether a value can be written anew without losing anything but how it was laid out."""
    from datacheck.decoders.trees.msgpack import parse_msgpack

    kind = said.form.partition(" ")[0].rpartition("+")[2]
    if kind == "pickle":
        return _is_plain(raw) and _comes_back(said)
    if kind == "json" and not _names_once(raw if said.form == "json" else zlib.decompress(raw)):
        return False
    if kind == "msgpack" and not _as_many(parse_msgpack(raw).tree, said.value):
        return False
    return kind in ("json", "msgpack") and _comes_back(said)


def _comes_back(said: Stored) -> bool:
    return bool(FORMS[said.form].read(said.written(said.value)) == said.value)


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


def _as_many(node: Node, value: Any) -> bool:
    """Say whether each mapping of a tree has as many pairs as what was made of it: no name is there twice."""
    from datacheck.decoders.trees.leaves import unboxed

    node = unboxed(node)
    if isinstance(node, Keyed):
        return len(node.pairs) == len(value) and all(map(_as_many, (it for _, it in node.pairs), value.values()))
    if not isinstance(node, Items):
        return True
    inner = [it for it in map(unboxed, node.items) if isinstance(it, (Items, Keyed))]
    return all(map(_as_many, inner, (it for it in value if isinstance(it, (list, dict)))))


def stand_alone(value: Any, places: Sequence[Place]) -> bool:
    """Say whether nothing else in a value goes by the length of these lists, or by the places of their items.

    A list as long beside it may be of the labels, unless both are called as sets of samples are, or are of a list of
    such lists; a number may count.
    """
    lengths = {None, *(len(_at(value, it.names)) for it in places)}
    if not lengths.isdisjoint(_numbers(value)):
        return False
    listed = {it.names for it in places if it.kind in ("items", "column")}
    for names in (it for it in listed if it):
        beside, size = _at(value, names[:-1]), len(_at(value, names))
        its = beside.items() if isinstance(beside, dict) else enumerate(beside)
        alike = [str(name) for name, it in its if isinstance(it, (list, dict)) and len(it) == size]
        sets = isinstance(beside, dict) and all(SAID & set(words(it)) for it in alike)
        folds = isinstance(beside, list) and all((*names[:-1], it) in listed for it in alike)
        if len(alike) > 1 and not (sets or folds):
            return False
    return True


def _numbers(value: Any, depth: int = 0) -> Iterator[int | None]:
    """Yield the numbers in mappings, and in lists of mappings; those in other lists are no counts. None: too deep."""
    for item in value.values() if isinstance(value, dict) else value:
        if type(item) is int and isinstance(value, dict):
            yield item
        elif isinstance(item, (dict, list)):
            yield from _numbers(item, depth + 1) if depth < DEEPEST else (None,)


def _at(value: Any, names: Sequence[str]) -> Any:
    for name in names:
        value = value[int(name)] if isinstance(value, list) else next(it for of, it in value.items() if str(of) == name)
    return value


def rewritten(value: Any, places: Sequence[Place], new: New) -> Any:
    """Return a value with other keys in these places, and without those that have none, and what belongs to these."""
    for place in places:
        value = _with(value, place.names, place, new)
    return value


def _with(value: Any, names: Sequence[str], place: Place, new: New) -> Any:
    if names:
        if isinstance(value, list):
            at = int(names[0])
            return [*value[:at], _with(value[at], names[1:], place, new), *value[at + 1 :]]
        return {of: _with(it, names[1:], place, new) if str(of) == names[0] else it for of, it in value.items()}
    if place.kind == "items":
        return [it for it in (_moved(it, new) for it in value) if it is not None]
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


def _moved(item: str | bytes, new: New) -> str | bytes | None:
    key = new(key_of(item))
    if key is None or isinstance(item, bytes):
        return key
    return key.decode("utf-8", "surrogatepass")
