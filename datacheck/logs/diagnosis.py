"""The report on a log: its findings are failure modes of the runs, which it lists together with their series."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from datacheck.logs.failure_modes import diagnose
from datacheck.logs.run import Point, Run
from datacheck.model.finding import Finding
from datacheck.reporting.document import Document
from datacheck.reporting.finding_store import FINDINGS_IN_MEMORY
from datacheck.reporting.log_series import RunSummary, SeriesPoint
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally

RUNS_KEPT = 64
"""Maximum number of runs that are kept with their series; later ones are still diagnosed and counted."""


@dataclass(repr=False)
class LogReport(Report):
    """Everything that a log shows. `checked` counts the iterations shown, `lines` the lines, `run_count` all runs."""

    runs: list[RunSummary] = field(default_factory=list)
    series: list[SeriesPoint] = field(default_factory=list)
    run_count: int = 0
    lines: int = 0
    _waiting: list[Finding] = field(default_factory=list)
    _silent: list[Run] = field(default_factory=list)
    _last_shown: int = 0

    def __str__(self) -> str:
        from datacheck.logs.text import log_text

        return log_text(self)

    def save(self, path: str | Path) -> None:
        """Write the report to a file, whose suffix picks the format, as `Report.save` does.

        `.csv` has the points of `series`, one row per iteration. `series` leaves out some points of a long log;
        `datacheck.read_log(log, reports=["series.csv"])` writes all of them.
        """
        from datacheck.logs.table import save_log

        save_log(path, self)

    def finish(self, run: Run) -> None:
        """Diagnose a run that is over, and add it to the report."""
        self.tally.records += run.series.count
        self.tally.checked += run.series.count
        points = run.points()
        findings = diagnose(run, points)
        self._waiting += findings
        if len(self._waiting) > FINDINGS_IN_MEMORY:
            self._add_waiting()
        if not run.judged and not findings:
            self._silent = [*self._silent, run][-RUNS_KEPT:]
            return
        self._last_shown = max(self._last_shown, run.last_line)
        self._keep(run, points)

    def _add_waiting(self) -> None:
        tally = Tally()
        for finding in sorted(self._waiting, key=lambda it: (it.details["line"], it.details["run"])):
            tally.count([finding])
        self.add(tally)
        self._waiting = []

    def _keep(self, run: Run, points: list[Point]) -> None:
        self.run_count += 1
        if len(self.runs) < RUNS_KEPT:
            self.runs.append(run.summary(points))
            self.series += [point.row(run.number) for point in points]

    def close(self, size: int, lines: int, seconds: float) -> None:
        """Complete the report when nothing more of the log is read."""
        for run in self._silent:  # a silent run among another's lines, such as a second process, does not count
            if run.last_line > self._last_shown or not self.run_count:
                self.tally.complete = False
                self._keep(run, [])
        if self.interrupted or not self.run_count:
            self.tally.complete = False
        self.runs.sort(key=lambda it: it.run)
        self.series.sort(key=lambda it: (it.run, it.line))
        self._add_waiting()
        self.lines, self.seconds = lines, seconds
        self.source = msgspec.structs.replace(self.source, records=self.checked, bytes=size)

    @property
    def long_lists(self) -> dict[str, Iterable[object]]:
        return {"runs": self.runs, "series": self.series}

    def document(self, *, findings: bool = True) -> Document:
        """Return the report as JSON has it; without the findings, it has no runs and no series either."""
        document = super().document(findings=findings)
        if findings:
            document.runs, document.series = self.runs, self.series
        return document
