"""Check counts of frames that lie in a record for each clip: `vid0/num_frames` beside `vid0/frame_0000`.

The record may also be a mapping with the number in it, such as `vid0/metadata`, which says more of the clip.

Unless nearly all of these numbers match the number of records whose keys begin with the clip's name, they count
something else, such as the frames of the film that some were taken from. A clip may have several kinds of frames, such
as colour and flow; the kinds for which the numbers match are the ones that are counted.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from datacheck.conventions.counts.counted import LONGEST
from datacheck.conventions.counts.frame_counts import COUNTING, MOST, are_capped, are_enough
from datacheck.conventions.counts.whole_sets import is_of_whole
from datacheck.conventions.counts.written import written_into
from datacheck.conventions.interface import ClipCounts, Count, StoreView
from datacheck.conventions.keys.frame_keys import FrameKind
from datacheck.conventions.keys.groups import ENOUGH, NEARLY, verdict_of
from datacheck.conventions.values.rewriting import is_lossless
from datacheck.conventions.values.stored_lists import stored_list
from datacheck.conventions.values.stored_values import Stored, stored, stored_count
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.sample_sets import PARTED, SETS

FEW = 3
"""Minimum number of clips among the sampled keys that must have a number, unless their names are those of sets."""
KINDS = 8
"""Maximum number of kinds of frames, and of kinds of counts, that are considered."""
LEFT = 0.5
"""Minimum ratio between the number of a set and the number of its records (the smaller to the larger)."""
LEFT_OF_LOOSE = 0.9
"""Minimum of this ratio if the number may be the length or the size of each sample."""
PROBED = 16
_MORE = "of total frame video vid clip seq sequence image images img imgs picture pictures step steps nb nr nimgs"
_EVERY = {*COUNTING, *_MORE.split()}
_WORD = "|".join(sorted(_EVERY, key=len, reverse=True))
_SINGLE = "|".join(sorted(_EVERY - {first + second for first in _EVERY for second in _EVERY}))
"""The words that are not two of the others: with `nframes` beside `n` and `frames`, a name that repeats it could be
divided into words in more ways than can be tried."""
_NAME = rf"(?:{_SINGLE})(?:[_-]?(?:{_SINGLE}))*".encode()
_BEHIND = re.compile(rb"(.+?)([/_.: -]" + _NAME + rb")", re.DOTALL | re.IGNORECASE)
_BEFORE = re.compile(rb"(" + _NAME + rb"[/_.: -])(.+)", re.DOTALL | re.IGNORECASE)
_FRAME = re.compile(rb"(.*[^0-9])([0-9]{1,18})([^0-9]*)", re.DOTALL)
_WORDS = re.compile(rf"{_WORD}")
_DESCRIBING = (b"meta", b"metadata", b"meta_info", b"info", b"attrs")
_DESCRIBED = re.compile(rb"(.+?)([/_.: -](?:" + b"|".join(_DESCRIBING) + rb"))", re.DOTALL | re.IGNORECASE)
ITEMS = 4
"""Maximum number of numbers in a mapping that are compared with the frames."""
LARGEST = 1 << 16
"""Maximum size in bytes of such a mapping."""
_COUNT_WORDS = frozenset(b"num nums n nb nr number numbers count counts len length lengths size total".split())
_SAMPLE_WORDS = frozenset(
    b"of sample samples example examples record records item items entry entries instance instances data".split()
)
_PICTURE_WORDS = frozenset(b"image images img imgs picture pictures".split())
_LENGTH_WORDS = frozenset(b"len length lengths size of".split())
_SIZE = frozenset([b"size"])
"""A size may be that of the pictures, unless the sets' sizes are the numbers of their samples."""

Value = Callable[[], bytes]


