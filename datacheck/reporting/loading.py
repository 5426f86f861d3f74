"""Read a report in JSON or JSON lines again, as the report that it was written from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from datacheck.conventions.interface import Convention, Known
from datacheck.errors import UsageError
from datacheck.files.regular import read_whole
from datacheck.model.finding import Finding
from datacheck.reporting.document import SCHEMA_OF_MANY, Document, Documents
from datacheck.reporting.finding_store import Findings
from datacheck.reporting.report import INTERRUPTED, Report
from datacheck.reporting.several import ScanReports
from datacheck.reporting.tally import Tally
from datacheck.statistics.exact_sums import FieldSummary

REPORT_BYTES = 1 << 30
"""Of a report that is read again: some five million findings."""
LINES = ".jsonl"
READ_AGAIN = (".json", LINES)
"""The formats that have all that a report is."""


@dataclass(repr=False)
class LoadedReport(Report):
    """A report as a JSON file has it: what only a scan can know, the document says."""

    loaded: Document | None = field(default=None, kw_only=True)

    @property
    def statistics(self) -> dict[str, FieldSummary]:
        return self._loaded.statistics

    @property
    def status(self) -> int:
        """The exit status that the report came to when it was written."""
        return self._loaded.status

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

    Raises UsageError where the file cannot be read, or is not such a report of datacheck, or not a whole one.

    Examples
    --------
    >>> datacheck.load_report("report.json").clean  # doctest: +SKIP
    """
    several, found = documents(Path(path))
    reports = [_loaded(it) for it in found]
    return ScanReports(reports) if several else reports[0]


def documents(path: Path) -> tuple[bool, list[Document]]:
    """Return whether a JSON report is of several sources, and the report of each. Raises UsageError if it is none."""
    try:
        raw = read_whole(path, REPORT_BYTES)
    except OSError as exc:
        raise UsageError(f"{path}: could not be read: {exc.strerror}") from exc
    try:
        return _of_lines(raw) if path.suffix == LINES else _decoded(raw)
    except (msgspec.DecodeError, RecursionError) as exc:
        hint = "" if path.suffix in READ_AGAIN else f"; only {' and '.join(READ_AGAIN)} can be read again"
        raise UsageError(f"{path}: is not the JSON report of a scan: {exc}{hint}") from exc


def _decoded(raw: bytes) -> tuple[bool, list[Document]]:
    if f'"{SCHEMA_OF_MANY}"'.encode() in raw[:200]:
        return True, msgspec.json.decode(raw, type=Documents).reports
    return False, [msgspec.json.decode(raw, type=Document)]


class _Line(Finding, frozen=True, kw_only=True):
    """A finding in JSON lines, which says of what source it is."""

    source: str


def _of_lines(raw: bytes) -> tuple[bool, list[Document]]:
    """Return what JSON lines have: findings in the order of their sources, then the reports without them."""
    *lines, last = raw.splitlines() or [b""]
    try:
        several, made = _decoded(last)
    except msgspec.DecodeError as exc:
        raise msgspec.DecodeError(f"its last line is no summary ({exc}), so the scan did not end") from exc
    decoder = msgspec.json.Decoder(_Line)
    found: list[list[Finding]] = [[] for _ in made]
    at = 0
    for number, line in enumerate(lines, 1):
        finding = decoder.decode(line)
        while at < len(made) and (made[at].source.path != finding.source or len(found[at]) == _said(made[at])):
            at += 1
        if at == len(made):
            raise msgspec.DecodeError(f"line {number} belongs to none of the reports in its last line")
        found[at].append(_plain(finding))
    for document, its in zip(made, found, strict=True):
        if len(its) != _said(document):
            raise msgspec.DecodeError(f"it has {len(its):,} findings, where its last line counts {_said(document):,}")
        document.findings = its
    return several, made


def _said(document: Document) -> int:
    return sum(document.counts.values())


def _plain(line: _Line) -> Finding:
    return Finding(**{name: getattr(line, name) for name in Finding.__struct_fields__})


def fill(report: Report, document: Document) -> None:
    """Add to a new report what a document says was found."""
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


def _loaded(document: Document) -> LoadedReport:
    report = LoadedReport(
        document.source,
        document.settings,
        document.profile,
        known={"": Known(tuple(map(Convention, document.conventions or ())))},
        groups=document.groups if isinstance(document.groups, int) else None,
        balance=document.balance or None,
        layer=document.layer or None,
        started=document.started,
        seconds=document.seconds,
        interrupted=document.status == INTERRUPTED,
        loaded=document,
    )
    fill(report, document)
    report.loaded = msgspec.structs.replace(document, findings=msgspec.UNSET)
    return report
