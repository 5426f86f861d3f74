"""Read the report of an earlier scan, for a rebuild to use instead of a new scan."""

from __future__ import annotations

from pathlib import Path

import msgspec

from datacheck.backends.interface import Reader
from datacheck.errors import UsageError
from datacheck.files.regular import real_path
from datacheck.reporting.document import Document
from datacheck.reporting.loading import documents, fill
from datacheck.reporting.report import Report
from datacheck.reporting.statuses import INTERRUPTED
from datacheck.scanning.earlier.fingerprint import fingerprint


def read_report(path: Path, reader: Reader, fresh: Report, *, drop_bad: bool) -> Report:
    """Return an earlier report. Raises UsageError unless the file is a complete report of this source as it is now.

    The report of a comparison does not say which records are bad, so it cannot be used with `drop_bad`.
    """
    written = documents(path)
    try:
        mark = fingerprint(reader)
    except OSError as exc:
        raise UsageError(f"{exc.filename or reader.path}: could not be read: {exc.strerror}") from exc
    document = next((it for it in written.reports if it.source.fingerprint == mark), None)
    if document is None:
        if any(real_path(Path(it.source)) == real_path(reader.path) for it in written.not_scanned):
            raise UsageError(f"{path}: says that {reader.path} was not scanned; scan it again")
        raise UsageError(f"{path}: was not made from {reader.path} as it is now; scan it again")
    if not document.complete or document.settings.sample is not None or not isinstance(document.findings, list):
        raise UsageError(f"{path}: does not cover every record{_why_not(document)}")
    if drop_bad and document.comparison and not document.settings.duplicates:
        message = "is of a comparison, which does not look for bad records"
        raise UsageError(f"{path}: {message}; name what to drop, as in --drop leak, or take the report of a scan")
    if document.settings.known is not None:
        raise UsageError(f"{path}: leaves out what {document.settings.known} knows; scan again without --known")
    ignore = tuple(dict.fromkeys((*document.settings.ignore, *fresh.settings.ignore)))
    settings = msgspec.structs.replace(document.settings, ignore=ignore)
    report = Report(document.source, settings, document.profile, started=document.started, seconds=document.seconds)
    fill(report, document)
    report.source = msgspec.structs.replace(document.source, path=fresh.source.path)
    return report


def _why_not(document: Document) -> str:
    """Return a clause that says why a scan did not cover every record, and what to do."""
    if document.settings.sample is not None:
        return "; scan again without --sample"
    if document.status == INTERRUPTED:
        return ", since its scan was interrupted; scan again to the end"
    if document.settings.max_time is not None:
        return ", since its scan was stopped by --max-time; scan again to the end"
    return "; scan again"
