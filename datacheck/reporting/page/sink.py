"""The page as a report file: written at the end, when everything is known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import IO, TYPE_CHECKING

from datacheck.model.finding import Finding
from datacheck.reporting.source import NotScanned

if TYPE_CHECKING:
    from datacheck.reporting.report import Report


class HtmlSink:
    """One page for all reports, with some of the records to look at."""

    shows_records = True

    def __init__(self, file: IO[str]) -> None:
        from datacheck.reporting.page.pages import page_of  # now, while the workers import their modules

        self._file = file
        self._page_of = page_of

    def add(self, report: Report, findings: Collection[Finding]) -> None:
        """Do nothing: the page begins with the verdict, so it is written at the end."""

    def finish(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> None:
        self._file.writelines(self._page_of(reports, not_scanned))
