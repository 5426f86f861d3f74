"""Refuse to base a copy on an incomplete scan, or on one of a source that changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datacheck.backends.interface import Reader
from datacheck.errors import ClusterFailed, RebuildFailed
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding, failed_to_read
from datacheck.rebuilding.work import Order
from datacheck.reporting.report import Report
from datacheck.scanning.earlier.fingerprint import fingerprint_if_any

WAIT = "rebuild it when nothing writes to it, or rebuild a copy of it"


def refuse_undecided(source: Path, report: Report) -> None:
    """Raise RebuildFailed if a copy could lack sound records.

    That is the case if a disk or a network failed, if the source changed, or if the scan did not reach every record.
    """
    if report.counts.get("source-changed"):
        raise RebuildFailed(str(source), f"it was changed while it was scanned; {WAIT}")
    if report.counts.get("unreadable"):
        unread = [it for it in report.findings if failed_to_read(it) and "errno" in it.details]
        if unread:
            message = f"{_subject(unread)} could not be read ({unread[0].details['errno']}), and may well be sound"
            raise RebuildFailed(str(source), f"{message}; try again when the disk or the network works")
    if not report.complete:
        raise RebuildFailed(str(source), "the scan did not reach every record, so a copy could not be whole")


def refuse_changed(source: Path, report: Report, reader: Reader) -> None:
    """Raise RebuildFailed if the source is no longer what the report was made from."""
    if fingerprint_if_any(reader) != report.source.fingerprint:
        raise RebuildFailed(str(source), f"it was changed while it was copied; {WAIT}")


def refuse_unread(source: Path, report: Report) -> None:
    """Raise RebuildFailed if there is no record to copy because none could be read."""
    if report.source.records or report.bad or not report.unverifiable:
        return
    unread = [it for it in report.findings if it.code != "no-records"]
    if unread:
        more = f"; and {len(unread) - 1:,} more" if len(unread) > 1 else ""
        where = f"{unread[0].file}: " if unread[0].file else ""
        message = f"{where}{unread[0].message}{more}"
        raise RebuildFailed(str(source), f"there is no record that could be read, so a copy would have none: {message}")


@contextmanager
def saying_what_is_left(order: Order, report: Report) -> Iterator[None]:
    """If the cluster is lost, raise an error that says there is no copy, and how to lose less the next time."""
    try:
        yield
    except ClusterFailed as exc:
        sentences = [str(exc), *([] if order.dry_run else [f"no copy was written to {plain(str(order.target))}"])]
        if order.from_report is not None:
            sentences.append(f"the same command starts over with {plain(str(order.from_report))}")
        elif report.tally.records and not report.settings.paired:
            source = plain(str(order.source))
            keeps = f"a scan of {source} with --resume FILE.jsonl keeps what it has found when that happens"
            sentences.append(f"{keeps}, and rebuild --from-report FILE.jsonl needs no other scan")
        raise ClusterFailed("; ".join(sentences)) from exc


@contextmanager
def blaming_writers(source: Path, report: Report, reader: Reader) -> Iterator[None]:
    """If anything fails and the source was changed, raise RebuildFailed for the change instead: it is the cause."""
    try:
        yield
    except Exception:
        refuse_changed(source, report, reader)
        raise


def _subject(unread: list[Finding]) -> str:
    """Return what the first of these findings is about, and how many more there are."""
    first = unread[0]
    where = first.key or first.details.get("file") or first.details.get("dataset") or first.file or "a part of it"
    more = f" and {len(unread) - 1:,} more" if len(unread) > 1 else ""
    return f"{plain(str(where))}{more}"
