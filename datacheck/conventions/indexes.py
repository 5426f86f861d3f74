"""Detect records that name others by key: the frames of a clip, or the pictures of a class (a key of several values).

Only their values reveal them: every value that is examined is a key of one database, or a list of such keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from datacheck.conventions.interface import Index, StoreView
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.values.stored_values import is_key_list, keys_in, stored

Small = Callable[[str, bytes], "bytes | None"]
"""Returns the value of a key of a database, or None if the key does not exist or the value is large."""

PROBED = 16
"""Maximum number of records that are examined, and of keys of a list that are looked up."""
FEWEST = 4
"""Minimum number of records that name others; half of it is enough if a key may have several values."""
PATTERNS = 64
"""Maximum number of key patterns of a database that are examined."""
LONGEST = 511
"""Longest key in an LMDB database, in bytes, unless LMDB was compiled for another length."""
LISTS = frozenset({"json", "zlib+json", "msgpack", *(f"pickle {it}" for it in range(6))})
"""The forms that a list of keys may have."""


def indexes(views: Mapping[str, StoreView], several: Mapping[str, bool], small: Small) -> Iterator[tuple[str, Index]]:
    """Yield each database that holds an index, and the index; `several` says whether its keys may have many values."""
    for part, view in views.items():
        known = [it for it in views if not several.get(it)]
        others = [it for it in known if it != part]
        fewest = FEWEST // 2 if several.get(part) else FEWEST
        spared = 1 if several.get(part) and len(view.keys) >= FEWEST else 0  # the first picture of a class may be gone
        index_of_all = _index_of(part, None, sorted(view.keys), views, others, small, fewest, spared)
        if index_of_all is not None:
            yield index_of_all
            continue
        for pattern in list(view.patterns)[:PATTERNS] if not several.get(part) else ():
            keys = sorted(it for it in view.keys if pattern.number(it) is not None)
            index = _index_of(part, pattern, keys, views, known, small, FEWEST)
            if index is not None:
                yield index


def _index_of(
    part: str,
    pattern: Pattern | None,
    keys: Sequence[bytes],
    views: Mapping[str, StoreView],
    others: Sequence[str],
    small: Small,
    fewest: int,
    spared: int = 0,
) -> tuple[str, Index] | None:
    if len(keys) < fewest or not others:
        return None
    found: set[tuple[str, str]] = set()
    for key in keys[:: max(1, len(keys) // PROBED)][:PROBED]:
        raw = small(part, key)
        named = None if raw is None else _named_database(raw, views, others)
        if named is not None:
            found.add(named)
        elif spared:
            spared -= 1
        else:
            return None
    (named_part, form), *more = found
    return None if more else (named_part, Index(part, pattern, form))


def _named_database(raw: bytes, views: Mapping[str, StoreView], others: Sequence[str]) -> tuple[str, str] | None:
    """Return the database whose key, or list of keys, a value is, and its form; None if it is anything else.

    More than half of the examined keys of a list must exist. Plain numbers are not accepted: they may be those of
    classes.
    """
    if 0 < len(raw) <= LONGEST and not raw.isdigit():
        for part in others:
            if raw in views[part].keys or views[part].value(raw) is not None:
                return part, ""
    parsed = stored(raw)
    if parsed is None or parsed.form not in LISTS or isinstance(parsed.value, dict) or not is_key_list(parsed.value):
        return None
    keys = list(keys_in(parsed.value))
    probed = keys[:: max(1, len(keys) // PROBED)][:PROBED]
    if all(it.isdigit() for it in probed):
        return None
    for part in others:
        present = sum(it in views[part].keys or views[part].value(it) is not None for it in probed)
        if 2 * present > len(probed):
            return part, parsed.form
    return None