def counted_clip(key: bytes) -> tuple[bytes, tuple[bytes, bytes]] | None:
    """Return the clip whose frames a key counts, by its name, and the parts of the key around the clip; else None.

    >>> counted_clip(b"vid0/num_frames"), counted_clip(b"len_ep7"), counted_clip(b"vid0/fps")
    ((b'vid0', (b'', b'/num_frames')), (b'ep7', (b'len_', b'')), None)
    """
    of_set = _counted_set(key)
    if of_set is not None:
        return of_set
    match = _BEHIND.fullmatch(key)
    if match is not None and _is_count_name(match[2]):
        return match[1], (b"", match[2])
    match = _BEFORE.fullmatch(key)
    return (match[2], (match[1], b"")) if match is not None and _is_count_name(match[1]) else None


def _counted_set(key: bytes) -> tuple[bytes, tuple[bytes, bytes]] | None:
    """Return the set whose samples a key by its name counts, and what is before and behind it, or None.

    >>> _counted_set(b"num_train_samples"), _counted_set(b"val-image-size")
    ((b'train', (b'num_', b'_samples')), None)
    """
    pieces = PARTED.split(key)
    places = [at for at, it in enumerate(pieces) if it.lower() in SETS]
    if len(places) != 1:
        return None
    before, after = b"".join(pieces[: places[0]]), b"".join(pieces[places[0] + 1 :])
    names = _names_around((before, after))
    counts = not names.isdisjoint(_COUNT_WORDS) and names <= _COUNT_WORDS | _SAMPLE_WORDS | _PICTURE_WORDS
    sizes = not names.isdisjoint(_SIZE) and not names.isdisjoint(_PICTURE_WORDS)
    return (pieces[places[0]], (before, after)) if counts and not sizes else None


def counts_records_of(name: bytes, key: bytes) -> bool:
    """Return whether a key says that its value counts the records of the set or database of this name.

    >>> counts_records_of(b"train", b"num_train_samples"), counts_records_of(b"train", b"train_transform")
    (True, False)
    """
    before, found_name, after = key.lower().partition(name.lower())
    if not found_name or before[-1:].isalnum() or after[:1].isalnum():
        return False
    names = _names_around((before, after))
    return not names.isdisjoint(_COUNT_WORDS) and names <= _COUNT_WORDS | _SAMPLE_WORDS | _PICTURE_WORDS


def _names_around(around: tuple[bytes, bytes]) -> frozenset[bytes]:
    return frozenset(it.lower() for text in around for it in PARTED.split(text)[::2] if it)


def _is_count_name(name: bytes) -> bool:
    return not COUNTING.isdisjoint(_WORDS.findall(name.decode("latin1").lower()))


def clip_counts(view: StoreView) -> Iterator[ClipCounts]:
    """Yield the records of a database that may count frames of clips, grouped by the rest of their keys."""
    clips = _keys_of_clips(view.keys, counted_clip)
    several = [(around, count_keys) for around, count_keys in clips if _are_enough(around, count_keys)]
    for around, count_keys in several[:KINDS]:
        probed = _probed(count_keys)
        if all(_count(it, view.value(it)) is not None for it in probed):
            kinds = _kinds(view.keys, count_keys)
            if kinds:
                yield ClipCounts(around, kinds)
    yield from _described_counts(view)


def _described_counts(view: StoreView) -> Iterator[ClipCounts]:
    """Yield the numbers in mappings about the clips that may count their frames."""
    clips = _keys_of_clips(view.keys, described_clip)
    for around, keys in [it for it in clips if len(it[1]) >= FEW][:KINDS]:
        probed = _probed(keys)
        items = _count_items(probed[0], view.value(probed[0]))
        items = [name for name in items if all(_count(it, view.value(it), name) is not None for it in probed)]
        kinds = _kinds(view.keys, keys) if items else ()
        yield from (ClipCounts(around, kinds, item=name) for name in items[:ITEMS] if kinds)


