"""Find lists of keys, or of numbers in keys, that belong to no convention: in a mapping, or as the indices of a set.

It is unknown how a loader uses them. If nothing else depends on a list of keys, a copy drops the keys that it does not
have from it. All other lists are copied unchanged, which the user is informed of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from datacheck.conventions.counted import METADATA
from datacheck.conventions.groups import words
from datacheck.conventions.interface import Convention, Count, KeyList, ListWithin, StoreView
from datacheck.conventions.listed import FEW, FEWEST, MOST, NEARLY, PROBED, SAID, without_digits
from datacheck.conventions.rewriting import Kind, Place, is_lossless
from datacheck.conventions.standing import CLASSES, FOLDED, keys_at, stand_alone
from datacheck.conventions.stored_lists import LONGEST, stored_list
from datacheck.conventions.stored_values import Stored, key_of, stored
from datacheck.model.replacing import replace

INDICES = SAID | {"index", "indices", "indexes", "idx", "idxs", "id", "ids", "order", "permutation", "fold", "folds"}
"""Words in the names of lists of record numbers; under other names, a list must cover most of the records."""
LONGEST_SUFFIX = 5
"""Maximum length of the suffix of a file's name."""
DEEPEST = 4
"""Maximum depth of nested lists and mappings that are searched."""


def lists_within(
    kept: Mapping[str, tuple[Convention, ...]], views: Mapping[str, StoreView]
) -> Iterator[tuple[str, ListWithin]]:
    """Yield each database whose records are named in such lists, together with the lists in one value."""
    large = any(len(it.keys) > FEW for it in views.values())
    for part, view in views.items() if large else ():
        known = {(it.kept_in or part, it.key) for of in kept.values() for one in of for it in one.lists}
        known |= {(part, it.deleted.key) for it in kept[part] if it.deleted is not None}
        for key in names_of(view):
            said = None if (part, key) in known else _stored(view, key)
            found: dict[str, list[tuple[Place, list[Any]]]] = {}
            if said is None:
                continue
            text = key.decode("latin1")
            for place, items in _lists(said.value, ()):
                called = (text, *_named(place))
                if place.kind == "rows" and any(not FOLDED.isdisjoint(words(it)) for it in called):
                    continue  # they are folds of few samples
                of = next((it for it in (part, *views) if _are_of(items, called, views[it])), None)
                if of is not None:
                    found.setdefault(of, []).append((place, items))
            for of, its in ((of, _with_rows(_exact(its, views[of]))) for of, its in found.items()):
                numbers = any(type(it[0]) is int for _, it in its)
                places = tuple(it for it, _ in its)
                counted = [count for one in kept[of] for count in one.counts if count.key == key]
                apart = _without_counts(said.value, counted, its)
                surely = [_are_surely_keys(it, (text, *_named(place))) for place, it in its]
                exact = [type(it[0]) is not int and _are_there(it, views[of]) for _, it in its]
                compared = tuple(it for it, *both in zip(places, surely, exact, strict=True) if all(both))
                made = ListWithin(key, part, _shared([_named(it) for it, _ in its]), numbers, places=compared)
                alone = len(found) == 1 and len(compared) == len(places) and not said.in_part and apart is not None
                if alone and stand_alone(apart, places, text) and is_lossless(view.value(key) or b"", said):
                    made = replace(made, form=said.form, counts=tuple(str(it.item) for it in counted))
                yield of, made


def _without_counts(value: Any, counted: Collection[Count], its: list[tuple[Place, list[Any]]]) -> Any:
    """Return a mapping without its counts of the only list in it, or None if they count something else."""
    if not counted:
        return value
    if len(its) > 1 or any(not isinstance(it.item, str) or it.number != len(its[0][1]) for it in counted):
        return None
    names = {it.item for it in counted}
    return {of: it for of, it in value.items() if of not in names}


def _stored(view: StoreView, key: bytes) -> Stored | None:
    said, raw = view.stored(key), view.value(key)
    return said if said is not None or raw is None else stored_list(raw)


def keys_within(raw: bytes, of: KeyList) -> set[bytes]:
    """Return the keys at the places of a list within a value."""
    said = stored(raw) or stored_list(raw)
    return set() if said is None else {key_of(it) for place in of.places for it in keys_at(said.value, place)}


def _are_surely_keys(items: list[Any], names: tuple[str, ...]) -> bool:
    """Return whether listed items are not named 0, 1, 2 as classes are, or a name says that these are keys."""
    if not all(it.isdigit() for it in items if isinstance(it, (str, bytes))):
        return True
    said = frozenset().union(*map(words, names))
    return not INDICES.isdisjoint(said) and CLASSES.isdisjoint(said)


