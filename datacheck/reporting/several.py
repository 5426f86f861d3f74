"""The reports of several sources, and their totals."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, overload

import msgspec

from datacheck.backends.folder import FOLDER, kinds_text
from datacheck.errors import NotClean
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.listing import counted
from datacheck.model.replacing import replace
from datacheck.reporting.finding_sequence import FindingSequence
from datacheck.reporting.report import Report
from datacheck.reporting.source import NotScanned, Source
from datacheck.reporting.statuses import status_of
from datacheck.reporting.summary import totals
from datacheck.reporting.tally import Tally

if TYPE_CHECKING:
    from datacheck.reporting.frames import DataFrame

SHOWN_SHORT = 20
"""Maximum number of reports that a notebook shows."""


class SeveralReports(Report):
    """The reports of all sources in a folder, as a sequence, and as one report with their totals.

    A finding in a store has the store's name in the folder as its `file`. Statistics and profiles are in the single
    reports.
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

    @property
    def parts(self) -> Sequence[Report]:
        """The reports of the stores in the folder."""
        return self.reports

    def __str__(self) -> str:
        return _printed(self.reports)

    def __iter__(self) -> Iterator[Report]:
        return iter(self.reports)

    def __len__(self) -> int:
        return len(self.reports)

    def __getitem__(self, at: int) -> Report:
        return self.reports[at]

    @property
    def status(self) -> int:
        """The exit status: 1 if one of them has bad records beyond those tolerated, 3 if one is undecided, else 0."""
        return status_of(self.reports)

    def require_clean(self) -> None:
        """Raise NotClean, with the summaries of those that are not clean as its message, unless all are."""
        _require_clean(self.reports)


class ScanReports(Sequence[Report]):
    """The reports of the sources of one scan, in the order in which they were named. Printed, it is their summaries.

    It has no truth value: `clean` says whether all of them are clean. `not_scanned` are the sources that were not
    scanned, if the reports are loaded from the file of a run that had such sources.
    """

    def __init__(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> None:
        self._reports = tuple(reports)
        self.not_scanned = tuple(not_scanned)

    def __len__(self) -> int:
        return len(self._reports)

    @overload
    def __getitem__(self, at: int) -> Report: ...
    @overload
    def __getitem__(self, at: slice) -> ScanReports: ...
    def __getitem__(self, at: int | slice) -> Report | ScanReports:
        return ScanReports(self._reports[at]) if isinstance(at, slice) else self._reports[at]

    def __str__(self) -> str:
        return _printed(self.parts, self.not_scanned)

    def __repr__(self) -> str:
        return str(self)

    def __bool__(self) -> NoReturn:
        raise TypeError("the truth value of reports is ambiguous; use .clean, or len()")

    @property
    def parts(self) -> list[Report]:
        """The reports of all stores; for a folder, those of the stores in it."""
        return [part for it in self._reports for part in it.parts]

    @property
    def status(self) -> int:
        """The exit status: the worst one of the sources, 0 if all are clean, 3 if there are none."""
        return status_of(self._reports, self.not_scanned)

    @property
    def clean(self) -> bool:
        """Whether the gate is open: every source was scanned and is clean, and there is at least one."""
        return self.status == 0

    @property
    def bad(self) -> int:
        """How many records of all reports are bad."""
        return sum(it.bad for it in self._reports)

    @property
    def suspicious(self) -> int:
        """How many records of all reports are suspicious."""
        return sum(it.suspicious for it in self._reports)

    @property
    def unverifiable(self) -> int:
        """How many records of all reports could not be decided."""
        return sum(it.unverifiable for it in self._reports)

    def _repr_html_(self) -> str:
        """Return the short forms of the first reports, for notebooks."""
        from html import escape

        from datacheck.reporting.page.short import short

        more = len(self.parts) - SHOWN_SHORT
        rest = f"<div>and {counted(more, 'more source')}</div>" if more > 0 else ""
        shown = "".join(map(short, self.parts[:SHOWN_SHORT]))
        return f"{shown}{rest}<div>{escape(totals(self.parts, len(self.not_scanned)))}</div>"

    def require_clean(self) -> None:
        """Raise NotClean, with the summaries of those that are not clean as its message, unless all are."""
        _require_clean(self.parts, self.not_scanned)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the findings of all reports as dicts; see `Report.to_dicts`."""
        return [row for it in self._reports for row in it.to_dicts()]

    def to_pandas(self) -> DataFrame:
        """Return the findings of all reports as a table of pandas; see `Report.to_pandas`."""
        from datacheck.reporting.frames import frame

        return frame(self.to_dicts())

    def save(self, path: str | Path) -> None:
        """Write the reports to a file, whose suffix picks the format; see `Report.save`."""
        from datacheck.reporting.files import save

        save(path, self.parts, self.not_scanned)


def _printed(reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> str:
    return "\n".join(_lines(reports, reports, not_scanned))


def _lines(shown: Sequence[Report], reports: Sequence[Report], not_scanned: Sequence[NotScanned]) -> Iterator[str]:
    """Yield the summaries of the shown reports, what was not scanned, and the totals of all if there are several."""
    yield from map(str, shown)
    yield from (plain(f"not scanned: {it.message}") for it in not_scanned)
    if len(reports) + len(not_scanned) > 1:
        yield totals(reports, len(not_scanned))


def _require_clean(reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> None:
    wrong = [it for it in reports if not it.clean]
    if not reports:
        raise NotClean("nothing was scanned: there is no report")
    if wrong or not_scanned:
        raise NotClean("\n".join(_lines(wrong, reports, not_scanned)))


class _FindingsOfAll(FindingSequence):
    """The findings of several reports, one report after the other; none are held in memory."""

    def __init__(self, folder: str, reports: Sequence[Report]) -> None:
        self._folder, self._reports = folder, reports

    def __len__(self) -> int:
        return sum(len(it.findings) for it in self._reports)

    def since(self, place: int) -> Iterator[Finding]:
        """Yield the findings from a place on."""
        for report in self._reports:
            count = len(report.findings)
            if place < count:
                within = plain(os.path.relpath(report.source.path, self._folder))
                for finding in report.findings.since(place):
                    yield finding if within == "." else msgspec.structs.replace(finding, file=within)
            place = max(0, place - count)


def not_read(reports: Sequence[Report]) -> Iterator[str]:
    """Yield a line for each searched folder that has files that are not read."""
    folders = {it.path: it.not_read for it in (report.source.folder for report in reports) if it}
    for path, kinds in folders.items():
        if kinds:
            yield f"{plain(path)}: not read: {kinds_text(kinds)}"
