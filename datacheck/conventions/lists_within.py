"""Find lists of keys, or of numbers in keys, that belong to no convention: in a mapping, or as the indices of a set.

It is unknown how a loader uses them. If nothing else depends on a list of keys, a copy drops the keys that it does not
have from it. All other lists are copied unchanged, which the user is informed of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from datacheck.conventions.counts.counted import METADATA
from datacheck.conventions.counts.list_counts import list_counts
from datacheck.conventions.interface import Convention, Count, KeyList, ListWithin, StoreView
from datacheck.conventions.keys.groups import words
from datacheck.conventions.keys.numbered_keys import Packed, Pattern
from datacheck.conventions.listed import FEW, FEWEST, MOST, NEARLY, PROBED, SET_WORDS, keys_without_digits
from datacheck.conventions.values.rewriting import Kind, Place, is_lossless
from datacheck.conventions.values.sibling_counts import sibling_counts, without
from datacheck.conventions.values.standing import CLASSES, FOLD_WORDS, keys_at, stand_alone
from datacheck.conventions.values.stored_lists import LONGEST, stored_list
from datacheck.conventions.values.stored_values import Stored, key_of, stored
from datacheck.model.replacing import replace

INDICES = SET_WORDS | {
    "index",
    "indices",
    "indexes",
    "idx",
    "idxs",
    "id",
    "ids",
    "order",
    "permutation",
    "fold",
    "folds",
}
"""Words in the names of lists of record numbers; under other names, a list must cover most of the records."""
LONGEST_SUFFIX = 5
"""Maximum length of the suffix of a file's name."""
DEEPEST = 4
"""Maximum depth of nested lists and mappings that are searched."""


def lists_within(
    conventions: Mapping[str, tuple[Convention, ...]], views: Mapping[str, StoreView]
) -> Iterator[tuple[str, ListWithin]]:
    """Yield each database whose records are named in such lists, together with the lists in one value."""
    large = any(len(it.keys) > FEW for it in views.values())
    for part, view in views.items() if large else ():
        known = {(it.kept_in or part, it.key) for every in conventions.values() for one in every for it in one.lists}
        known |= {(part, it.deleted.key) for it in conventions[part] if it.deleted is not None}
        for key in keys_with_lists(view):
            parsed = None if (part, key) in known else _parsed(view, key)
            found: dict[str, list[tuple[Place, list[Any]]]] = {}
            if parsed is None:
                continue
            text = key.decode("latin1")
            for place, items in _lists(parsed.value, ()):
                list_names = (text, *_shown_names(place))
                if place.kind == "rows" and any(not FOLD_WORDS.isdisjoint(words(it)) for it in list_names):
                    continue  # they are folds of few samples
                owner = next((it for it in (part, *views) if _are_keys_or_numbers(items, list_names, views[it])), None)
                if owner is not None:
                    found.setdefault(owner, []).append((place, items))
            for owner, pairs in (
                (owner, _with_rows(_exact_or_all(pairs, views[owner]))) for owner, pairs in found.items()
            ):
                numbers = any(type(it[0]) is int for _, it in pairs)
                places = tuple(it for it, _ in pairs)
                counted = [count for one in conventions[owner] for count in one.counts if count.key == key]
                beside = tuple(sibling_counts(parsed.value, places))
                apart = without(_without_counts(parsed.value, counted, pairs), [path for path, _ in beside])
                surely = [_are_surely_keys(it, (text, *_shown_names(place))) for place, it in pairs]
                exact = [type(it[0]) is not int and _are_keys(it, views[owner]) for _, it in pairs]
                pattern = _pattern_of([it for _, it in pairs], views[owner])
                sure = pattern is not None and all(_are_sets((text, *_shown_names(it))) for it in places)
                compared = tuple(it for it, *both in zip(places, surely, exact, strict=True) if all(both))
                result = ListWithin(
                    *(key, part, _common_prefix([_shown_names(it) for it, _ in pairs]), numbers),
                    places=compared if pattern is None else places,
                    pattern=pattern,
                    sure=sure,
                )
                compared = result.places
                alone = len(found) == 1 and len(compared) == len(places) and not parsed.in_part and apart is not None
                if alone and stand_alone(apart, places, text) and is_lossless(view.value(key) or b"", parsed):
                    result = replace(result, form=parsed.form, counts=tuple(str(it.item) for it in counted))
                    result = replace(result, beside=beside)
                if result.form and owner == part and [it for it in places if it.kind == "rows" and not it.names]:
                    result = replace(result, count=_count_of(len(parsed.value), conventions[owner]))
                elif result.form and owner == part and places == (Place((), "items"),):
                    of_list = KeyList(key, result.form, len(parsed.value), entries=len(parsed.value))
                    result = replace(result, count=next(list_counts([of_list], keys_without_digits(view), view), None))
                yield owner, result


