"""Find lists of keys, or of numbers in keys, that belong to no convention: in a mapping, or as the indices of a set.

It is unknown how a loader uses them. If nothing else depends on a list of keys, a copy drops the keys that it does not
have from it. All other lists are copied unchanged, which the user is informed of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from datacheck.conventions.counts.count_names import METADATA
from datacheck.conventions.counts.list_counts import list_counts
from datacheck.conventions.interface import Convention, Count, KeyList, ListWithin, StoreView
from datacheck.conventions.keys.groups import words
from datacheck.conventions.keys.numbered_keys import Packed, Pattern
from datacheck.conventions.keys.spanning import Naming
from datacheck.conventions.keys.stems import BehindNames, Stems
from datacheck.conventions.listed import FEW, FEWEST, MOST, NEARLY, PROBED, SET_WORDS, keys_without_digits
from datacheck.conventions.set_stems import SetStems
from datacheck.conventions.values.rewriting import Place, is_lossless
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
SAMPLES = INDICES | {"uid", "uids", "key", "name", "names", "sample", "samples"}
"""Words in the names of lists that are surely those of samples."""
LONGEST_SUFFIX = 5
"""Maximum length of the suffix of a file's name."""
DEEPEST = 4
"""Maximum depth of nested lists and mappings that are searched."""

Lists = list[tuple[Place, list[Any]]]
"""Lists in a value: their places and their items."""


class _Holder(msgspec.Struct, frozen=True):
    """A value that may hold such lists: its database, its key, its bytes, and these as they were parsed."""

    part: str
    key: bytes
    raw: bytes
    parsed: Stored

    @property
    def name(self) -> str:
        return self.key.decode("latin1")

    def names(self, place: Place) -> tuple[str, ...]:
        """Return the name of the value, and the names that lead to a place in it."""
        return self.name, *_shown_names(place)


def lists_within(
    conventions: Mapping[str, tuple[Convention, ...]], views: Mapping[str, StoreView]
) -> Iterator[tuple[str, ListWithin]]:
    """Yield each database whose records are named in such lists, together with the lists in one value."""
    if all(len(it.keys) <= FEW for it in views.values()):
        return
    for part, view in views.items():
        known = {(it.kept_in or part, it.key) for every in conventions.values() for one in every for it in one.lists}
        known |= {(part, it.deleted.key) for it in conventions[part] if it.deleted is not None}
        for key in keys_with_lists(view):
            parsed = None if (part, key) in known else view.listed(key)
            if parsed is None:
                continue
            holder = _Holder(part, key, view.value(key) or b"", parsed)
            by_owner = _lists_by_owner(holder, views)
            if not by_owner:
                yield from _lists_of_samples(holder, conventions, views)
            for owner, every in by_owner.items():
                lists = _with_rows(_exact_or_all(every, views[owner]))
                result = _list_within(holder, lists, views[owner])
                if len(by_owner) == 1 and len(result.places) == len(lists):
                    result = _kept_true(result, holder, lists, conventions[owner], view if owner == part else None)
                yield owner, result


def _lists_of_samples(
    holder: _Holder, conventions: Mapping[str, tuple[Convention, ...]], views: Mapping[str, StoreView]
) -> Iterator[tuple[str, ListWithin]]:
    """Yield the lists in a value that name samples of several records, by what their keys have in common."""
    for owner in dict.fromkeys((holder.part, *views)):
        naming = _naming_of(next((it.stems for it in conventions[owner] if it.stems is not None), None), views[owner])
        if naming is None:
            continue
        lists = [
            (place, items)
            for place, items in _lists(holder.parsed.value, ())
            if _may_name_samples(holder.names(place), place, items) and _are_keys(items, views[owner], naming.key)
        ]
        if lists:
            places = tuple(place for place, _ in lists)
            names = [_shown_names(it) for it in places]
            sure = all(not SAMPLES.isdisjoint(frozenset().union(*map(words, holder.names(it)))) for it in places)
            result = ListWithin(
                *(holder.key, holder.part, _common_prefix(names)), places=places, naming=naming, sure=sure
            )
            own = views[owner] if owner == holder.part else None
            yield owner, _kept_true(result, holder, lists, conventions[owner], own)
            return


