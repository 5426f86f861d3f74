"""Load a report that was written as JSON or JSON lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from datacheck.conventions.interface import Convention, Known
from datacheck.errors import UsageError
from datacheck.files.regular import read_whole
from datacheck.model.finding import Finding
from datacheck.reporting.document import Document, Gone, KnownCounts
from datacheck.reporting.earlier import JSON, JSON_LINES, Line, Written, decoded, walk
from datacheck.reporting.finding_store import Findings
from datacheck.reporting.known import NAMED
from datacheck.reporting.per_file import ByFile
from datacheck.reporting.report import Report
from datacheck.reporting.several import ScanReports
from datacheck.reporting.statuses import INTERRUPTED
from datacheck.reporting.tally import Tally
from datacheck.statistics.exact_sums import FieldSummary

REPORT_BYTES = 1 << 30
"""Maximum size of a report that is loaded, in bytes: some five million findings."""


@dataclass(repr=False)
class LoadedReport(Report):
    """A report loaded from a JSON file; what only a scan can know comes from the document."""

    loaded: Document | None = field(default=None, kw_only=True)

    @property
    def statistics(self) -> dict[str, FieldSummary]:
        return self._loaded.statistics

    @property
    def status(self) -> int:
        """The exit status for the report when it was written."""
        return self._loaded.status

    @property
    def found_again(self) -> KnownCounts | None:
        return self._loaded.known or None

    @property
    def first_gone(self) -> list[Gone]:
        return (self._loaded.gone or [])[:NAMED]

    @property
    def long_lists(self) -> dict[str, Iterable[object]]:
        lists = {"runs": self._loaded.runs, "series": self._loaded.series}
        return {name: it for name, it in lists.items() if it is not msgspec.UNSET}

    def document(self, *, findings: bool = True) -> Document:
        """Return the report as JSON has it, with or without the findings."""
        return msgspec.structs.replace(self._loaded, findings=list(self.findings) if findings else msgspec.UNSET)

    @property
    def _loaded(self) -> Document:
        assert self.loaded is not None
        return self.loaded


def load_report(path: str | Path) -> Report | ScanReports:
    """Return the report that was written to a `.json` or `.jsonl` file, or the reports of several sources.

    Raises UsageError if the file cannot be read, is not such a report of datacheck, or is not complete.

    Examples
    --------
    >>> datacheck.load_report("report.json").clean  # doctest: +SKIP
    """
    written = documents(Path(path))
    reports = [_report_of(it) for it in written.reports]
    return ScanReports(reports, written.not_scanned) if written.several else reports[0]


def documents(path: Path) -> Written:
    """Return what a report file holds. Raises UsageError if it cannot be read, or is no report."""
    if path.suffix == JSON_LINES:
        return _read_json_lines(path)
    try:
        raw = read_whole(path, REPORT_BYTES)
    except OSError as exc:
        raise UsageError(f"{path}: could not be read: {exc.strerror}") from exc
    try:
        return decoded(raw)
    except (msgspec.DecodeError, RecursionError) as exc:
        hint = "" if path.suffix == JSON else f"; only {JSON} and {JSON_LINES} can be read again"
        raise UsageError(f"{path}: is not the JSON report of a scan: {exc}{hint}") from exc


def _read_json_lines(path: Path) -> Written:
    """Return what `documents` does for a .jsonl file, in which findings come in the order of their sources."""
    walking = walk(path, whole=True)
    found: list[Line] = []
    while True:
        try:
            _, finding = next(walking)
        except StopIteration as end:
            written: Written = end.value
            break
        assert isinstance(finding, Line)
        found.append(finding)
    reports, number = written.reports, 0
    findings: list[list[Finding]] = [[] for _ in reports]
    for line_number, line in enumerate(found, 1):
        while number < len(reports) and (
            reports[number].source.path != line.source or len(findings[number]) == _finding_count(reports[number])
        ):
            number += 1
        if number == len(reports):
            raise UsageError(f"{path}: line {line_number} belongs to none of the reports in its last line")
        findings[number].append(_without_source(line))
    for document, own in zip(reports, findings, strict=True):
        if len(own) != _finding_count(document):
            message = f"it has {len(own):,} findings, where its last line counts {_finding_count(document):,}"
            raise UsageError(f"{path}: is not the whole report of a scan: {message}")
        document.findings = own
    return written


def _finding_count(document: Document) -> int:
    return sum(document.counts.values())


def _without_source(line: Line) -> Finding:
    return Finding(**{name: getattr(line, name) for name in Finding.__struct_fields__})


def fill(report: Report, document: Document) -> None:
    """Add the findings and counts of a document to a new report."""
    verdicts = {"bad": document.bad, "suspicious": document.suspicious, "unverifiable": document.unverifiable}
    found = document.findings
    report.add(
        Tally(
            complete=document.complete,
            records=document.source.records or 0,
            checked=document.checked,
            verdicts=Counter(verdicts),
            codes=Counter(document.counts),
            ignored=Counter(document.ignored or {}),
            findings=Findings([] if isinstance(found, msgspec.UnsetType) else found),
        )
    )


def facts_of(document: Document) -> dict[str, Any]:
    """Return what a document says of the store beside its findings and counts, as the fields of a report."""
    return {
        "keeps": {"": Known(tuple(map(Convention, document.conventions or ())))},
        "groups": document.groups if isinstance(document.groups, int) else None,
        "balance": document.balance or None,
        "layer": document.layer or None,
        "checksums": document.checksums or None,
        "comparison": document.comparison or None,
    }


def _report_of(document: Document) -> LoadedReport:
    report = LoadedReport(
        document.source,
        document.settings,
        document.profile,
        **facts_of(document),
        unchanged=document.unchanged or None,
        by_file=ByFile(reused=document.reused or None),
        started=document.started,
        seconds=document.seconds,
        interrupted=document.status == INTERRUPTED,
        loaded=document,
    )
    fill(report, document)
    report.loaded = msgspec.structs.replace(document, findings=msgspec.UNSET)
    return report