def _keys_of_clips(
    keys: Iterable[bytes], clip_of: Callable[[bytes], tuple[bytes, tuple[bytes, bytes]] | None]
) -> list[tuple[tuple[bytes, bytes], dict[bytes, bytes]]]:
    """Return the keys that belong to a clip, by the clip's name, for each pair of texts around such names, in order."""
    clips: dict[tuple[bytes, bytes], dict[bytes, bytes]] = defaultdict(dict)
    for key in keys:
        of_clip = clip_of(key)
        if of_clip is not None:
            clips[of_clip[1]][of_clip[0]] = key
    return sorted(clips.items())


def described_clip(key: bytes) -> tuple[bytes, tuple[bytes, bytes]] | None:
    """Return the clip that a record describes, by its name, and the parts of the key around the clip; else None.

    >>> described_clip(b"vid0/metadata"), described_clip(b"vid0/0001")
    ((b'vid0', (b'', b'/metadata')), None)
    """
    match = _DESCRIBED.fullmatch(key) if key.lower().endswith(_DESCRIBING) else None
    return None if match is None else (match[1], (b"", match[2]))


def _count_items(key: bytes, raw: bytes | None) -> list[str]:
    """Return the names of the numbers in a mapping that may be counts."""
    said = _description(raw) if raw is not None and len(raw) <= LARGEST else None
    if said is None or not isinstance(said.value, dict):
        return []
    names = [it for it in said.value if isinstance(it, str) and type(said.value[it]) is int]
    return [it for it in names if _is_count_name(it.encode())]


def _description(raw: bytes) -> Stored | None:
    """Return a mapping, marked as read in part if it cannot be written again."""
    said = stored(raw) or stored_list(raw)
    return said if said is None or is_lossless(raw, said) else msgspec.structs.replace(said, in_part=True)


