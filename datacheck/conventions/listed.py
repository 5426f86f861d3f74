"""The convention that a list holds the keys of the records, so that a loader needs no numbers without gaps.

`__keys__` and `keys` are such lists in several projects, each with its own form and names; this module handles all
others. `__len__` beside the list, if it exists, is the number of keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from datacheck.conventions.counts.count_names import APART
from datacheck.conventions.counts.counted import metadata_counts
from datacheck.conventions.counts.list_counts import list_counts
from datacheck.conventions.interface import Convention, Count, KeyList, StoreView
from datacheck.conventions.keys.groups import words
from datacheck.conventions.values.aligned import aligned_names
from datacheck.conventions.values.standing import CLASSES
from datacheck.conventions.values.stored_lists import stored_list, text_list
from datacheck.conventions.values.stored_values import FORMS, Stored, is_index, is_key_list, key_of, keys_in, stored
from datacheck.model.sample_sets import SETS

KEYS, LEN = b"__keys__", b"__len__"
NAMES = (KEYS, b"keys")
GENERIC = "key-list"
PACKED = ("pickle", "msgpack")
"""Names of the forms in which projects serialise a list of bytes."""

FEW = 16
"""A database may hold the key lists of another if it has no more records than this, not counting known ones."""
MOST = 0.5
"""The share of a database's sampled keys that must be listed, and of a list's keys that must be there."""
PROBED = 16
"""Approximate number of keys of a list that are looked up in the store."""
NEARLY, FEWEST = 0.9, 4
"""If a list names only few of a database's keys, minimum share of its keys that must exist, and minimum length."""
SET_WORDS = frozenset({*(it.decode() for it in SETS), "keys", "split", "splits", "subset"})
"""Words in the names of key lists; under such a name, plain numbers are keys too."""
_DIGIT = re.compile(rb"[0-9]")