def _may_name_samples(names: tuple[str, ...], place: Place, items: list[Any]) -> bool:
    """Return whether items are texts, and not those of a list of classes, which may be called 0 to 9 or cat and dog."""
    classes = place.kind == "items" and not CLASSES.isdisjoint(frozenset().union(*map(words, names)))
    return type(items[0]) is not int and not classes and _are_surely_keys(items, names)


def _naming_of(stems: Stems | None, view: StoreView) -> Naming | None:
    """Return how keys contain the names of samples: before or behind a part, or between a folder and a suffix."""
    if isinstance(stems, SetStems):
        return None
    if stems is not None:
        first = stems.key(b"", stems.endings[0])
        return Naming(first, b"") if isinstance(stems, BehindNames) else Naming(b"", first)
    folders = Counter(key[: key.rfind(b"/") + 1] for key in view.keys)
    suffixes = Counter(key[key.rfind(b".") :] if b"." in key else b"" for key in view.keys)
    (before, in_folder), *_ = folders.most_common(1)
    (after, with_suffix), *_ = suffixes.most_common(1)
    usual = min(in_folder, with_suffix) >= NEARLY * len(view.keys)
    return Naming(before, after) if usual and (before or after) else None


def _lists_by_owner(holder: _Holder, views: Mapping[str, StoreView]) -> dict[str, Lists]:
    """Return the lists in a value by the database whose records they name, which is rather its own than another one."""
    found: dict[str, Lists] = {}
    for place, items in _lists(holder.parsed.value, ()):
        names = holder.names(place)
        if place.kind == "rows" and any(not FOLD_WORDS.isdisjoint(words(it)) for it in names):
            continue  # they are folds of few samples
        owner = next((it for it in (holder.part, *views) if _are_keys_or_numbers(items, names, views[it])), None)
        if owner is not None:
            found.setdefault(owner, []).append((place, items))
    return found


def _list_within(holder: _Holder, lists: Lists, view: StoreView) -> ListWithin:
    """Return the lists in a value that name records of one database; `places` are only those of certain keys."""
    pattern = _pattern_of([items for _, items in lists], view)
    certain = [
        place for place, items in lists if _are_surely_keys(items, holder.names(place)) and _are_keys(items, view)
    ]
    return ListWithin(
        *(holder.key, holder.part, _common_prefix([_shown_names(place) for place, _ in lists])),
        numbers=any(type(items[0]) is int for _, items in lists),
        places=tuple(certain if pattern is None else (place for place, _ in lists)),
        pattern=pattern,
        sure=pattern is not None and all(_are_sets(holder.names(place)) for place, _ in lists),
    )


def _kept_true(
    result: ListWithin, holder: _Holder, lists: Lists, conventions: Sequence[Convention], own: StoreView | None
) -> ListWithin:
    """Return lists with what a copy needs to keep them true, or as they are if something else depends on them.

    `conventions` are those of the database whose records the lists name; it is `own` if that is the one of the value.
    """
    parsed = holder.parsed
    counted = [count for one in conventions for count in one.counts if count.key == holder.key]
    beside = tuple(sibling_counts(parsed.value, result.places))
    apart = _without_counts(parsed.value, counted, lists)
    if parsed.in_part or apart is None:
        return result
    if not stand_alone(without(apart, [path for path, _ in beside]), result.places, holder.name):
        return result
    if not is_lossless(holder.raw, parsed):
        return result
    count = None
    if own is not None and any(it.kind == "rows" and not it.names for it in result.places):
        count = _count_of(len(parsed.value), conventions)
    elif own is not None and result.places == (Place((), "items"),):
        of_list = KeyList(holder.key, parsed.form, len(parsed.value), entries=len(parsed.value))
        count = next(list_counts([of_list], keys_without_digits(own), own), None)
    return replace(result, form=parsed.form, counts=tuple(str(it.item) for it in counted), count=count, beside=beside)


