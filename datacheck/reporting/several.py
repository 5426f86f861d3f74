"""The reports of several sources, with what they come to together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import msgspec

from datacheck.backends.folder import FOLDER, counted_kinds
from datacheck.errors import NotClean
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.replacing import replace
from datacheck.reporting.finding_store import FindingLog
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.reporting.summary import totals
from datacheck.reporting.tally import Tally

WORST_FIRST = (1, 3, 0)
"""Of several sources, the status is the first of these that one of them has."""


class SeveralReports(Report):
    """The reports of all sources in a folder, as a sequence, and as one report with what they come to together.

    A finding in a store has the store's name in the folder as its `file`. Statistics and profiles are in the reports
    themselves.
    """

    def __init__(self, folder: str, reports: Sequence[Report]) -> None:
        tally = Tally()
        for report in reports:
            tally.add_sums(replace(report.tally, statistics={}))
        size = sum(it.source.bytes or 0 for it in reports)
        source = Source(folder, FOLDER, records=tally.records, bytes=size)
        super().__init__(source, reports[0].settings, tally=tally, seconds=sum(it.seconds for it in reports))
        self.reports = tuple(reports)
        self.findings = _FindingsOfAll(folder, self.reports)

    def __iter__(self) -> Iterator[Report]:
        return iter(self.reports)

    def __len__(self) -> int:
        return len(self.reports)

    def __getitem__(self, at: int) -> Report:
        return self.reports[at]

    @property
    def status(self) -> int:
        """The exit status: 1 if one of them has bad records beyond those tolerated, 3 if one is undecided, else 0."""
        statuses = {it.status for it in self.reports}
        return next(it for it in WORST_FIRST if it in statuses)

    def require_clean(self) -> None:
        """Raise NotClean, with the summaries of those that are not clean as its message, unless all are."""
        if not self.clean:
            from datacheck.reporting.summary import text

            raise NotClean("\n".join([*(text(it) for it in self.reports if not it.clean), totals(self.reports)]))


class _FindingsOfAll(FindingLog):
    """The findings of several reports, one after the other; nothing is held."""

    def __init__(self, folder: str, reports: Sequence[Report]) -> None:
        super().__init__()
        self._folder, self._reports = folder, reports

    def __len__(self) -> int:
        return sum(len(it.findings) for it in self._reports)

    def __iter__(self) -> Iterator[Finding]:
        for report in self._reports:
            within = plain(os.path.relpath(report.source.path, self._folder))
            for finding in report.findings:
                yield finding if within == "." else msgspec.structs.replace(finding, file=within)


def not_read(reports: Sequence[Report]) -> Iterator[str]:
    """Yield a line for each folder that was searched and holds what is not read."""
    folders = {it.path: it.not_read for it in (report.source.folder for report in reports) if it}
    for path, kinds in folders.items():
        if kinds:
            yield f"{plain(path)}: not read: {counted_kinds(kinds)}"
