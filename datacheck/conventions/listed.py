"""The keys of the records in a list, from which a loader takes them: no number need be without gaps.

`__keys__` and `keys` are such lists in several projects, each with a form and names of its own; this is any other.
`__len__` beside it, where it is there, is their number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacheck.conventions.interface import Convention, Count, KeyList, StoreView
from datacheck.conventions.stored_values import FORMS, Stored, is_key_list, keys_in, stored

KEYS, LEN = b"__keys__", b"__len__"
NAMES = (KEYS, b"keys")
GENERIC = "key-list"
PACKED = ("pickle", "msgpack")
"""How the forms are called in which projects serialise a list of bytes."""

Fits = Callable[[Any, str], bool]
"""Says of a list, and of the name of its form, whether it is a convention's."""


def recognise(store: StoreView) -> Convention | None:
    """Return the convention where a list of keys lies under such a name."""
    return listed(GENERIC, store, NAMES)


def listed(name: str, store: StoreView, keys: tuple[bytes, ...], fits: Fits = lambda *_: True) -> Convention | None:
    """Return a convention of this name where a list of keys, which fits, lies under one of some keys.

    A list that has none of the sampled keys is one of something else, as the names of classes.
    """
    lists = []
    for key in keys:
        said = store.stored(key)
        if said is not None and is_key_list(said.value) and fits(said.value, said.form):
            every = list(keys_in(said.value))
            if not set(every).isdisjoint(store.keys):
                lists.append(KeyList(key, said.form, len(set(every)), entries=len(every)))
    if not lists:
        return _unread(name, store) if KEYS in keys else None
    counts = _length(store.value(LEN), lists[0])
    own = frozenset({*(it.key for it in lists), *(it.key for it in counts)})
    return Convention(name, store.frequent, counts, tuple(lists), own=own, named=False)


def _unread(name: str, store: StoreView) -> Convention | None:
    """Return the convention where a list of keys has its own name and cannot be read: it is no record all the same."""
    raw = store.value(KEYS)
    if raw is None or name != GENERIC or store.stored(KEYS) is not None:
        return None
    return Convention(name, store.frequent, own=frozenset({KEYS, LEN}), named=False, unread=(KEYS,))


def _length(raw: bytes | None, of: KeyList) -> tuple[Count, ...]:
    """Return the count of a list's keys, which is most likely written as the list is: 49 in msgpack is the text "1"."""
    if raw is None:
        return ()
    number = FORMS[of.form].read(raw)
    said = stored(raw) if number is None else Stored(number, of.form)
    return (Count(LEN, said, raw, of_list=of.key, form=of.form),)


def all_bytes(keys: Any) -> bool:
    return isinstance(keys, list) and all(isinstance(it, bytes) for it in keys)
