"""Find the fields whose numbers lead elsewhere, as those of edges between the nodes of a graph of all records do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from datacheck.decoders.interface import LEADS_FROM
from datacheck.model.finding import Finding

MOST = 0.5
"""If more than this share of the sampled records have numbers that lead to nothing, these lead elsewhere."""
SOME = 0.05
"""The same share of records in which so many numbers lead to nothing that they are no faults."""
FEWEST = 3
"""Minimum number of records that show what is usual; in fewer, a few numbers that lead to nothing are faults."""


class Leading(msgspec.Struct):
    """The number of sampled records by the field whose numbers lead to nothing, and of those in which many do."""

    some: Counter[str] = msgspec.field(default_factory=Counter)
    many: Counter[str] = msgspec.field(default_factory=Counter)

    def __iadd__(self, other: Leading) -> Leading:
        self.some += other.some
        self.many += other.many
        return self

    def take(self, findings: Iterable[tuple[int, Finding]]) -> None:
        """Count the records, by their positions, with findings about numbers that lead to nothing."""
        leading = [(row, it.details[LEADS_FROM], it.verdict) for row, it in findings if LEADS_FROM in it.details]
        self.some.update(name for _, name in {(row, name) for row, name, _ in leading})
        self.many.update(name for _, name in {(row, name) for row, name, it in leading if it == "unverifiable"})

    def elsewhere(self, having: Mapping[str, int]) -> tuple[str, ...]:
        """Return the fields whose numbers lead elsewhere; `having` counts the records that have a field."""
        some = {name for name, count in self.some.items() if count >= FEWEST and count > MOST * having.get(name, count)}
        many = {name for name, count in self.many.items() if count > SOME * having.get(name, count)}
        return tuple(sorted(some | many))
