"""What some of the records with findings look like, each beside a sound one: made by workers, shown on the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import msgspec

from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding
from datacheck.reporting.tally import Tally

DAMAGE = frozenset({"truncated-store", "damaged-store", "checksum", "orphan", "stale", "unreadable"})
"""Codes of findings about the store as a whole that have a place in it."""
PLACES = 64
"""Maximum number of them that are marked in each shard."""

SAMPLES = 96
"""Maximum number of records of a source that are shown, of all codes together."""
IN_ALL = 480
"""Maximum number of records that are shown on a page of several sources."""
PER_CODE = 6
"""Maximum number of records shown of each code: the first ones."""
BYTES = 5 << 20
"""Maximum size of the pictures on a page, in bytes; records beyond that are shown as text."""


@dataclass
class Room:
    """The room left on a page, shared by the sources that are shown on it."""

    samples: int = IN_ALL
    bytes: int = BYTES


class Curve(msgspec.Struct, frozen=True):
    """A line of values: the least and the greatest at each step across it, or None if no value is finite there.

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

    `picture` is a PNG of the record's pixels or values, encoded here, `width` by `height`; `map` says that colours
    stand for values. `damaged` are the parts that a decoder had to make up: left, top, width and height, as shares of
    the whole. `marks` are some of the pixels that stand for NaN or infinity: column, row, and which of the two. If the
    values are one line, `curve` replaces the picture. `lines` describe in words what is in the record.
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
    """A finding, what its record looks like, and a sound record like it; None if there is nothing to show."""

    finding: Finding
    bad: Look | None = None
    sound: Look | None = None
    sound_key: str = ""


class Place(msgspec.Struct, frozen=True):
    """A range of neighbouring records, `start` to `stop`, in which a finding about the store as a whole lies."""

    start: int
    stop: int
    verdict: Verdict
    code: str


def places_of(findings: Iterable[Finding], tally: Tally, start: int) -> list[Place]:
    """Return where the findings of damage in a shard lie; `start` is the number of its first record."""
    if DAMAGE.isdisjoint(tally.codes) or not tally.records:
        return []
    damage = (it for it in findings if it.key is None and it.code in DAMAGE)
    return [Place(start, start + tally.records, it.verdict, it.code) for it in islice(damage, PLACES)]
