"""Numbers of clips beside their frames, which a copy that goes without a whole clip makes true: `num_videos` is 12.

Only a number that is exactly that of the clips is taken for one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from datacheck.conventions.counts.clips_counted import clip_names, frame_of
from datacheck.conventions.counts.counted import METADATA, NAMES
from datacheck.conventions.counts.written import written_into
from datacheck.conventions.interface import ClipTotals, Count, StoreView
from datacheck.conventions.keys.groups import words
from datacheck.conventions.values.stored_values import stored_count

_CLIPS = "clip clips video videos vid vids sequence sequences seq seqs episode episodes trajectory trajectories"
CLIPS = frozenset(_CLIPS.split())
_COUNTING = "num nums n nb nr number numbers of count counts total len length"
COUNTING = frozenset(_COUNTING.split())
LONGEST = 256
"""Longest value that can be a number in any form, in bytes."""
FEW = 64
"""Maximum number of sampled keys without a digit that are looked at."""
MOST = 1 << 18
"""Maximum number of clips that are counted."""


def clip_totals(view: StoreView) -> ClipTotals | None:
    """Return the numbers that may be of clips, if the records of a database are frames, or None."""
    counts = tuple(_counts(view))
    clips = clip_names(view.keys, frozenset(it.key for it in counts)) if counts else None
    return None if clips is None else ClipTotals(counts)


def _counts(view: StoreView) -> Iterator[Count]:
    names = sorted(it for it in view.keys if not any(map(str.isdigit, it.decode("latin1"))))
    for key in names if len(names) <= FEW else ():
        raw = view.value(key) if _may_count_clips(key.decode("latin1")) else None
        said = stored_count(raw) if raw is not None and len(raw) <= LONGEST else None
        if said is not None and type(said.value) is int:
            yield Count(key, said, raw or b"")
    for key in METADATA:
        mapping = view.stored(key)
        if mapping is not None and isinstance(mapping.value, dict):
            raw = view.value(key) or b""
            numbers = ((name, it) for name, it in mapping.value.items() if type(it) is int and isinstance(name, str))
            yield from (Count(key, mapping, raw, name) for name, _ in numbers if _may_count_clips(name))


def _may_count_clips(name: str) -> bool:
    name_words = words(name)
    return name.encode() in NAMES or (not name_words.isdisjoint(CLIPS) and name_words <= CLIPS | COUNTING)


class ClipFrames:
    """Counts the frames of each clip, by the name before their number and by the folder that they lie in."""

    def __init__(self, totals: ClipTotals) -> None:
        self._totals = totals
        self._own = frozenset(it.key for it in totals.counts)
        self._frames: tuple[Counter[bytes], Counter[bytes]] = (Counter(), Counter())

    def take(self, keys: Iterable[bytes]) -> None:
        for frames, names in zip(self._frames, _clips_of(keys, self._own), strict=True):
            if len(frames) <= MOST:
                frames.update(names)

    def totals(self) -> ClipTotals | None:
        """Return the numbers that are those of the clips, with their frames, or None if there are none."""
        found = [(it, frames) for it in self._totals.counts for frames in self._frames if it.number == len(frames)]
        if not found or len(found[0][1]) > MOST:
            return None
        reading = found[0][1]
        counts = tuple(it for it, frames in found if frames is reading)
        return ClipTotals(counts, dict(reading), folders=reading is self._frames[1])


def _clips_of(keys: Iterable[bytes], own: frozenset[bytes]) -> tuple[list[bytes], list[bytes]]:
    names = [name for key in keys if key not in own and (name := frame_of(key)) is not None]
    return names, [folder for it in names if (folder := it.rpartition(b"/")[0])]


def totals_without(
    totals: ClipTotals, dropped: Iterable[bytes], value: Callable[[bytes], bytes | None]
) -> dict[bytes, bytes]:
    """Return the new values, by key, of the numbers of clips in a copy without some records.

    `value` returns the new value of a key of which another number changes, or None.
    """
    lost = Counter(_clips_of(dropped, frozenset())[totals.folders])
    gone = sum(frames <= lost[clip] for clip, frames in totals.frames.items())
    values: dict[bytes, bytes] = {}
    for count in totals.counts if gone else ():
        changed = values.get(count.key) or value(count.key) or count.raw
        values[count.key] = written_into(count, changed, (count.number or 0) - gone)
    return values
