"""Tallies, the results of shards. They add up, in whatever order the shards end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

from datacheck.checks.class_balance import Labels
from datacheck.checks.whole_store import WholeStore
from datacheck.conventions.keys.account import Account
from datacheck.model.codes import VERDICTS, Verdict
from datacheck.model.finding import Finding, failed_to_read
from datacheck.model.replacing import replace
from datacheck.reporting.finding_store import Findings, PackedFindings
from datacheck.statistics.exact_sums import FieldStatistics


@dataclass(slots=True)
class Tally:
    """The results of one shard, or of a run of neighbouring shards; tallies add up, in source order.

    `verdicts` counts records by their worst verdict, and each finding about the store as one. `ignored` counts, by
    code, the findings that must not count: they are in no other number. `unknown` counts, by family, the records that
    no decoder knows. `complete` is False if records were given up, or if a part of the store was not read because the
    machine failed. `account` is the sum of the blocks' own; `keys` are the sums over the keys of each database, if
    conventions need them. `labels` are those of the records, in order, if batches were asked for. `whole` is for
    findings about the store. `made` holds the results of tasks beside the checks of one shard; it does not add up.
    """

    complete: bool = True
    records: int = 0
    checked: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    account: Counter[str] = field(default_factory=Counter)
    keys: dict[str, Account] = field(default_factory=dict)
    statistics: dict[str, FieldStatistics] = field(default_factory=dict)
    findings: Collection[Finding] = field(default_factory=Findings)
    labels: list[Labels] = field(default_factory=list)
    whole: WholeStore = field(default_factory=WholeStore)
    made: Any = None

    def count(self, findings: Iterable[Finding]) -> None:
        """Add the findings of one record, or one finding about the store."""
        found = list(findings)
        self._extend(found, [it.key for it in found], [it.index for it in found])
        worst = worst_verdict(found)
        if worst is not None:
            self.verdicts[worst] += 1
        self.complete &= not any(map(_part_not_read, found))

    def recount(self, before: Sequence[Finding], after: Sequence[Finding]) -> None:
        """Count `after` instead of `before`: the findings of one record, or one finding about the store."""
        self.codes = self.codes - Counter(map(_CODE, before)) + Counter(map(_CODE, after))
        for findings, step in ((before, -1), (after, 1)):
            worst = worst_verdict(findings)
            if worst is not None:
                self.verdicts[worst] += step

    def without(self, known: set[tuple[Any, str]]) -> Tally:
        """Leave out `known` findings about unread parts of the store, which each pass makes; add new ones to it."""
        if self.complete:
            return self
        kept = []
        for finding in self.findings:
            identity = finding.file, finding.message
            if _part_not_read(finding) and identity in known:
                self.codes -= Counter([finding.code])
                self.verdicts -= Counter([finding.verdict])
                continue
            if _part_not_read(finding):
                known.add(identity)
            kept.append(finding)
        self.findings = Findings(kept)
        return self

    def ignoring(self, ignores: Callable[[Finding], bool]) -> Tally:
        """Return the tally without the findings to ignore, and without the records that have no others."""
        kept: list[Finding] = []
        verdicts, ignored = Counter(self.verdicts), Counter(self.ignored)
        for _, group in groupby(self.findings, attrgetter("record")):
            of_one = list(group)
            is_ignored = [ignores(finding) for finding in of_one]
            remaining = [finding for finding, it in zip(of_one, is_ignored, strict=True) if not it]
            kept += remaining
            if len(remaining) == len(of_one):
                continue
            dropped = [finding for finding, it in zip(of_one, is_ignored, strict=True) if it]
            ignored.update(finding.code for finding in dropped)
            for sign, findings in (
                ((-1, of_one), (1, remaining)) if of_one[0].key is not None else ((-1, [it]) for it in dropped)
            ):
                worst = worst_verdict(findings)
                if worst is not None:
                    verdicts[worst] += sign * weight(findings)
        if len(kept) == len(self.findings):
            return self
        codes = self.codes - (ignored - self.ignored)
        return replace(self, findings=Findings(kept), verdicts=+verdicts, codes=codes, ignored=ignored)

    def setting_aside(self, known: Callable[[Finding], bool]) -> tuple[Tally, Counter[str]]:
        """Return the tally without the known findings, and the number of these by code."""
        rest = replace(self, ignored=Counter()).ignoring(known)
        return replace(rest, ignored=self.ignored), rest.ignored

    def count_records(self, findings: Sequence[Finding], keys: Sequence[str], indexes: Sequence[int]) -> None:
        """Add findings of many records, each with its record's key and index; those of one record are neighbours."""
        self._extend(findings, keys, indexes)
        if len(set(indexes)) == len(indexes):
            self.verdicts.update(map(_VERDICT, findings))
            return
        for _, of_one in groupby(zip(indexes, findings, strict=True), itemgetter(0)):
            worst = worst_verdict([finding for _, finding in of_one])
            assert worst is not None
            self.verdicts[worst] += 1

    def _extend(self, findings: Sequence[Finding], keys: Sequence[str | None], indexes: Sequence[int | None]) -> None:
        assert isinstance(self.findings, Findings), "a tally that was sent is closed"
        self.findings.extend(findings, keys, indexes)
        self.codes.update(map(_CODE, findings))

    def __iadd__(self, other: Tally) -> Tally:
        """Add the tally that follows this one; the indexes of its records go up by the number of records here."""
        self.findings = Findings([*self.findings, *PackedFindings.of(other.findings).raised(self.records)])
        self.labels += other.labels
        self.add_sums(other)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with the findings packed."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return _restore, ({**values, "findings": PackedFindings.of(self.findings)},)

    def add_sums(self, other: Tally) -> None:
        """Add all sums of the tally that follows this one, but not its findings and labels."""
        self.complete &= other.complete
        self.records += other.records
        self.checked += other.checked
        self.verdicts += other.verdicts
        self.codes += other.codes
        self.ignored += other.ignored
        self.unknown += other.unknown
        for name, number in other.account.items():  # `+=` would visit every entry that is already there
            self.account[name] += number
        for part, account in other.keys.items():
            total = self.keys.setdefault(part, Account())
            total += account
        self.whole += other.whole
        for name, statistics in other.statistics.items():
            if name in self.statistics:
                self.statistics[name] += statistics
            else:
                self.statistics[name] = statistics


def weight(findings: Sequence[Finding]) -> int:
    """Return how many records the findings of one record, or one finding about the store, stand for."""
    first = findings[0]
    if first.key is None and first.code == "unknown-payload":  # one finding for a whole family
        return int(first.details.get("count", 1))
    return 1


def _part_not_read(finding: Finding) -> bool:
    """Return whether a finding is about a part of the store that the machine failed to read, whatever it holds."""
    return finding.key is None and failed_to_read(finding)


_CODE, _VERDICT = attrgetter("code"), attrgetter("verdict")


def _restore(values: dict[str, Any]) -> Tally:
    return Tally(**values)


def worst_verdict(findings: Sequence[Finding]) -> Verdict | None:
    """Return the worst verdict among the findings of one record, or None if there are none."""
    if len(findings) == 1:
        return findings[0].verdict
    verdicts = {finding.verdict for finding in findings}
    return next((verdict for verdict in VERDICTS if verdict in verdicts), None)
