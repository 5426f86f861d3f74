"""Write the series of a log as a table with one row per iteration, while the log is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.reporting.csv_files import as_text, incomplete, table
from datacheck.reporting.files import REPORTS, Reports, Sink
from datacheck.reporting.log_series import SeriesPoint
from datacheck.reporting.report import Report
from datacheck.reporting.source import NotScanned

if TYPE_CHECKING:
    from datacheck.logs.diagnosis import LogReport


class SeriesSink:
    """A table with one row per iteration of every run, none left out. A cell is empty if the log does not show it.

    The last column is empty in these rows; it has the message in the row of a log that was not read, or not to its end.
    """

    COLUMNS = (
        "source",
        "run",
        "iteration",
        "line",
        "loss",
        "lr",
        "data_l1",
        "diff_l1",
        "data_l2",
        "diff_l2",
        "clipped",
        "clip_norm",
        "message",
    )

    def __init__(self, file: IO[str]) -> None:
        self._writer = table(file)
        self._writer.writerow(self.COLUMNS)

    def point(self, report: Report, point: SeriesPoint) -> None:
        """Write the row of a point."""
        source = as_text(plain(report.source.path))
        self._writer.writerow([source, *(getattr(point, name) for name in self.COLUMNS[1:-1]), None])

    def add(self, report: Report, findings: Collection[Finding]) -> None:
        """Do nothing: a table of iterations has no findings."""

    def finish(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> None:
        """Write a row, with a message only, for each log that was not read, or not to its end."""
        empty = [None] * (len(self.COLUMNS) - 2)
        for source, message in incomplete(reports, not_scanned):
            self._writer.writerow([source, *empty, message])


def save_log(path: str | Path, report: LogReport) -> None:
    """Write a finished report to a file, in the format of its suffix. Raises as `Reports` does."""
    with Reports([path], [report.source.path], LOG_REPORTS) as files:
        files.begin(report)(report.findings)
        files.each(lambda sink: _write_points(sink, report))


def _write_points(sink: Sink, report: LogReport) -> None:
    if isinstance(sink, SeriesSink):
        for point in report.series:
            sink.point(report, point)


LOG_REPORTS: dict[str, Callable[[IO[str]], Sink]] = {**REPORTS, ".csv": SeriesSink}
"""The formats of a log's report file, by suffix."""
