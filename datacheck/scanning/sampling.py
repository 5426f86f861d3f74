"""Which records a sampled scan looks at: one at a fixed random place in each of N equal stretches of the store."""

from __future__ import annotations

import msgspec

SEED = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


class Sample(msgspec.Struct, frozen=True):
    """`picks` of `records` records; which ones follows from these two numbers alone."""

    picks: int
    records: int

    def rows(self, start: int, count: int) -> list[int]:
        """Return the positions, counted from `start`, of the picked records among `count` from `start` on."""
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


def wanted(text: str, records: int) -> Sample:
    """Return the sample that "N" or "P%" asks for: at least one record, at most all."""
    picks = round(records * float(text[:-1]) / 100) if text.endswith("%") else int(text)
    return Sample(max(1, min(picks, records)), records)


def _scatter(number: int) -> int:
    """Return 64 bits that look random: the finaliser of splitmix64 (Steele, Lea, Flood, 2014)."""
    mixed = (number + 1) * SEED & _MASK
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _MASK
    return mixed ^ (mixed >> 31)
