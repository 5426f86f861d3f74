"""Rest a rebuild on the report of an earlier scan."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec

from datacheck.backends.interface import Reader
from datacheck.errors import UsageError
from datacheck.files.regular import read_whole
from datacheck.reporting.document import SCHEMA_OF_MANY, Document, Documents
from datacheck.reporting.finding_store import Findings
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.scanning.fingerprint import fingerprint

REPORT_BYTES = 1 << 30
"""Of a report that a rebuild rests on: some five million findings."""


def read_report(path: Path, reader: Reader, fresh: Report) -> Report:
    """Return an earlier report. Raises UsageError if it is none, or not of this source as it is now."""
    try:
        documents = _documents(read_whole(path, REPORT_BYTES))
    except OSError as exc:
        raise UsageError(f"{path}: could not be read: {exc.strerror}") from exc
    except msgspec.DecodeError as exc:
        raise UsageError(f"{path}: is not the JSON report of a scan: {exc}") from exc
    try:
        mark = fingerprint(reader)
    except OSError as exc:
        raise UsageError(f"{exc.filename or reader.path}: could not be read: {exc.strerror}") from exc
    document = next((it for it in documents if it.source.fingerprint == mark), None)
    if document is None:
        raise UsageError(f"{path}: was not made from {reader.path} as it is now; scan it again")
    if not document.complete or document.settings.sample is not None or not isinstance(document.findings, list):
        raise UsageError(f"{path}: does not tell of every record; scan again, without --sample")
    ignore = tuple(dict.fromkeys((*document.settings.ignore, *fresh.settings.ignore)))
    settings = msgspec.structs.replace(document.settings, ignore=ignore)
    report = Report(document.source, settings, document.profile, started=document.started, seconds=document.seconds)
    verdicts = {"bad": document.bad, "suspicious": document.suspicious, "unverifiable": document.unverifiable}
    report.add(
        Tally(
            records=document.source.records or 0,
            checked=document.checked,
            verdicts=Counter(verdicts),
            codes=Counter(document.counts),
            ignored=Counter(document.ignored or {}),
            findings=Findings(document.findings),
        )
    )
    report.source = msgspec.structs.replace(document.source, path=fresh.source.path)
    return report


def _documents(raw: bytes) -> list[Document]:
    """Return the reports of a JSON document, of which several sources have several. Raises msgspec.DecodeError."""
    if raw.startswith(f'{{"schema":"{SCHEMA_OF_MANY}"'.encode()):
        return msgspec.json.decode(raw, type=Documents).reports
    return [msgspec.json.decode(raw, type=Document)]
