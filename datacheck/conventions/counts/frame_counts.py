"""Check counts of frames in a mapping by the names of clips: `vid_num_frames`, `num_frames`, `lengths`.

Unless nearly all of its numbers match the number of records whose keys begin with the clips' names, such a mapping
counts something else, such as the frames of the film that some were taken from.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from datacheck.conventions.counts.whole_sets import is_of_whole
from datacheck.conventions.interface import FrameCounts, StoreView
from datacheck.conventions.keys.groups import words
from datacheck.conventions.lists_within import keys_with_lists
from datacheck.conventions.values.rewriting import is_lossless
from datacheck.conventions.values.stored_values import FORMS
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.key_families import fold
from datacheck.model.sample_sets import SETS

FEWEST = 8
"""Minimum number of clips that must match their numbers to show what is counted, if there are many clips."""
FEW = 3
"""Minimum number of clips that must match if there are few and at most one clip has another number."""
SHARE = 0.95
"""Minimum share of the clips that must have as many frames as their numbers say."""
VARIOUS = 3
"""Minimum number of different values; fewer may be rates or labels that match by chance, unless named like counts."""
_COUNTING = "frame frames nframes num nums number numbers n len length lengths count counts"
COUNTING = frozenset(_COUNTING.split())
DIVIDING = frozenset({"split", "splits", "set", "sets", "subset", "subsets"})
LEFT = 0.5
"""Minimum ratio between the number of a set and that of its records (the smaller to the larger)."""
MOST = 1 << 18
"""Maximum number of clips whose frames are counted."""
_KEY = re.compile(rb"(.*[^0-9])([0-9]{1,18})([^0-9]*)", re.DOTALL)
_BETWEEN = b"/_-.: "
_BEGINNING = re.compile(rb"([A-Za-z]+)([/_.: -].*[0-9].*)", re.DOTALL)


def clip_of(key: bytes) -> bytes | None:
    """Return the name of the clip that a frame belongs to, or None if the key is not that of a frame.

    >>> clip_of(b"vid3/0004.jpg"), clip_of(b"vid3_f0004"), clip_of(b"0004")
    (b'vid3', b'vid3_f', None)
    """
    match = _KEY.fullmatch(key)
    return None if match is None else match[1].rstrip(_BETWEEN) or None


def frame_counts(view: StoreView) -> Iterator[FrameCounts]:
    """Yield the mappings of a database that may count the frames of its clips."""
    clips = {clip_of(key) for key in view.keys}
    for key in keys_with_lists(view) if len(clips) > 1 or None not in clips else ():
        parsed = view.stored(key)
        if parsed is None or not isinstance(parsed.value, dict) or not parsed.value:
            continue
        few = len(parsed.value) < FEWEST and not _are_sets(parsed.value)
        if few and (len(parsed.value) < FEW or not _may_count_few(key, parsed.value)):
            continue
        if not all(isinstance(clip, (str, bytes)) for clip in parsed.value):
            continue
        said, fields = _numbers(parsed.value)
        if said is None:
            continue
        named = {_raw(it) for it in parsed.value}
        if len(named & clips) * 2 < len(clips - {None}) and not (_are_sets(parsed.value) and _begin(named, view.keys)):
            continue
        if len(named) > MOST:
            if _is_named_like_counts(key):
                yield FrameCounts(key, parsed.form, {}, many=True)
        elif is_lossless(view.value(key) or b"", parsed):
            entries = parsed.value if fields else {}
            yield FrameCounts(key, parsed.form, said, fields=fields, entries=entries)


def _may_count_few(key: bytes, mapping: Mapping[Any, Any]) -> bool:
    """Return whether the names say that the numbers of few clips are counts, which may match others by chance."""
    return _is_named_like_counts(key) or all(isinstance(it, dict) for it in mapping.values())


def _numbers(mapping: Mapping[Any, Any]) -> tuple[dict[Any, int] | None, tuple[str, ...]]:
    """Return the number of each clip, and the names that it has in the entries of a mapping of mappings.

    The number is None if there is no such number in every entry, or if an entry has a list of as many items, which a
    copy would have to shorten too.
    """
    if all(type(it) is int for it in mapping.values()):
        return dict(mapping), ()
    entries = [it for it in mapping.values() if isinstance(it, dict)]
    if len(entries) < len(mapping):
        return None, ()
    names = [it for it in entries[0] if isinstance(it, str) and _is_named_like_counts(it.encode())]
    names = [it for it in names if all(type(entry.get(it)) is int for entry in entries)]
    for name in names:
        fields = tuple(it for it in names if all(entry[it] == entry[name] for entry in entries))
        lists = (it for entry in entries for it in entry.values() if isinstance(it, (list, dict)))
        if not {len(it) for it in lists}.isdisjoint(entry[name] for entry in entries):
            return None, ()
        return {clip: entry[name] for clip, entry in mapping.items()}, fields
    return None, ()


def _begin(names: Collection[bytes], keys: Iterable[bytes]) -> bool:
    """Return whether some keys begin with one of these names."""
    return any(match[1] in names for key in keys if (match := _BEGINNING.fullmatch(key)) is not None)


def _are_sets(names: Iterable[str | bytes]) -> bool:
    """Return whether these are the names of sets of samples, such as train and val."""
    return all(isinstance(it, (str, bytes)) and _raw(it).lower() in SETS for it in names)


def _is_named_like_counts(key: bytes) -> bool:
    return not COUNTING.isdisjoint(words(key.decode("latin1")))


def _raw(name: str | bytes) -> bytes:
    return name.encode() if isinstance(name, str) else name


def count_kinds(keys: Iterable[bytes], clips: frozenset[bytes]) -> Counter[tuple[bytes, str]]:
    """Count the frames of some clips among keys, and the records of some sets by the rest of their keys."""
    counts: Counter[tuple[bytes, str]] = Counter()
    sets = {it for it in clips if it.lower() in SETS}
    for key in keys:
        match = _BEGINNING.match(key) if sets else None
        if match is not None and match[1] in sets:
            counts[match[1], fold(match[2])] += 1
        elif (clip := clip_of(key)) in clips and clip is not None:
            counts[clip, ""] += 1
    return counts


def by_clip(kinds: Mapping[tuple[bytes, str], int]) -> Counter[bytes]:
    """Return the number of frames of each clip; if a sample has several records, the number of the most frequent."""
    counts: Counter[bytes] = Counter()
    for (clip, _), number in kinds.items():
        counts[clip] = max(counts[clip], number)
    return counts


def count_frames(keys: Iterable[bytes], clips: frozenset[bytes]) -> Counter[bytes]:
    """Count the frames of some clips among keys."""
    return by_clip(count_kinds(keys, clips))


def confirmed_counts(counts: FrameCounts, frames: Mapping[bytes, int]) -> FrameCounts | None:
    """Return the counts with the numbers of frames that exist, or None if these numbers do not count frames."""
    if counts.many:
        return counts
    agree = [number for name, number in counts.said.items() if frames.get(_raw(name), 0) == number]
    if _are_sets(counts.said):
        pairs = [(number, frames.get(_raw(name), 0)) for name, number in counts.said.items()]
        near = all(LEFT * max(it) <= min(it) for it in pairs)
        named = _is_named_like_counts(counts.key)
        shown = near and len(agree) >= max(len(pairs) - 1, 0 if named else 1)
        return msgspec.structs.replace(counts, there=dict(frames)) if shown else None
    if not _are_shown(len(agree), counts):
        return None
    if len({*agree}) < VARIOUS and not counts.fields and not _is_named_like_counts(counts.key):
        return None
    return msgspec.structs.replace(counts, there=dict(frames))


def _are_shown(agree: int, counts: FrameCounts) -> bool:
    """Return whether enough clips have as many frames as these numbers say; fewer suffice if the names say so."""
    if counts.fields or _is_named_like_counts(counts.key):
        return are_enough(agree, len(counts.said))
    return agree >= max(FEWEST, SHARE * len(counts.said) - 1)


def are_enough(agree: int, every: int) -> bool:
    """Check whether enough numbers agree to show what all of them count; if there are few clips, one may be off."""
    return agree >= min(max(FEWEST, SHARE * every - 1), max(FEW, every - 1))


def are_capped(fewer: Iterable[int], every: Iterable[int]) -> bool:
    """Check whether all clips that lack frames are as long as the longest clips, since frames may have been limited."""
    return {*fewer} == {max(every, default=0)}


def frame_findings(counts: FrameCounts) -> Iterator[Finding]:
    """Yield a finding if numbers of frames are not true.

    It is bad if frames are missing, since a loader asks for them. If there are only more frames, it is suspicious.
    """
    if counts.many:
        text = f"{escape(counts.key)} has numbers of the frames of more than {MOST:,} clips: they were not compared"
        yield found("unsupported", text, key=escape(counts.key))
    off = [(clip, it, frames) for clip, it in counts.said.items() if (frames := counts.there.get(_raw(clip), 0)) != it]
    fewer = [it for it in off if it[2] < it[1]]
    if off:
        name, declared, number = (fewer or off)[0]
        more = (
            f", and {len(off) - 1:,} more of {len(counts.said):,} {'are' if len(off) > 2 else 'is'} off"
            if len(off) > 1
            else ""
        )
        text = f"{escape(counts.key)} says that {escape(_raw(name))} has {declared:,}, there are {number:,}{more}"
        sure = not is_of_whole(counts.key) and bool(words(counts.key.decode("latin1")) & (COUNTING | DIVIDING))
        unsure = _are_sets(counts.said) and not sure
        verdict: Verdict | None = None if fewer and not unsure else "suspicious"
        yield found("count", text, verdict=verdict, key=escape(counts.key), said=declared, found=number)


def rewritten_without(counts: FrameCounts, dropped_keys: Iterable[bytes]) -> bytes | None:
    """Return the new value of the mapping in a copy without some records, or None if it does not change.

    A clip that has more records than its number says, such as those of a second camera, keeps the number.
    """
    left = Counter(counts.there)
    left.subtract(count_frames(dropped_keys, frozenset(counts.there)))
    numbers = {clip: min(it, left.get(_raw(clip), 0)) for clip, it in counts.said.items()}
    if numbers == counts.said:
        return None
    if not _are_sets(counts.said):  # a clip that lost all of its frames is none any more
        numbers = {clip: it for clip, it in numbers.items() if it or not counts.said[clip]}
    entries = {clip: it | dict.fromkeys(counts.fields, numbers.get(clip)) for clip, it in counts.entries.items()}
    return FORMS[counts.form].write({clip: entries[clip] for clip in numbers} if entries else numbers)
