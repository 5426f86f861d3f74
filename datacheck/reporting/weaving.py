"""Insert findings that arrive when a scan is done among those that a report has, in source order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from datacheck.model.finding import Finding
from datacheck.reporting.finding_store import FindingLog
from datacheck.reporting.ignoring import ignoring
from datacheck.reporting.tally import Tally

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

TOGETHER = 4096
"""Number of findings that are packed together."""


DATA = "data"
BARE = frozenset({DATA, "label"})
"""The fields of records that consist of one array or one picture."""


class _Log:
    """Findings as they arrive, packed some at a time."""

    def __init__(self) -> None:
        self.log = FindingLog()
        self._waiting: list[Finding] = []

    def extend(self, findings: Iterable[Finding]) -> None:
        self._waiting += findings
        if len(self._waiting) >= TOGETHER:
            self.flush()

    def flush(self) -> FindingLog:
        self.log.extend(self._waiting)
        self._waiting = []
        return self.log


def weave(report: Report, findings: Iterable[Finding]) -> None:
    """Add findings to a finished report, counting each record once.

    Findings with an index must come in its order; those without one go to the end. The files of the report are written
    again.
    """
    ignores = ignoring(report.settings.ignore)
    if report.known_before is not None:
        ignores = report.known_before.noticing(ignores)
    last, woven = _Log(), _Log()
    new = _indexed_findings(report, findings, ignores, last)
    pending = next(new, None)
    bare = all(it.fields.keys() <= BARE for it in report.profile.every if DATA in it.fields)
    existing = () if pending is None else report.findings
    for (_, _, _, index), group in groupby(existing, lambda finding: finding.record):
        while pending is not None and index is not None and _index_of(pending) < index:
            pending = _add_record(report, pending, new, woven)
        before = list(group)
        added = []
        while pending is not None and index is not None and _index_of(pending) == index:
            added += [] if bare and _is_duplicate_of_constant(before, pending) else [pending]
            pending = next(new, None)
        if added:
            report.tally.recount(before, [*before, *added])
        woven.extend([*before, *added])
    while pending is not None:
        pending = _add_record(report, pending, new, woven)
    remaining = last.flush()
    if len(woven.flush()):
        report.findings = woven.log
    report.revised |= bool(len(woven.log) or len(remaining))
    for finding in remaining:
        tally = Tally()
        tally.count([finding])
        report.add(tally)


def _indexed_findings(
    report: Report, findings: Iterable[Finding], ignores: Callable[[Finding], bool], last: _Log
) -> Iterator[Finding]:
    """Yield the findings that count and have an index; put those without an index into `last`."""
    for finding in findings:
        if ignores(finding):
            report.tally.ignored[finding.code] += 1
        elif finding.index is not None and report.known_before is not None and report.known_before.knows(finding):
            report.known_before.still[finding.code] += 1
        elif finding.index is None:
            last.extend([finding])
        else:
            yield finding


def _add_record(report: Report, first: Finding, new: Iterator[Finding], woven: _Log) -> Finding | None:
    """Add the findings of a record that had none; return the first finding of the next record, or None."""
    findings = [first]
    following = next(new, None)
    while following is not None and following.record == first.record:
        findings.append(following)
        following = next(new, None)
    report.tally.recount([], findings)
    woven.extend(findings)
    return following


def _is_duplicate_of_constant(before: Sequence[Finding], new: Finding) -> bool:
    """Return whether a duplicate is not worth reporting: all of its record is one value, which is reported already."""
    return new.code == "duplicate" and any(it.code == "constant" and it.field == DATA for it in before)


def _index_of(finding: Finding) -> int:
    assert finding.index is not None
    return finding.index
