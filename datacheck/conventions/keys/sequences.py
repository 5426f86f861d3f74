"""Detect missing frames of sequences: keys of a stem and a number of fixed width from 0 or 1, as video clips have.

If the frames of nearly all sequences have no gap, a gap in one of them is a missing frame. A single numbering alone
shows nothing: records that were left out on purpose look the same.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.conventions.keys.runs import Runs
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datacheck.conventions.keys.numbered_keys import KeyTable

FEWEST = 8
"""Minimum number of sequences that makes a rule."""
LONG = 4
"""Minimum average number of frames of a sequence; keys with fewer may be pieces of pictures."""
SHARE = 0.95
"""Minimum share of sequences without a gap, and of sampled keys that are frames."""
LEAST_PRESENT = 0.75
"""Minimum share of its frames that a sequence with gaps must have."""
HELD = 1 << 16
"""Maximum number of sequences held in memory because they have a gap or may continue in another block."""
NAMED = 5
_KEY = re.compile(rb"(.*[^0-9])([0-9]{2,18})([^0-9]*)", re.DOTALL)


class Frames(msgspec.Struct, frozen=True):
    """What follows the stem in the keys of a store: a number of `width` digits, and the ending `after` of all keys."""

    width: int
    after: bytes

    def key(self, stem: bytes, number: int) -> bytes:
        return stem + str(number).zfill(self.width).encode() + self.after

    def has(self, key: bytes) -> bool:
        """Return whether a key names a frame in this way."""
        match = _KEY.fullmatch(key)
        return match is not None and (len(match[2]), match[3]) == (self.width, self.after)


class Sequences(msgspec.Struct):
    """The sequences of some records. They can be added in any order.

    `whole` counts the sequences without a gap that lie in one block. `parts` are the numbers of the others, by stem.
    `many` says that there are too many others for a rule.
    """

    whole: int = 0
    parts: dict[bytes, Runs] = msgspec.field(default_factory=dict)
    many: bool = False

    def __iadd__(self, other: Sequences) -> Sequences:
        self.whole += other.whole
        self.many |= other.many
        for stem, runs in other.parts.items():
            own_runs = self.parts.setdefault(stem, Runs())
            own_runs += runs
        self._bound()
        return self

    def take(self, table: KeyTable, frames: Frames) -> None:
        """Add the keys of consecutive records."""
        import numpy as np

        for length, (_, keys) in table.by_length.items():
            stop = length - len(frames.after)
            size = stop - frames.width
            if self.many or size < 1:
                continue
            digits = keys[:, size:stop] - np.uint8(ord("0"))
            fits = (digits < 10).all(axis=1) & (keys[:, stop:] == np.frombuffer(frames.after, np.uint8)).all(axis=1)
            fits &= keys[:, size - 1] - np.uint8(ord("0")) >= 10
            if fits.any():
                self._take(keys[fits, :size], digits[fits])
        self._bound()

    def _take(self, stems: NDArray[Any], digits: NDArray[Any]) -> None:
        import numpy as np

        numbers = np.zeros(len(digits), np.int64)
        for column in digits.T:
            numbers *= 10
            numbers += column
        breaks = np.flatnonzero((stems[1:] != stems[:-1]).any(axis=1)) + 1
        starts, stops = np.concatenate(([0], breaks)), np.concatenate((breaks, [len(numbers)]))
        first, last = numbers[starts], numbers[stops - 1]
        whole = (first <= 1) & (last - first == stops - starts - 1)
        whole[[0, -1]] = False  # the previous or the next block may hold more of their frames
        self.whole += int(whole.sum())
        others = np.flatnonzero(~whole).tolist()
        if len(others) > FEWEST and len(others) * 2 > len(starts):
            self.many = True
            return
        for at in others:
            start, stop = int(starts[at]), int(stops[at])
            runs = self.parts.setdefault(stems[start].tobytes(), Runs())
            runs += Runs.from_array(numbers[start:stop])

    def _bound(self) -> None:
        self.many |= len(self.parts) > HELD
        if self.many:
            self.parts.clear()

    def findings(self, frames: Frames) -> Iterator[Finding]:
        """Yield one finding for all missing frames, if nearly all sequences have no gap."""
        if self.many:
            return
        gaps: dict[bytes, Runs] = {}
        odd = 0
        for stem, runs in self.parts.items():
            if runs.first > 1 or len(runs) < LEAST_PRESENT * (runs.last - runs.first + 1):
                odd += 1
            elif holes := runs.holes():
                gaps[stem] = holes
        total = self.whole + len(self.parts)
        if not gaps or total < FEWEST or len(gaps) + odd > (1 - SHARE) * total + 1:
            return
        yield _gap_finding(gaps, total, frames)


def _gap_finding(gaps: Mapping[bytes, Runs], total: int, frames: Frames) -> Finding:
    missing = sum(map(len, gaps.values()))
    first = [escape(frames.key(stem, it)) for stem in sorted(gaps) for it in gaps[stem]][:NAMED]
    text = (
        f"{and_more(first, missing)} {'is' if missing == 1 else 'are'} not there, between others that are; "
        f"{total - len(gaps):,} of {total:,} sequences have no gap"
    )
    return found("gap", text, count=missing, first=first, sequences=len(gaps))


def frames_in(keys: Collection[bytes]) -> Frames | None:
    """Return how sampled keys name the frames of sequences, or None if they do not."""
    shapes: Counter[Frames] = Counter()
    stems: dict[Frames, set[bytes]] = defaultdict(set)
    for key in keys:
        match = _KEY.fullmatch(key)
        if match is not None:
            shape = Frames(len(match[2]), match[3])
            shapes[shape] += 1
            stems[shape].add(match[1])
    if not shapes:
        return None
    shape, count = shapes.most_common(1)[0]
    if count < SHARE * len(keys) or len(stems[shape]) < FEWEST or count < LONG * len(stems[shape]):
        return None
    return shape
