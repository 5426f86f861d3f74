"""Detect records that name others by key: the frames of a clip, or the pictures of a class (a key of several values).

Only their values reveal them: every value that is examined is a key of one database, or a list of such keys.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from datacheck.conventions.clip_lists import can_be_rewritten, clip_lists, lists_all, number_forms
from datacheck.conventions.interface import StoreView
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.naming_records import SEPARATORS, Clip, Index, read_items
from datacheck.conventions.values.stored_values import is_key_list, key_of, keys_in, stored
from datacheck.model.replacing import replace

Small = Callable[[str, bytes], "bytes | None"]
"""Returns the value of a key of a database, or None if the key does not exist or the value is large."""

PROBED = 16
"""Maximum number of records that are examined, and of keys of a list that are looked up."""
FEWEST = 4
"""Minimum number of records that name others; half of it is enough if a key may have several values."""
PATTERNS = 64
"""Maximum number of key patterns of a database that are examined."""
_DIGIT = re.compile(rb"[0-9]")
LONGEST = 511
"""Longest key in an LMDB database, in bytes, unless LMDB was compiled for another length."""
LISTS = frozenset({"json", "zlib+json", "msgpack", *(f"pickle {it}" for it in range(6))})
"""The forms that a list of keys may have."""
BETWEEN = (b"/", b"_", b"-", b":", b".")
"""What may lie between the name of a clip and that of a frame, in the order in which they are tried."""
SHARE = 0.5
"""Minimum share of the sampled keys that must have it, and of a clip's listed frames that must exist."""
NEARLY = 0.75
"""Minimum share of the clips whose record must list their frames in one form; lists of a single frame show none."""
ENDINGS = 8
"""Maximum number of endings of keys that are tried as those of lists of frames, and of suffixes of frames."""


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
        clip_index = None if several.get(part) else _index_of_clips(part, view, small)
        if clip_index is not None:
            yield part, clip_index


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
    texts = SEPARATORS.keys() & {form for _, form in found}
    if len(texts) == 1:  # a value that is a key may be a list of one
        found = {(it, form or next(iter(texts))) for it, form in found}
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
    for form, keys in _lists_in(raw):
        probed = keys[:: max(1, len(keys) // PROBED)][:PROBED]
        if all(it.isdigit() for it in probed):
            continue
        for part in others:
            present = sum(it in views[part].keys or views[part].value(it) is not None for it in probed)
            if 2 * present > len(probed):
                return part, form
    return None


def _lists_in(raw: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Yield each form in which a value is a list of several keys, and the keys."""
    parsed = stored(raw)
    if parsed is not None and parsed.form in LISTS:
        if not isinstance(parsed.value, dict) and is_key_list(parsed.value):
            yield parsed.form, list(keys_in(parsed.value))
        return
    for form in SEPARATORS:
        items = [key_of(it) for it in read_items(form, raw) or () if it]
        if len(items) > 1:
            yield form, items


def _index_of_clips(part: str, view: StoreView, small: Small) -> Index | None:
    """Return the records of a database that list the frames of a clip by the ends of their keys, or None.

    Such a record has the name of the clip, `vid3` beside `vid3/0001`, or that name and an ending, `vid3/frames`.
    """
    for between in BETWEEN:
        clips: dict[bytes, set[bytes]] = defaultdict(set)
        for key in view.keys:
            name, found, rest = key.rpartition(between)
            if found and name and rest:
                clips[name].add(rest)
        if sum(map(len, clips.values())) < SHARE * len(view.keys):
            continue
        endings = Counter(between + it for rests in clips.values() for it in rests if _DIGIT.search(it) is None)
        for ending in (b"", *(it for it, count in endings.most_common(ENDINGS) if count >= FEWEST)):
            index = _index_with(part, clips, Clip(ending, between, b""), small)
            if index is not None:
                return index
        return None
    return None


def _index_with(part: str, clips: Mapping[bytes, Collection[bytes]], named: Clip, small: Small) -> Index | None:
    """Return the records whose keys are those of clips with an ending, if they list the frames of these."""
    probed = sorted(it for it in clips if len(clips[it]) > 1)
    found: Counter[tuple[str, Clip]] = Counter()
    fixed: set[tuple[str, Clip]] = set()
    probed = probed[:: max(1, len(probed) // PROBED)][:PROBED]
    for name in probed:
        raw = small(part, name + named.ending)
        if raw is not None:
            ways = list(_ways_to_name(raw, name, named, clips[name], part, small))
            found.update(ways)
            fixed.update(it for it in ways if not can_be_rewritten(raw, it[0], it[1].field))
    way, most = max(found.items(), key=lambda it: (it[1], str(it[0])), default=(("", named), 0))
    if most < max(FEWEST, NEARLY * len(probed)):
        return None
    form, clip = way
    return Index(part, None, form, replace(clip, example=probed[0] + named.ending), fixed=way in fixed)


def _ways_to_name(
    raw: bytes, name: bytes, named: Clip, rests: Collection[bytes], part: str, small: Small
) -> Iterator[tuple[str, Clip]]:
    """Yield the forms in which a value lists the frames of a clip, each with how a name in it is completed to a key."""
    before = name + named.between
    for form, field, items in clip_lists(raw, list(_lists_in(raw))):
        numbers = type(items[0]) is int
        for after, width in number_forms(rests) if numbers else [(it, None) for it in suffixes(items[0], rests)]:
            clip = replace(named, after=after, width=width, field=field)
            names = [b"%0*d" % (width, it) for it in items] if width is not None else items
            some = names[:: max(1, len(names) // PROBED)][:PROBED]
            present = sum(it + after in rests or small(part, before + it + after) is not None for it in some)
            if present > SHARE * len(some) and (not numbers or lists_all(names, after, rests)):
                yield form, clip


def suffixes(item: bytes, rests: Collection[bytes]) -> list[bytes]:
    """Return what may follow the names of a list in keys, judged by one of them: nothing, or the shortest suffixes.

    >>> suffixes(b"1", [b"1.jpg", b"10.jpg", b"11.jpg", b"2.jpg"])
    [b'', b'.jpg']
    """
    found = {it[len(item) :] for it in rests if it.startswith(item)}
    if item[-1:].isdigit():  # another digit is of another number
        found = {it for it in found if not it[:1].isdigit()}
    return sorted({b"", *found}, key=lambda it: (len(it), it))[:ENDINGS]
