"""Numbers and lists of clips beside their frames, which a copy that goes without a whole clip makes true.

Such are `num_videos` and `video_names`. Only a number that is exactly that of the clips is taken for one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator

from datacheck.conventions.counts.clips_counted import clip_names, frame_of
from datacheck.conventions.counts.count_names import NAMES
from datacheck.conventions.counts.named_numbers import FEW, is_named_after, named_numbers
from datacheck.conventions.counts.written import written_into
from datacheck.conventions.interface import ClipTotals, StoreView
from datacheck.conventions.keys.groups import words
from datacheck.conventions.listed import keys_without_digits
from datacheck.conventions.values.rewriting import is_lossless
from datacheck.conventions.values.standing import CLASSES
from datacheck.conventions.values.stored_values import Stored, is_key_list, key_of, same_kind, stored_count
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

_CLIPS = "clip clips video videos vid vids sequence sequences seq seqs episode episodes trajectory trajectories"
CLIPS = frozenset(_CLIPS.split())
_COUNTING = "num nums n nb nr number numbers of count counts total len length"
COUNTING = frozenset(_COUNTING.split())
MOST = 1 << 18
"""Maximum number of clips that are counted."""
FEWEST = 8
"""Minimum number of clips in a list."""
NEARLY = 0.9
"""Minimum share of the names in a list that must be those of clips, and of the clips that it must name."""
SEEN_SHARE, ENOUGH_SEEN = 4, 32
"""At least one in SEEN_SHARE clips is among the sampled keys, or that share of ENOUGH_SEEN clips."""
NAMED = 5
"""Maximum number of clips without a frame that are named."""
_SEPARATOR = re.compile(rb"[/_.: -]")


def clip_totals(view: StoreView) -> ClipTotals | None:
    """Return the numbers and the lists that may be of clips, if the records of a database are frames, or None."""
    counts, lists = tuple(named_numbers(view, _may_count_clips)), dict(_lists(view))
    own = frozenset((*(it.key for it in counts), *lists))
    clips = clip_names(view.keys, own) if own else None
    if clips is None:
        return None
    seen = max(clips.clips)
    counts = tuple(it for it in counts if may_be_so_many(it.number or 0, seen))
    lists = {key: it for key, it in lists.items() if may_be_so_many(len(it.value), seen)}
    return ClipTotals(counts, lists) if counts or lists else None


def may_be_so_many(number: int, seen: int) -> bool:
    """Check whether there may be this many clips if the sampled keys, which are spread evenly, are of `seen` clips.

    Numbered pictures and their labels look like two clips of as many frames as there are samples: all keys of such a
    store are not read once more to count its clips.

    >>> may_be_so_many(12, seen=12), may_be_so_many(50_000, seen=64), may_be_so_many(50_000, seen=2)
    (True, True, False)
    """
    return SEEN_SHARE * seen >= min(number, ENOUGH_SEEN)


def _lists(view: StoreView) -> Iterator[tuple[bytes, Stored]]:
    """Yield the key and the value of each list that may name clips; nothing else may depend on the places in it."""
    names = keys_without_digits(view)
    for key in names if len(names) <= FEW else ():
        name_words = words(key.decode("latin1"))
        if name_words.isdisjoint(CLIPS) or not name_words.isdisjoint(CLASSES):
            continue
        parsed = view.stored(key)
        if parsed is None or not isinstance(parsed.value, list) or not is_key_list(parsed.value):
            continue
        once = FEWEST <= len(set(parsed.value)) == len(parsed.value) <= MOST
        alone = once and all(_is_single(view, it) for it in names if it != key)
        if alone and is_lossless(view.value(key) or b"", parsed):
            yield key, parsed


def _is_single(view: StoreView, key: bytes) -> bool:
    """Return whether a value is a number, or a mapping without lists: nothing that can have an item for each clip."""
    parsed = view.stored(key)
    if parsed is not None and isinstance(parsed.value, dict):
        return not any(isinstance(it, (list, dict)) for it in parsed.value.values())
    said = stored_count(view.value(key) or b"")
    return said is not None and type(said.value) in (int, float)


def _may_count_clips(name: str) -> bool:
    return name.encode() in NAMES or is_named_after(name, CLIPS, COUNTING)


class ClipFrames:
    """Counts the frames of each clip, by the name before their number and by the folder that they lie in."""

    def __init__(self, totals: ClipTotals) -> None:
        self._totals = totals
        self._own = frozenset((*(it.key for it in totals.counts), *totals.lists))
        self._listed = frozenset(key_of(name) for it in totals.lists.values() for name in it.value)
        self._frames: tuple[Counter[bytes], Counter[bytes]] = (Counter(), Counter())
        self._rests: dict[bytes, list[bytes] | None] = {}
        """Listed clips by the rest of other keys that begin with their names; None for a rest that clips with frames
        have too, such as /label."""

    def take(self, keys: Collection[bytes]) -> None:
        for frames, names in zip(self._frames, _clips_of(keys, self._own), strict=True):
            if len(frames) <= MOST:
                frames.update(names)
        self._take_others(it for it in keys if it not in self._own)

    def _take_others(self, keys: Iterable[bytes]) -> None:
        by_name, by_folder = self._frames
        for clip, rest in _otherwise_named(keys, self._listed):
            clips = self._rests.setdefault(rest, [])
            if clip + rest[:1] in by_name or clip in by_folder:
                self._rests[rest] = None
            elif clips is not None:
                clips.append(clip)

    def totals(self) -> ClipTotals | None:
        """Return the numbers and the lists that are those of the clips, with their frames, or None without any."""
        best = max(
            (self._totals_by(folders) for folders in (False, True)), key=lambda it: len(it.counts) + len(it.lists)
        )
        return best if best.counts or best.lists else None

    def _totals_by(self, folders: bool) -> ClipTotals:
        frames = self._frames[folders]
        if len(frames) > MOST:
            return ClipTotals(())
        clips = frozenset(map(_named, frames))
        lists = {
            key: it
            for key, it in self._totals.lists.items()
            if len(clips.intersection(map(key_of, it.value))) >= NEARLY * max(len(it.value), len(clips))
        }
        numbers = {len(frames), *(len(it.value) for it in lists.values())}
        counts = tuple(it for it in self._totals.counts if it.number in numbers)
        others: dict[bytes, list[bytes]] = defaultdict(list)
        for rest, named in self._rests.items() if lists else ():
            for clip in named if named is not None and clips.isdisjoint(named) else ():
                others[clip].append(clip + rest)
        return ClipTotals(counts, lists, dict(frames), folders=folders, others=dict(others))


def _clips_of(keys: Iterable[bytes], own: frozenset[bytes]) -> tuple[list[bytes], list[bytes]]:
    names = [name for key in keys if key not in own and (name := frame_of(key)) is not None]
    return names, [folder for it in names if (folder := it.rpartition(b"/")[0])]


def totals_without(
    totals: ClipTotals, dropped: Iterable[bytes], value: Callable[[bytes], bytes | None]
) -> dict[bytes, bytes]:
    """Return the new values, by key, of the numbers of clips in a copy without some records.

    `value` returns the new value of a key of which another number changes, or None.
    """
    dropped = frozenset(dropped)
    lost = Counter(_clips_of(dropped, frozenset())[totals.folders])
    left = [clip for clip, frames in totals.frames.items() if frames > lost[clip]]
    names = {*map(_named, left), *(it for it, keys in totals.others.items() if not dropped.issuperset(keys))}
    values: dict[bytes, bytes] = {}
    numbers: dict[int | None, int] = {}
    for key, said in totals.lists.items():
        new = [it for it in said.value if key_of(it) in names]
        if totals.others:  # not all clips have frames
            numbers[len(said.value)] = len(new)
        if len(new) < len(said.value):
            values[key] = said.written(same_kind(said.value, new))
    for count in totals.counts:
        number = numbers.get(count.number, len(left))
        if number != count.number:
            changed = values.get(count.key) or value(count.key) or count.raw
            values[count.key] = written_into(count, changed, number)
    return values


def _otherwise_named(keys: Iterable[bytes], listed: Collection[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the clip and the rest of each key that begins with a listed clip, but is not that of its numbered frame.

    A picture may be a clip of its own, and frames may be called after what they show.

    >>> list(_otherwise_named([b"v1/00", b"v2", b"v3/first.jpg", b"v4/left/00", b"v5"], [b"v1", b"v2", b"v3", b"v4"]))
    [(b'v2', b''), (b'v3', b'/first.jpg'), (b'v4', b'/left/00')]
    """
    for key in keys if listed else ():
        if _named(frame_of(key) or b"") not in listed:
            ends = (*(it.start() for it in _SEPARATOR.finditer(key)), len(key))
            begins = [end for end in ends if key[:end] in listed]
            yield from ((key[:end], key[end:]) for end in begins[-1:])


def total_findings(totals: ClipTotals, *, share: bool) -> Iterator[Finding]:
    """Yield a finding for each list that names clips without a frame; those of a `share` may be in another store."""
    verdict: Verdict | None = "suspicious" if share else None
    clips = frozenset(map(_named, totals.frames))
    for key, said in totals.lists.items():
        missing = [name for it in said.value if (name := key_of(it)) not in clips and name not in totals.others]
        if missing:
            first = list(map(escape, missing[:NAMED]))
            verb = "have" if len(missing) > 1 else "has"
            text = f"{len(missing):,} of the {len(said.value):,} clips in {escape(key)} {verb} no frame"
            text = f"{text}: {', '.join(first)}"
            yield found("dangling", text, verdict=verdict, key=escape(key), count=len(missing), first=first)


def _named(clip: bytes) -> bytes:
    """Return the name of a clip in lists, which is that in keys without what separates it from the number."""
    return clip.rstrip(b"/_-.: ")
