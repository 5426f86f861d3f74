"""Rest a rebuild on the report of an earlier scan."""

from __future__ import annotations

from pathlib import Path

import msgspec

from datacheck.backends.interface import Reader
from datacheck.errors import UsageError
from datacheck.reporting.loading import documents, fill
from datacheck.reporting.report import Report
from datacheck.scanning.fingerprint import fingerprint


def read_report(path: Path, reader: Reader, fresh: Report) -> Report:
    """Return an earlier report. Raises UsageError if it is none, or not of this source as it is now."""
    _, made = documents(path)
    try:
        mark = fingerprint(reader)
    except OSError as exc:
        raise UsageError(f"{exc.filename or reader.path}: could not be read: {exc.strerror}") from exc
    document = next((it for it in made if it.source.fingerprint == mark), None)
    if document is None:
        raise UsageError(f"{path}: was not made from {reader.path} as it is now; scan it again")
    if not document.complete or document.settings.sample is not None or not isinstance(document.findings, list):
        raise UsageError(f"{path}: does not cover every record; scan again without --sample")
    if document.settings.known is not None:
        raise UsageError(f"{path}: leaves out what {document.settings.known} knows; scan again without --known")
    ignore = tuple(dict.fromkeys((*document.settings.ignore, *fresh.settings.ignore)))
    settings = msgspec.structs.replace(document.settings, ignore=ignore)
    report = Report(document.source, settings, document.profile, started=document.started, seconds=document.seconds)
    fill(report, document)
    report.source = msgspec.structs.replace(document.source, path=fresh.source.path)
    return report
