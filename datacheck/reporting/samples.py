"""What some of the records with findings look like, each beside a sound one: taken in workers, shown on the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import msgspec

from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding
from datacheck.reporting.tally import Tally

DAMAGE = frozenset({"truncated-store", "damaged-store", "checksum", "orphan", "stale", "unreadable"})
"""Codes of findings of the store as a whole that lie somewhere in it."""
PLACES = 64
"""So many of them are marked in each stretch of the store."""

SAMPLES = 96
"""So many records of a source are shown at most, of all codes together."""
IN_ALL = 480
"""So many records are shown on a page of several sources at most."""
PER_CODE = 6
"""So many of each code, the first ones."""
BYTES = 5 << 20
"""So many bytes of pictures go into a page at most; the records behind them are shown as text."""


@dataclass
class Room:
    """What there is room for on a page yet: the sources that are shown on it share it."""

    samples: int = IN_ALL
    bytes: int = BYTES


class Curve(msgspec.Struct, frozen=True):
    """A line of values: for each step across it the least and the greatest, None where no value is finite.

    `low` and `high` are the bounds of all finite values, `marked` the steps that hold NaN or infinity.
    """

    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    low: float
    high: float
    marked: tuple[int, ...] = ()
    count: int = 0


class Look(msgspec.Struct, frozen=True):
    """What one record looks like.

    `picture` is a PNG made here of its pixels or its values, `width` by `height`; `map` says that colours stand for
    values. `damaged` are the parts that a decoder had to make up: left, top, width and height, as shares of the whole.
    `marks` are pixels with NaN or infinity behind them, some of many: across, down, and which of both. `curve` is there
    instead where the values are one line. `lines` say what is in the record, in words.
    """

    lines: tuple[str, ...] = ()
    picture: bytes = b""
    width: int = 0
    height: int = 0
    map: bool = False
    damaged: tuple[tuple[float, float, float, float], ...] = ()
    marks: tuple[tuple[int, int, str], ...] = ()
    curve: Curve | None = None
    note: str = ""


class Sample(msgspec.Struct, frozen=True):
    """A finding, what its record looks like, and a sound record like it; None where there is nothing to show."""

    finding: Finding
    bad: Look | None = None
    sound: Look | None = None
    sound_key: str = ""


class Place(msgspec.Struct, frozen=True):
    """Some neighbouring records, from and to, among which a finding of the store as a whole lies."""

    start: int
    stop: int
    verdict: Verdict
    code: str


def places_of(findings: Iterable[Finding], tally: Tally, start: int) -> list[Place]:
    """Return where the findings of damage lie that a shard came to, whose first record has the number `start`."""
    if DAMAGE.isdisjoint(tally.codes) or not tally.records:
        return []
    there = (it for it in findings if it.key is None and it.code in DAMAGE)
    return [Place(start, start + tally.records, it.verdict, it.code) for it in islice(there, PLACES)]