def _shared(names: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the longest common prefix of tuples of names.

    >>> _shared([("split", "train"), ("split", "val")])
    ('split',)
    """
    first = names[0]
    return next(first[:size] for size in range(len(first), -1, -1) if all(it[:size] == first[:size] for it in names))


def names_of(view: StoreView) -> list[bytes]:
    """Return the keys that may hold such lists: those without a number if they are few, or else those of metadata."""
    names = without_digits(view)
    return names if len(names) <= FEW else [it for it in METADATA if it in view.keys]


def _with_rows(its: list[tuple[Place, list[Any]]]) -> list[tuple[Place, list[Any]]]:
    """Return the places and their items, with the columns of the same rows merged, as rows are dropped as a whole."""
    made: dict[tuple[str, ...], tuple[Place, list[Any]]] = {}
    for place, items in its:
        if place.kind == "rows" and place.names in made:
            before, others = made[place.names]
            made[place.names] = replace(before, columns=(*before.columns, *place.columns)), [*others, *items]
        elif place.kind == "rows":
            made[place.names] = place, items
    return [it for it in its if it[0].kind != "rows"] + list(made.values())


def _exact(its: list[tuple[Place, list[Any]]], view: StoreView) -> list[tuple[Place, list[Any]]]:
    """Return the lists of keys and of numbers, or those of names of files if there are only these."""
    exact = [it for it in its if type(it[1][0]) is int or _are_there(it[1], view)]
    return exact or its


def _named(place: Place) -> tuple[str, ...]:
    """Return the names that lead to a place, including that of its column, as they are shown to users."""
    return (*place.names, place.column) if place.kind == "column" else place.names


def _lists(value: Any, names: tuple[str, ...]) -> Iterator[tuple[Place, list[Any]]]:
    """Yield each list of texts, or of distinct whole numbers, together with its place.

    The names or the values of a mapping, the values under one name in a list of mappings, and the columns of rows count
    as such lists too.
    """
    if isinstance(value, dict):
        ways: tuple[tuple[Kind, list[Any]], ...] = (("names", list(value)), ("values", list(value.values())))
        for kind, items in ways:
            yield from [(Place(names, kind), items)] if _may_be(items) else []
        for name, item in value.items() if len(names) < DEEPEST else ():
            yield from _lists(item, (*names, str(name))) if isinstance(item, (list, dict)) else ()
    elif isinstance(value, list) and _may_be(value):
        yield Place(names, "items"), value
    elif isinstance(value, list) and len(names) < DEEPEST:
        if len(value) >= FEWEST and all(isinstance(it, dict) for it in value):
            for name in list(value[0])[:PROBED]:
                column = [it.get(name) for it in value]
                yield from [(Place(names, "column", str(name)), column)] if _may_be(column) else []
        elif _are_rows(value):
            for at in range(len(value[0])):
                column = [it[at] for it in value]
                texts = all(isinstance(it, (str, bytes)) for it in column)
                yield from [(Place(names, "rows", columns=(at,)), column)] if texts and _may_be(column) else []
        else:
            for at, item in enumerate(value[:PROBED]):
                yield from _lists(item, (*names, str(at))) if isinstance(item, (list, dict)) else ()


def _are_rows(value: list[Any]) -> bool:
    """Return whether the lists in a list are rows of a table, such as pairs, rather than sets."""
    first = len(value[0]) if isinstance(value[0], list) else 0
    return (
        len(value) >= FEWEST and 1 < first <= LONGEST and all(isinstance(it, list) and len(it) == first for it in value)
    )


def _may_be(items: list[Any]) -> bool:
    if len(items) < FEWEST:
        return False
    if all(isinstance(it, (str, bytes)) for it in items):
        return True
    return all(type(it) is int and it >= 0 for it in items) and len(set(items)) == len(items)


def _last_part(key: bytes) -> bytes:
    return key.rpartition(b"/")[2]


def _without_suffix(key: bytes) -> bytes:
    name, dot, suffix = key.rpartition(b".")
    return name if dot and name and suffix.isalnum() and len(suffix) <= LONGEST_SUFFIX else key


NAME_FORMS: tuple[Callable[[bytes], bytes], ...] = (
    lambda name: name,
    _without_suffix,
    _last_part,
    lambda name: _without_suffix(_last_part(name)),
)
"""How a key is made from the name of a record: it is the name, or the name of a file without its suffix or folder."""


def _are_there(items: list[Any], view: StoreView, form: Callable[[bytes], bytes] = NAME_FORMS[0]) -> bool:
    """Return whether nearly all of some items are keys of a database if they are changed by this form."""
    some = items[:: max(1, len(items) // PROBED)][:PROBED]
    if type(some[0]) is int:
        return False
    return sum(view.value(form(key_of(it))) is not None for it in some) >= NEARLY * len(some)


def _are_of(items: list[Any], names: tuple[str, ...], view: StoreView) -> bool:
    """Return whether items are keys of a database, or numbers in its keys."""
    if len(view.keys) <= FEW:
        return False
    some = items[:: max(1, len(items) // PROBED)][:PROBED]
    called = any(not INDICES.isdisjoint(words(it)) for it in names)
    numbers = type(some[0]) is int
    if len(items) < MOST * len(view.keys) and not called and (numbers or all(it.isdigit() for it in some)):
        return False  # classes may be named 0 to 9 too
    if not numbers:
        return any(_are_there(items, view, form) for form in NAME_FORMS)
    numbered = [sum(view.value(it.key(number)) is not None for number in some) for it in view.frequent]
    return any(it >= NEARLY * len(some) for it in numbered) or (called and not numbered)