Fits = Callable[[Any, str], bool]
"""Returns whether a list and the name of its form fit a convention."""


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if a list of keys has one of NAMES, or lists of keys have any name."""
    return convention_of_list(GENERIC, store, NAMES) or _under_any_name(store)


def _under_any_name(store: StoreView) -> Convention | None:
    """Return the convention if the few records without a number in their keys hold lists of the others' keys.

    The keys of sets of samples are stored that way: train, val_keys, splits.
    """
    names = keys_without_digits(store)
    if len(names) > FEW or len(store.keys) <= 2 * FEW:
        return None
    lists = {key: parsed for key in names if (parsed := store.stored(key)) is not None and _may_be_keys(key, parsed)}
    convention = _convention_of(lists, store, None, most=NEARLY)
    if convention is None:
        return None
    counts = tuple(list_counts(convention.lists, names, store))
    own = frozenset((*(it.key for it in convention.lists), *(it.key for it in counts)))
    return msgspec.structs.replace(convention, name=GENERIC, parts=store.parts, counts=counts, own=own)


def keys_without_digits(store: StoreView) -> list[bytes]:
    """Return the sampled keys that have no number in them."""
    return sorted(it for it in store.keys if _DIGIT.search(it) is None)


def convention_of_list(
    name: str, store: StoreView, keys: tuple[bytes, ...], fits: Fits = lambda *_: True
) -> Convention | None:
    """Return a convention of this name if a fitting list of keys lies under one of `keys`, or None.

    A list with none of the sampled keys is a list of something else, such as names of classes.
    """
    lists = []
    for key in keys:
        parsed = _in_any_form(store, key)
        if parsed is None or not _are_all_keys(parsed.value, store) or not fits(parsed.value, parsed.form):
            continue
        if any(it in store.keys for it in keys_in(parsed.value)):
            lists.append(_key_list(key, parsed))
    if not lists:
        return _unread_convention(name, store) if KEYS in keys else None
    within = (it for it in metadata_counts(store) if it.number == lists[0].entries)
    counts = (
        *_length_count(store.value(LEN), lists[0]),
        *(msgspec.structs.replace(it, of_list=lists[0].key) for it in within),
    )
    beside = (it for it in APART if store.value(it) is not None)
    own = frozenset({*(it.key for it in lists), *(it.key for it in counts), *beside})
    return Convention(name, store.parts, counts, tuple(lists), own=own, named=False)


def _in_any_form(store: StoreView, key: bytes) -> Stored | None:
    """Return the value of a key; a text without another form is read as a list, such as one of lines."""
    parsed, raw = store.stored(key), store.value(key)
    text = None if parsed is not None or raw is None else text_list(raw)
    return parsed if text is None or text.in_part else text


def _may_be_keys(key: bytes, parsed: Stored) -> bool:
    """Return whether a value is a list of keys, other than one of classes that are numbers."""
    if not is_key_list(parsed.value):
        return False
    return CLASSES.isdisjoint(words(key.decode("latin1"))) or not all(it.isdigit() for it in keys_in(parsed.value))


def _are_all_keys(value: Any, store: StoreView) -> bool:
    """Check whether a value is a list of keys, or a mapping of names to such lists.

    It is not if one of several lists holds something else, such as labels. Under the name of a set of samples, all keys
    may be missing.
    """
    if not is_key_list(value):
        return False
    for name, items in value.items() if isinstance(value, dict) and len(value) > 1 else ():
        probed = items[:: max(1, len(items) // PROBED)][:PROBED]
        present = sum(store.value(key_of(it)) is not None for it in probed)
        if present < MOST * len(probed) and SET_WORDS.isdisjoint(words(str(name))):
            return False
    return True


def _pairings(value: Any) -> tuple[str, ...]:
    """Return the names of lists that pair records with each other, joined into one text for each pairing.

    A record whose partner is dropped need not be listed.
    """
    return tuple(", ".join(map(str, it)) for it in aligned_names(value)) if isinstance(value, dict) else ()


def _with_beside(key_list: KeyList, keys: tuple[bytes, ...]) -> KeyList:
    """Return a list, with the keys of the lists that pair its records with others."""
    if not keys:
        return key_list
    return msgspec.structs.replace(key_list, beside=tuple(it for it in keys if it != key_list.key), partial=True)


def _unread_convention(name: str, store: StoreView) -> Convention | None:
    """Return the convention if the value of `__keys__` has no form of a list: it is still not a record."""
    raw = store.value(KEYS)
    if raw is None or name != GENERIC or store.stored(KEYS) is not None:
        return None
    parsed = stored_list(raw)
    is_read = parsed is not None and is_key_list(parsed.value) and _are_all_keys(parsed.value, store)
    unread = () if is_read else (KEYS,)
    return Convention(name, store.parts, own=frozenset({KEYS, LEN}), named=False, unread=unread)


def _length_count(raw: bytes | None, key_list: KeyList) -> tuple[Count, ...]:
    """Return the count of a list's keys, read in the list's form if possible: 49 in msgpack is also the text "1"."""
    if raw is None:
        return ()
    number = FORMS[key_list.form].read(raw)
    parsed = stored(raw) if number is None else Stored(number, key_list.form)
    return (Count(LEN, parsed, raw, of_list=key_list.key, form=key_list.form),)


def _key_list(key: bytes, parsed: Stored, part: str | None = None) -> KeyList:
    """Return what is known of a list of keys, which is kept in `part` if that is another database."""
    from datacheck.conventions.values.key_digests import distinct_count  # loads NumPy

    value = parsed.value
    pairs = _pairings(value)
    return KeyList(
        key,
        parsed.form,
        distinct_count(keys_in(value)),
        entries=sum(1 for _ in keys_in(value)),
        partial=bool(pairs),
        kept_in=part,
        pairs=pairs,
        groups=len(value) if isinstance(value, dict) and not is_index(value) else 0,
    )


def all_bytes(keys: Any) -> bool:
    return isinstance(keys, list) and all(isinstance(it, bytes) for it in keys)


def lists_elsewhere(
    conventions: Mapping[str, tuple[Convention, ...]], views: Mapping[str, StoreView]
) -> Iterator[tuple[str, Convention]]:
    """Yield each database whose keys are listed in a small one, with a convention that has these lists.

    After it comes the database of the lists, with a convention that owns the keys of the lists. A list is a list of
    keys if most of its items exist as keys, and if all lists together have most of the keys of the database.
    """
    for part, view in views.items():
        known = frozenset().union(*(it.own for it in conventions[part]))
        if len(view.keys) > FEW or any(it.lists for it in conventions[part]):
            continue
        lists = {}
        for key in sorted(set(view.keys) - known):
            parsed = view.stored(key)
            if parsed is not None and is_key_list(parsed.value):
                lists[key] = parsed
        for other in views if lists else ():
            if other == part or len(views[other].keys) <= FEW:
                continue
            convention = _convention_of(lists, views[other], part, view.value(LEN))
            if convention is not None:
                counts = (*convention.counts, *list_counts(convention.lists, sorted(view.keys), view))
                convention = msgspec.structs.replace(convention, counts=counts)
                yield other, convention
                own = frozenset((*(it.key for it in convention.lists), *(it.key for it in convention.counts)))
                yield part, Convention("", own=own, named=False)


def _convention_of(
    lists: Mapping[bytes, Stored],
    view: StoreView,
    part: str | None,
    length: bytes | None = None,
    most: float = MOST,
) -> Convention | None:
    """Return the convention of a database whose keys are in some of these lists, which are kept in `part`.

    Lists that name fewer than `most` of its keys count as key lists if nearly all the keys they name exist; plain
    numbers may be classes instead. `length` is the record that counts the listed keys.
    """
    key_lists: list[KeyList] = []
    listed: set[bytes] = set()
    surely = True
    for key, parsed in lists.items():
        if not _are_all_keys(parsed.value, view):
            continue
        key_list = _key_list(key, parsed, part)
        probed = [*islice(keys_in(parsed.value), 0, None, max(1, key_list.entries // PROBED))][:PROBED]
        present = sum(view.value(it) is not None for it in probed)
        if present >= MOST * len(probed):
            key_lists.append(key_list)
            listed.update(it for it in keys_in(parsed.value) if it in view.keys)
            named = not SET_WORDS.isdisjoint(words(key.decode("latin1"))) or not all(it.isdigit() for it in probed)
            surely &= named and present >= NEARLY * len(probed) and key_list.entries >= FEWEST
    are_most = len(listed) >= most * len(view.keys)
    if not key_lists or not (are_most or surely):
        return None
    groups = aligned_names({it.key.decode("latin1"): lists[it.key].value for it in key_lists})
    beside = {name: tuple(it.encode("latin1") for it in names) for names in groups for name in names}
    key_lists = [_with_beside(it, beside.get(it.key.decode("latin1"), ())) for it in key_lists]
    if not are_most:
        key_lists = [msgspec.structs.replace(it, partial=True) for it in key_lists]
    elif len(key_lists) > 1:
        key_lists = [msgspec.structs.replace(it, share=not it.partial) for it in key_lists]
    counts = tuple(msgspec.structs.replace(it, kept_in=part) for it in _length_count(length, key_lists[0]))
    return Convention("" if len(key_lists) > 1 else GENERIC, (), counts, tuple(key_lists), named=False)