def _count_of(number: int, conventions: Iterable[Convention]) -> Count | None:
    """Return the record that holds this number as a count, or None."""
    counts = (it for one in conventions for it in one.counts if it.item is None and it.of_list is None and it.counts)
    return next((it for it in counts if it.number == number and it.kept_in is None and not it.next), None)


def _without_counts(value: Any, counted: Collection[Count], lists: list[tuple[Place, list[Any]]]) -> Any:
    """Return a mapping without its counts of the only list in it, or None if they count something else."""
    if not counted:
        return value
    if len(lists) > 1 or any(not isinstance(it.item, str) or it.number != len(lists[0][1]) for it in counted):
        return None
    names = {it.item for it in counted}
    return {name: it for name, it in value.items() if name not in names}


def _parsed(view: StoreView, key: bytes) -> Stored | None:
    parsed, raw = view.stored(key), view.value(key)
    return parsed if parsed is not None or raw is None else stored_list(raw)


def _pattern_of(lists: list[list[Any]], view: StoreView) -> Pattern | None:
    """Return the pattern of the keys whose numbers nearly all items of the lists are, or None."""
    if not all(type(it[0]) is int for it in lists):
        return None
    numbers = [number for items in lists for number in items[:: max(1, len(items) // PROBED)][:PROBED]]
    present = {it: sum(view.value(it.key(number)) is not None for number in numbers) for it in view.frequent}
    best = max(present, key=lambda it: present[it], default=None)
    if isinstance(best, Packed) and max(map(max, lists)).bit_length() > 8 * best.width:
        return None  # not all of the numbers fit into a key
    return best if best is not None and present[best] >= NEARLY * len(numbers) else None


def _are_sets(names: tuple[str, ...]) -> bool:
    """Return whether names are those of sets of samples, rather than of classes."""
    name_words = frozenset().union(*map(words, names))
    return not name_words.isdisjoint(SET_WORDS | FOLD_WORDS) and CLASSES.isdisjoint(name_words)


def keys_within(raw: bytes, key_list: KeyList) -> Iterator[bytes]:
    """Yield the keys at the places of a list within a value."""
    parsed = stored(raw) or stored_list(raw)
    key = key_of if key_list.pattern is None else key_list.pattern.key
    if parsed is not None:
        for place in key_list.places:
            yield from map(key, keys_at(parsed.value, place))


def _are_surely_keys(items: list[Any], names: tuple[str, ...]) -> bool:
    """Return whether listed items are not named 0, 1, 2 as classes are, or a name says that these are keys."""
    if not all(it.isdigit() for it in items if isinstance(it, (str, bytes))):
        return True
    name_words = frozenset().union(*map(words, names))
    return not INDICES.isdisjoint(name_words) and CLASSES.isdisjoint(name_words)


def _common_prefix(names: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the longest common prefix of tuples of names.

    >>> _common_prefix([("split", "train"), ("split", "val")])
    ('split',)
    """
    first = names[0]
    return next(first[:size] for size in range(len(first), -1, -1) if all(it[:size] == first[:size] for it in names))


def keys_with_lists(view: StoreView) -> list[bytes]:
    """Return the keys that may hold such lists: those without a number if they are few, or else those of metadata."""
    names = keys_without_digits(view)
    return names if len(names) <= FEW else [it for it in METADATA if it in view.keys]


def _with_rows(pairs: list[tuple[Place, list[Any]]]) -> list[tuple[Place, list[Any]]]:
    """Return the places and their items, with the columns of the same rows merged, as rows are dropped as a whole."""
    merged: dict[tuple[str, ...], tuple[Place, list[Any]]] = {}
    for place, items in pairs:
        if place.kind == "rows" and place.names in merged:
            before, others = merged[place.names]
            merged[place.names] = replace(before, columns=(*before.columns, *place.columns)), [*others, *items]
        elif place.kind == "rows":
            merged[place.names] = place, items
    return [it for it in pairs if it[0].kind != "rows"] + list(merged.values())


def _exact_or_all(pairs: list[tuple[Place, list[Any]]], view: StoreView) -> list[tuple[Place, list[Any]]]:
    """Return the lists of keys and of numbers, or those of names of files if there are only these."""
    exact = [it for it in pairs if type(it[1][0]) is int or _are_keys(it[1], view)]
    return exact or pairs


def _shown_names(place: Place) -> tuple[str, ...]:
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
            yield from [(Place(names, kind), items)] if _may_be_keys(items) else []
        for name, item in value.items() if len(names) < DEEPEST else ():
            yield from _lists(item, (*names, str(name))) if isinstance(item, (list, dict)) else ()
    elif isinstance(value, list) and _may_be_keys(value):
        yield Place(names, "items"), value
    elif isinstance(value, list) and len(names) < DEEPEST:
        if len(value) >= FEWEST and all(isinstance(it, dict) for it in value):
            for name in list(value[0])[:PROBED]:
                column = [it.get(name) for it in value]
                yield from [(Place(names, "column", str(name)), column)] if _may_be_keys(column) else []
        elif _are_rows(value):
            for at in range(len(value[0])):
                column = [it[at] for it in value]
                texts = all(isinstance(it, (str, bytes)) for it in column)
                yield from [(Place(names, "rows", columns=(at,)), column)] if texts and _may_be_keys(column) else []
        else:
            for at, item in enumerate(value[:PROBED]):
                yield from _lists(item, (*names, str(at))) if isinstance(item, (list, dict)) else ()


def _are_rows(value: list[Any]) -> bool:
    """Return whether the lists in a list are rows of a table, such as pairs, rather than sets."""
    first = len(value[0]) if isinstance(value[0], list) else 0
    return (
        len(value) >= FEWEST and 1 < first <= LONGEST and all(isinstance(it, list) and len(it) == first for it in value)
    )


def _may_be_keys(items: list[Any]) -> bool:
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


def _are_keys(items: list[Any], view: StoreView, form: Callable[[bytes], bytes] = NAME_FORMS[0]) -> bool:
    """Return whether nearly all of some items are keys of a database if they are changed by this form."""
    probed = items[:: max(1, len(items) // PROBED)][:PROBED]
    if type(probed[0]) is int:
        return False
    return sum(view.value(form(key_of(it))) is not None for it in probed) >= NEARLY * len(probed)


def _are_keys_or_numbers(items: list[Any], names: tuple[str, ...], view: StoreView) -> bool:
    """Return whether items are keys of a database, or numbers in its keys."""
    if len(view.keys) <= FEW:
        return False
    probed = items[:: max(1, len(items) // PROBED)][:PROBED]
    are_named_so = any(not INDICES.isdisjoint(words(it)) for it in names)
    numbers = type(probed[0]) is int
    if len(items) < MOST * len(view.keys) and not are_named_so and (numbers or all(it.isdigit() for it in probed)):
        return False  # classes may be named 0 to 9 too
    if not numbers:
        return any(_are_keys(items, view, form) for form in NAME_FORMS)
    numbered = [sum(view.value(it.key(number)) is not None for number in probed) for it in view.frequent]
    return any(it >= NEARLY * len(probed) for it in numbered) or (are_named_so and not numbered)
