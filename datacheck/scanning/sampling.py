"""Choose the records that a sampled scan checks.

A sample has one record at a fixed random place in each of N equal stretches of the store. Or it is one of N parts, by
position, which together contain each record once: every Nth shard, or a stretch of each shard if there are few.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

SEED = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


class Sample(msgspec.Struct, frozen=True):
    """A sample of `picks` of `records` records, which is determined by these two numbers alone."""

    picks: int
    records: int

    def rows(self, start: int, count: int) -> list[int]:
        """Return the positions of the picked records among `count` records from `start` on, relative to `start`."""
        if not self.records:
            return []
        stop = min(start + count, self.records)
        first = start * self.picks // self.records
        rows = []
        for stretch in range(max(0, first - 1), self.picks):
            low, high = self._edge(stretch), self._edge(stretch + 1)
            if low >= stop:
                break
            pick = low + _scatter(stretch) % (high - low)
            if start <= pick < stop:
                rows.append(pick - start)
        return rows

    def _edge(self, stretch: int) -> int:
        return stretch * self.records // self.picks


SHARDS_A_PART = 8
"""Number of shards per part from which shards are not divided. Most of the store is then not even read for a part."""
_PART = re.compile(r"1/([0-9]{1,6}):([0-9]{1,6})")


class Part(NamedTuple):
    """One of `of` parts; numbers begin at 1."""

    number: int
    of: int


def part_of(text: str | None) -> Part | None:
    """Return the part that "1/N:K" asks for, or None for another kind of sample.

    Raises ValueError if K is not between 1 and N.

    >>> part_of("1/7:3"), part_of("100")
    (Part(number=3, of=7), None)
    """
    match = None if text is None else _PART.fullmatch(text)
    if match is None:
        return None
    part = Part(int(match[2]), int(match[1]))
    if not 1 <= part.number <= part.of:
        raise ValueError(text)
    return part


class Rows(msgspec.Struct, frozen=True):
    """The records from `low` to before `high` of a store, as a sample of a shard with this number of `records`."""

    low: int
    high: int
    records: int

    @property
    def skips(self) -> bool:
        """Whether no record of the shard is checked."""
        return self.low >= self.high

    def rows(self, start: int, count: int) -> list[int]:
        """Return the positions of those records among `count` records from `start` on, relative to `start`."""
        return list(range(max(self.low, start) - start, min(self.high, start + count) - start))


def rows_of(part: Part, shard: int, shards: int, start: int, records: int) -> Rows:
    """Return the records to check of a shard whose first record has the number `start`."""
    if shards >= SHARDS_A_PART * part.of:
        mine = shard % part.of == part.number - 1
        return Rows(start, start + records if mine else start, records)
    low, high = (start + records * it // part.of for it in (part.number - 1, part.number))
    return Rows(low, high, records)


def parse_sample(text: str, records: int) -> Sample:
    """Return the sample that "N" or "P%" asks for: at least one record, at most all."""
    picks = round(records * float(text[:-1]) / 100) if text.endswith("%") else int(text)
    return Sample(max(1, min(picks, records)), records)


def _scatter(number: int) -> int:
    """Return 64 bits that look random: the finaliser of splitmix64 (Steele, Lea, Flood, 2014)."""
    mixed = (number + 1) * SEED & _MASK
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _MASK
    return mixed ^ (mixed >> 31)