def _count_of(number: int, conventions: Iterable[Convention]) -> Count | None:
    """Return the record that holds this number as a count, or None."""
    counts = (it for one in conventions for it in one.counts if it.item is None and it.of_list is None and it.counts)
    return next((it for it in counts if it.number == number and it.kept_in is None and not it.next), None)


def _without_counts(value: Any, counted: Collection[Count], lists: Lists) -> Any:
    """Return a mapping without its counts of the only list in it, or None if they count something else."""
    if not counted:
        return value
    if len(lists) > 1 or any(not isinstance(it.item, str) or it.number != len(lists[0][1]) for it in counted):
        return None
    names = {it.item for it in counted}
    return {name: it for name, it in value.items() if name not in names}


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
    naming = key_list.naming
    if naming is not None:
        key = partial(_key_of_name, naming)
    if parsed is not None:
        for place in key_list.places:
            yield from map(key, keys_at(parsed.value, place))


def _key_of_name(naming: Naming, name: str | bytes) -> bytes:
    """Return the key of a record, or of the first part of a sample, that a list names."""
    return naming.key(key_of(name))


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


def _with_rows(pairs: Lists) -> Lists:
    """Return the places and their items, with the columns of the same rows merged, as rows are dropped as a whole."""
    merged: dict[tuple[str, ...], tuple[Place, list[Any]]] = {}
    for place, items in pairs:
        if place.kind == "rows" and place.names in merged:
            before, others = merged[place.names]
            merged[place.names] = replace(before, columns=(*before.columns, *place.columns)), [*others, *items]
        elif place.kind == "rows":
            merged[place.names] = place, items
    return [it for it in pairs if it[0].kind != "rows"] + list(merged.values())


def _exact_or_all(pairs: Lists, view: StoreView) -> Lists:
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
        yield from _if_keys(Place(names, "names"), list(value))
        yield from _if_keys(Place(names, "values"), list(value.values()))
        yield from _lists_inside(value.items(), names)
    elif isinstance(value, list) and _may_be_keys(value):
        yield Place(names, "items"), value
    elif isinstance(value, list) and len(names) < DEEPEST:
        if len(value) >= FEWEST and all(isinstance(it, dict) for it in value):
            for name in list(value[0])[:PROBED]:
                yield from _if_keys(Place(names, "column", str(name)), [it.get(name) for it in value])
        elif _are_rows(value):
            for at in range(len(value[0])):
                column = [it[at] for it in value]
                texts = all(isinstance(it, (str, bytes)) for it in column)
                yield from _if_keys(Place(names, "rows", columns=(at,)), column) if texts else ()
        else:
            yield from _lists_inside(enumerate(value[:PROBED]), names)


def _if_keys(place: Place, items: list[Any]) -> Iterator[tuple[Place, list[Any]]]:
    if _may_be_keys(items):
        yield place, items


def _lists_inside(named_items: Iterable[tuple[Any, Any]], names: tuple[str, ...]) -> Iterator[tuple[Place, list[Any]]]:
    """Yield the lists in the items of a value, which `names` lead to, unless they are nested too deeply."""
    for name, item in named_items if len(names) < DEEPEST else ():
        yield from _lists(item, (*names, str(name)))


def _are_rows(value: list[Any]) -> bool:
    """Return whether the lists in a list are rows of a table, such as pairs, rather than sets."""
    first = len(value[0]) if len(value) >= FEWEST and isinstance(value[0], list) else 0
    return 1 < first <= LONGEST and all(isinstance(it, list) and len(it) == first for it in value)


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
