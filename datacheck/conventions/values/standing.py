"""Decide whether lists of keys within a value can lose keys: nothing else may depend on their length or positions.

A list as long as a list of keys may hold their labels, whole numbers may be positions in it, and a number may be its
length. A value that may hold any of these is left unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from datacheck.conventions.keys.groups import words
from datacheck.conventions.values.rewriting import Place
from datacheck.conventions.values.stored_values import key_of
from datacheck.model.sample_sets import SETS

DEEPEST = 8
"""Maximum depth of nested mappings and lists; a value that is nested deeper is left unchanged."""
SET_WORDS = frozenset({*(it.decode() for it in SETS), "keys"})
"""Words in the names of lists of different samples, as opposed to lists of different parts of the same samples."""
FOLD_WORDS = frozenset(["fold", "folds", "split", "splits"])
"""Words in the names of lists of such lists."""
PLACED = SET_WORDS | frozenset(
    [
        "start",
        "stop",
        "begin",
        "end",
        "first",
        "last",
        "offset",
        "boundary",
        "index",
        "idx",
        "position",
        "pos",
        "size",
        "length",
    ]
)
"""Words in the names of numbers that may be positions in a list."""
SHAPED = frozenset(["shape", "size", "mean", "std", "resolution", "dims", "crop", "version"])
"""Words in the names of short lists of numbers that are not positions in a list."""
CLASSES = frozenset(["class", "classes", "category", "categories", "label", "labels", "vocab", "vocabulary"])
"""Words in the names of lists whose numbers, written as text, are classes rather than keys."""
FEW = 4
"""Maximum number of numbers that form a shape."""


class _Other(msgspec.Struct, frozen=True):
    """Something in a value that is not one of the keys, and the last name that leads to it.

    `own` says that it lies in the entry or row of a single key and is removed with it, `listed` that it is an item of a
    list.
    """

    name: str
    item: Any
    own: bool
    listed: bool


class _TooDeepError(Exception):
    """A value is nested too deeply to be examined."""


def stand_alone(value: Any, places: Sequence[Place], key: str) -> bool:
    """Return whether nothing else in the value of a key depends on the length of these lists or on positions in them.

    Two lists in the entries of one mapping, or in the rows of one table, depend on each other: removing an entry from
    one removes it from both.
    """
    by_names = {it.names: it for it in places}
    if len(by_names) < len(places) or not all(_is_sole(value, it) for it in places):
        return False
    lists = {it: keys_at(value, it) for it in places}
    ordered = {it: len(_value_at(value, it.names)) for it in lists if it.kind in ("items", "column", "rows")}
    if not _are_sets(value, ordered, key):
        return False
    keys = {key_of(it) for it in chain.from_iterable(lists.values())}
    sizes = {*map(len, lists.values()), sum(map(len, lists.values()))}
    try:
        others = list(_others(value, (), by_names, own=False, listed=False))
    except _TooDeepError:
        return False
    return not any(_may_depend(it, keys, sizes, frozenset(ordered.values())) for it in others)


def _is_sole(value: Any, place: Place) -> bool:
    """Return whether the names of a place lead to one place only; 1 and "1" are the same name."""
    for name in place.names:
        if isinstance(value, dict) and sum(str(it) == name for it in value) != 1:
            return False
        value = _entry(value, name)
    return place.kind != "column" or all(sum(str(it) == place.column for it in row) == 1 for row in value)


def _entry(value: Any, name: str) -> Any:
    return value[int(name)] if isinstance(value, list) else next(it for key, it in value.items() if str(key) == name)


def _value_at(value: Any, names: Sequence[str]) -> Any:
    for name in names:
        value = _entry(value, name)
    return value


def keys_at(value: Any, place: Place) -> list[Any]:
    """Return the keys in a place of a value."""
    within = _value_at(value, place.names)
    if place.kind == "column":
        return [next(it for name, it in row.items() if str(name) == place.column) for row in within]
    if place.kind == "rows":
        return [row[at] for row in within for at in place.columns]
    return list(within.values() if place.kind == "values" else within)


def _are_sets(value: Any, ordered: Mapping[Place, int], key: str) -> bool:
    """Return whether lists of equal length are sets of samples or folds; others may correspond item by item."""
    for size in set(ordered.values()):
        alike = [it for it, count in ordered.items() if count == size]
        if len(alike) == 1:
            continue
        parents = {it.names[:-1] for it in alike}
        if len(parents) == 1 and isinstance(_value_at(value, next(iter(parents))), list):
            if FOLD_WORDS.isdisjoint(chain.from_iterable(words(it) for it in (key, *alike[0].names))):
                return False
            continue
        name_words = [set(words(it.names[-1])) if it.names else set() for it in alike]
        if (
            any(SET_WORDS.isdisjoint(it) for it in name_words)
            or len({frozenset(it - SET_WORDS) for it in name_words}) > 1
        ):
            return False
    return True


def _others(
    value: Any, names: tuple[str, ...], places: Mapping[tuple[str, ...], Place], *, own: bool, listed: bool
) -> Iterator[_Other]:
    """Yield everything in a value that is not one of the keys in these places."""
    place = None if own else places.get(names)
    name = names[-1] if names else ""
    if len(names) > DEEPEST:
        raise _TooDeepError
    if place is None:
        yield _Other(name, value, own, listed)
    is_own = own or place is not None
    for entry, item, listed in _parts(value, place):
        yield from _others(item, (*names, entry), places, own=is_own, listed=listed)
    if isinstance(value, dict) and (place is None or place.kind != "names"):
        yield from (_Other(name, entry, own=True, listed=False) for entry in value)


def _parts(value: Any, place: Place | None) -> Iterator[tuple[str, Any, bool]]:
    """Yield the name and value of all that is not a key in a value, and whether it is an item of a list."""
    if isinstance(value, dict):
        if place is None or place.kind != "values":
            yield from ((str(name), item, False) for name, item in value.items())
    elif isinstance(value, list) and place is None:
        yield from ((str(at), item, True) for at, item in enumerate(value))
    elif isinstance(value, list) and place is not None and place.kind == "column":
        for row in value:
            yield from ((str(name), item, False) for name, item in row.items() if str(name) != place.column)
    elif isinstance(value, list) and place is not None and place.kind == "rows":
        for row in value:
            yield from ((str(at), item, True) for at, item in enumerate(row) if at not in place.columns)


def _may_depend(other: _Other, keys: set[bytes], sizes: set[int], ordered: frozenset[int]) -> bool:
    """Return whether something may depend on lists of these `sizes`; `ordered` are those of lists with positions."""
    item = other.item
    if isinstance(item, (str, bytes)) and key_of(item) in keys:
        return True
    if other.own:
        return False
    if isinstance(item, (str, bytes)):
        return len(item) in ordered or (0 < len(item) < 19 and item.isdigit() and int(item) in sizes)
    if type(item) is int and not other.listed:
        placed = 0 < item <= max(ordered, default=0) and not PLACED.isdisjoint(words(other.name))
        return item in sizes or placed
    return isinstance(item, (list, dict)) and any(_may_match(other.name, item, size) for size in ordered)


def _may_match(name: str, item: list[Any] | dict[Any, Any], size: int) -> bool:
    """Return whether a list may hold something for each of `size` keys, for each and the end, or their positions."""
    if isinstance(item, dict):
        return len(item) == size
    if any(isinstance(it, (list, dict)) for it in item):
        return abs(len(item) - size) <= 1
    if len(item) <= FEW and not SHAPED.isdisjoint(words(name)):
        return False
    numbers = bool(item) and all(type(it) is int for it in item)
    return numbers or abs(len(item) - size) <= 1 or (len(item) > 0 and len(item) % size == 0)