def _probed(keys: Mapping[bytes, bytes]) -> list[bytes]:
    return [keys[it] for it in sorted(keys)][:: max(1, len(keys) // PROBED)][:PROBED]


def _are_enough(around: tuple[bytes, bytes], clips: Mapping[bytes, bytes]) -> bool:
    """Return whether there are enough clips or sets to show what is counted; for a single set, the name must say it."""
    names = _names_around(around)
    named = names <= (_COUNT_WORDS | _SAMPLE_WORDS | _PICTURE_WORDS) - _SIZE
    return len(clips) >= FEW or (_are_sets(clips) and (len(clips) > 1 or named))


def _are_sets(clips: Iterable[bytes]) -> bool:
    """Check whether these are names of sets of samples, such as train and val, rather than names of clips."""
    return all(it.lower() in SETS for it in clips)


def _count(key: bytes, raw: bytes | None, item: str | None = None) -> Count | None:
    """Return the number under a key, or that entry of a mapping, or None if it is not a whole number."""
    if raw is None or len(raw) > (LONGEST if item is None else LARGEST):
        return None
    count = Count(key, stored_count(raw) if item is None else _description(raw), raw, item)
    return count if count.number is not None and count.number >= 0 else None


def _kinds(keys: Iterable[bytes], clips: Mapping[bytes, bytes]) -> tuple[FrameKind, ...]:
    """Return the kinds of frames: the parts of keys between a clip's name and a frame's number, and after that."""
    counts: Counter[FrameKind] = Counter()
    for key in keys:
        for name, kind in _frame_readings(key):
            if name in clips:
                counts[kind] += 1
    return tuple(kind for kind, _ in counts.most_common(KINDS))


def _frame_readings(key: bytes) -> Iterator[tuple[bytes, FrameKind]]:
    """Yield the clip's name and the kind of frame for each way to read a key as that of a frame.

    A clip's name may end before any character that is neither a letter nor a digit.
    """
    match = _FRAME.fullmatch(key)
    stem = b"" if match is None else match[1]
    for at in range(1, len(stem)):
        if match is not None and not stem[at : at + 1].isalnum():
            yield stem[:at], FrameKind(stem[at:], match[3])


class Clips:
    """Counts the frames of each clip, and collects their stored numbers, over all records of a database.

    If there are more than MOST clips, those that are met first are counted.
    """

    def __init__(self, counts: ClipCounts) -> None:
        self.clip_counts = counts
        self.declared: dict[bytes, Count] = {}
        self.unread: set[bytes] = set()
        self.frames: dict[FrameKind, Counter[bytes]] = {it: Counter() for it in counts.kinds}
        self.more = False

    def take(self, key: bytes, value: Value) -> None:
        """Add a record; its value is read only if it is a count."""
        before, after = self.clip_counts.around
        if key.startswith(before) and key.endswith(after):
            item = self.clip_counts.item
            counted = counted_clip(key) if item is None else described_clip(key)
            if counted is not None and counted[1] == self.clip_counts.around:
                if self._may_hold(counted[0], self.declared):
                    count = _count(key, value(), item)
                    if count is not None:
                        self.declared[counted[0]] = count
                    elif self._may_hold(counted[0], self.unread):
                        self.unread.add(counted[0])
                return
        for kind, frames in self.frames.items():
            clip = kind.clip(key)
            if clip is not None and self._may_hold(clip, frames):
                frames[clip] += 1

    def _may_hold(self, clip: bytes, held: Collection[bytes]) -> bool:
        """Return whether a clip may be held, and note if there are more clips than that."""
        if clip in held or len(held) < MOST:
            return True
        self.more = True
        return False

    def counts(self) -> ClipCounts | None:
        """Return the stored numbers and the numbers of frames, or None if they do not count any kind of frames."""
        if self.more:  # others may have frames that were not counted
            held = set().union(*self.frames.values())
            self.declared = {clip: it for clip, it in self.declared.items() if clip in held}
        kinds = {kind: dict(frames) for kind, frames in self.frames.items() if self._agrees_with(frames)}
        if not kinds:
            return None
        unread = frozenset(self.unread)
        return msgspec.structs.replace(self.clip_counts, said=self.declared, there=kinds, more=self.more, unread=unread)

    def _agrees_with(self, frames: Mapping[bytes, int]) -> bool:
        agreeing = sum(frames.get(clip, 0) == count.number for clip, count in self.declared.items())
        if _are_sets(self.declared):  # by the names, there is certainly a number for each set
            pairs = [(frames.get(clip, 0), count.number or 0) for clip, count in self.declared.items()]
            least = LEFT_OF_LOOSE if self._may_be_lengths() else LEFT
            return agreeing >= len(pairs) - 1 and all(least * max(it) <= min(it) for it in pairs)
        return are_enough(agreeing, len(self.declared))

    def _may_be_lengths(self) -> bool:
        """Return whether the numbers may be the length or size of each sample: they are equal and named so."""
        return (
            len({it.number for it in self.declared.values()}) == 1
            and _names_around(self.clip_counts.around) <= _LENGTH_WORDS
        )


def of_whole_sets(every: Sequence[ClipCounts], *, share: bool) -> tuple[ClipCounts, ...]:
    """Return counts, with those marked that may be of whole sets of which the store holds only a part.

    Their names say so, and either the store holds a `share`, or another number of the same set is true.
    """
    true = {
        clip for it in every if not _is_of_whole(it) for clip in it.said if it.fewest_frames(clip) == it.number(clip)
    }
    return tuple(
        msgspec.structs.replace(it, of_whole=_is_of_whole(it) and (share or not true.isdisjoint(it.said)))
        for it in every
    )


def _is_of_whole(counts: ClipCounts) -> bool:
    return _are_sets(counts.said) and is_of_whole(b" ".join(counts.around))


def clip_findings(every: Sequence[ClipCounts]) -> Iterator[Finding]:
    """Yield a finding for each number of frames that is not true, and for each clip without one."""
    for place, counts in enumerate(every):
        yield from _untrue_findings(counts)
        if all(it.around != counts.around for it in every[:place]):
            yield from () if counts.more else _uncounted_findings(counts)


def _untrue_findings(counts: ClipCounts) -> Iterator[Finding]:
    """Yield a finding for each number of frames that is not true.

    A number that is too large is bad, since a loader asks for missing frames. A number that is too small, or that may
    be that of a whole set, is only suspicious.
    """
    fewer = {clip: it for clip in counts.said if (it := counts.fewest_frames(clip)) < counts.number(clip)}
    capped = not _are_sets(counts.said) and are_capped(fewer.values(), (counts.fewest_frames(it) for it in counts.said))
    more = {clip: it for clip in counts.said if (it := counts.fewest_frames(clip)) > counts.number(clip)}
    for clip, number in (fewer | more).items():
        count = counts.said[clip]
        text = f"{count.name} says {count.number:,}, there are {number:,}"
        text += ": it is not true if it counts these" if counts.of_whole and clip in fewer else ""
        verdict: Verdict | None = "suspicious" if capped or counts.of_whole or clip in more else None
        yield found("count", text, verdict=verdict, key=escape(count.key), said=count.number, found=number)
    if counts.more:
        before, after = map(escape, counts.around)
        text = f"the frames of more than {MOST:,} clips are counted in {before}#{after}: those of the others were not"
        yield found("unsupported", f"{text} compared with their numbers")


def _uncounted_findings(counts: ClipCounts) -> Iterator[Finding]:
    """Yield a finding for each clip that has frames but no number, if nearly all clips have one.

    A description of a clip is a part that not every clip needs; one without a number lacks a field.
    """
    clips = set.intersection(*(set(frames) for frames in counts.there.values()))
    uncounted = clips - counts.said.keys()
    counted, described = len(clips) - len(uncounted), counts.item is not None
    if counted < NEARLY * len(clips):
        return
    before, after = counts.around
    for clip in sorted(uncounted - counts.unread if described else uncounted):
        key = escape(before + clip + after)
        verdict = verdict_of(counted, len(clips)) if counted >= ENOUGH and not described else "suspicious"
        lacks = f"{key} holds no number" if clip in counts.unread else f"{key} is not there"
        text = f"{lacks}; {counted:,} of {len(clips):,} clips have a number of frames"
        yield found("unpaired", text, verdict=verdict, missing=[key])


def counts_without(
    counts: ClipCounts, dropped_keys: Iterable[bytes], new: Mapping[bytes, bytes], *, only_fixed: bool = False
) -> dict[bytes, bytes]:
    """Return the new values, by key, of the numbers that are no longer true in a copy without some records.

    `new` are the values in which other numbers have changed already. With `only_fixed`, return those that cannot be
    written instead, with an empty value.
    A clip that has more records than its number says keeps the number. So do all clips whose frames may have been
    limited on purpose, if they lose none, and numbers that may be of a whole set.
    """
    if counts.of_whole:
        return {}
    dropped = frozenset(dropped_keys)
    lost: dict[FrameKind, Counter[bytes]] = {kind: Counter() for kind in counts.there}
    for kind, frames in lost.items():
        frames.update(clip for key in dropped if (clip := kind.clip(key)) is not None)
    fewer = [it for clip in counts.said if (it := counts.fewest_frames(clip)) < counts.number(clip)]
    capped = not _are_sets(counts.said) and are_capped(fewer, (counts.fewest_frames(it) for it in counts.said))
    values = {}
    for clip, count in counts.said.items():
        left = min((frames.get(clip, 0) - lost[kind][clip] for kind, frames in counts.there.items()), default=0)
        touched = any(frames[clip] for frames in lost.values()) or not capped
        fixed = count.said is None or count.said.in_part
        if touched and left < counts.number(clip) and count.key not in dropped and fixed == only_fixed:
            values[count.key] = b"" if fixed else written_into(count, new.get(count.key, count.raw), left)
    return values
