"""The strip: the whole store from its first record to its last, with what was found at each place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from datacheck.model.codes import VERDICTS
from datacheck.model.finding import Finding
from datacheck.reporting.samples import Place

BINS = 400
"""Maximum number of places that are distinguished."""
MARKS = 200
"""Maximum number of stretches of damage that are drawn."""


@dataclass(frozen=True)
class Mark:
    """A stretch of the strip, in thousandths of its length, with what is there."""

    at: float
    width: float
    verdict: str
    words: str


@dataclass
class Strip:
    """Counts the findings of each place by verdict; `records` is how many were read, `size` is the bytes present.

    If the end of the store is missing, `declared_records` is how many records the store says that it has, and
    `declared_bytes` how many bytes it had.
    """

    records: int
    size: int | None = None
    declared_records: int = 0
    declared_bytes: int = 0
    _bins: list[dict[str, int]] = field(default_factory=list)
    _bytes: list[tuple[int, int, str, str]] = field(default_factory=list)

    def take(self, finding: Finding) -> None:
        """Count a finding about a record; mark a finding about the store at its place in the files, if it has one."""
        if not self._bins:
            self._bins = [{} for _ in range(max(1, min(BINS, self.records)))]
        if finding.index is not None and self.records:
            place = self._bins[min(finding.index, self.records - 1) * len(self._bins) // self.records]
            place[finding.verdict] = place.get(finding.verdict, 0) + 1
        elif finding.key is None and self.size and len(self._bytes) < MARKS:
            self._mark_bytes(finding)

    def _mark_bytes(self, finding: Finding) -> None:
        assert self.size
        expected = finding.details.get("expected")
        if finding.code == "truncated-store" and isinstance(expected, int) and expected > self.size:
            self.declared_bytes = expected
        declared = finding.details.get("said")
        if finding.details.get("kind") == "records" and isinstance(declared, int):
            self.declared_records = max(self.declared_records, declared)
        offset, length = finding.details.get("offset"), finding.details.get("size")
        if not isinstance(offset, int) or offset < 0:
            return
        size = length if isinstance(length, int) and 0 < length < self.size else 0
        self._bytes.append((offset, size, finding.verdict, f"{finding.code} at byte {offset:,}"))

    @property
    def found(self) -> list[Mark]:
        """The marks of findings about records: one for each place that has any, with the worst verdict there."""
        marks: list[Mark] = []
        count = len(self._bins)
        step = self.cut_records / max(1, count)
        for at, place in enumerate(self._bins):
            if place:
                worst = next(it for it in VERDICTS if it in place)
                first = at * self.records // count
                last = max(first, (at + 1) * self.records // count - 1)
                verdict_counts = ", ".join(f"{place[it]:,} {it}" for it in VERDICTS if it in place)
                where = f"record {first:,}" if first == last else f"records {first:,} to {last:,}"
                marks.append(Mark(round(at * step, 2), round(max(step, 2.5), 2), worst, f"{where}: {verdict_counts}"))
        return marks

    @property
    def in_files(self) -> list[Mark]:
        """The marks of findings that have a place in the files."""
        size = max(self.size or 1, self.declared_bytes)
        marks = []
        for offset, length, verdict, words in self._bytes:
            at = min(997.0, 1000 * offset / size)
            marks.append(Mark(round(at, 2), round(min(1000 - at, max(3.0, 1000 * length / size)), 2), verdict, words))
        return marks

    @property
    def gone(self) -> int:
        """The number of records that are lost with the end of the store."""
        return max(0, self.declared_records - self.records) if self.declared_bytes else 0

    @property
    def cut_bytes(self) -> float:
        """Where the files end, in thousandths of the bytes they had; 1000 if nothing is missing."""
        return (
            1000.0 if not self.declared_bytes or self.size is None else round(1000 * self.size / self.declared_bytes, 2)
        )

    @property
    def cut_records(self) -> float:
        """Where the remaining records end, in thousandths of all that there were."""
        return round(1000 * self.records / max(1, self.records + self.gone), 2)

    def damage(self, places: Iterable[Place]) -> list[Mark]:
        """Return the marks of the ranges of records in which damage lies, each once."""
        marks: dict[tuple[int, int, str], Mark] = {}
        for it in places:
            if self.records and len(marks) < MARKS:
                at, stop = (self.cut_records * end / self.records for end in (it.start, it.stop))
                where = f"{it.code}, among the records {it.start:,} to {it.stop - 1:,}"
                marks[it.start, it.stop, it.code] = Mark(round(at, 2), round(max(stop - at, 2.5), 2), it.verdict, where)
        return list(marks.values())
