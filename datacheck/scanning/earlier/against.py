"""Open the earlier reports that a scan is compared with, before anything is scanned."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datacheck.backends.interface import Reader
from datacheck.errors import UsageError
from datacheck.model.settings import Settings
from datacheck.reporting.report import Report
from datacheck.scanning.settings import spelling

if TYPE_CHECKING:
    from datacheck.reporting.known import KnownReport
    from datacheck.scanning.earlier.unchanged import EarlierScan


class Against:
    """The earlier reports that a run uses: known findings, and a report to answer from.

    `alone` is set if the run has a single source.
    """

    def __init__(
        self, known: KnownReport | None = None, earlier: EarlierScan | None = None, *, alone: bool = True
    ) -> None:
        self._known, self._earlier, self._alone = known, earlier, alone

    def begin(self, reader: Reader, report: Report) -> Report | None:
        """Prepare the report of a source.

        Return the earlier report that answers for it, or None if it has to be scanned.
        """
        if self._known is not None:
            report.known_before = self._known.of(report.source.path, alone=self._alone)
        return None if self._earlier is None else self._earlier.answer(reader, report)


def require_together(settings: Settings, if_changed: object) -> None:
    """Raise UsageError for options that exclude each other.

    --if-changed and --checksums do: the checksum file may have been replaced since the report that --if-changed names
    was written.
    """
    if if_changed is not None and settings.checksums is not None:
        why = "the file of checksums may be another one than when that report was written"
        raise UsageError(f"--if-changed and --checksums cannot be used together: {why}; leave one of the two out")


def files_of(settings: Settings) -> list[Path]:
    """Return the files of earlier runs that a scan reads, which no report may overwrite."""
    return [Path(it) for it in (settings.checksums, settings.known, settings.like) if it is not None]


def against(settings: Settings, if_changed: str | Path | None, sources: int, reports: Iterable[str | Path]) -> Against:
    """Read the earlier reports that the options name.

    Raises UsageError if a file is not a report, or if a report to be written would overwrite the known findings.
    """
    from datacheck.reporting.known import KnownReport
    from datacheck.scanning.earlier.like import like_report
    from datacheck.scanning.earlier.unchanged import EarlierScan

    for path in map(Path, reports if settings.known is not None else ()):
        if path.resolve() == Path(str(settings.known)).resolve():
            raise UsageError(f"{path}: has the findings that are known, and would lose them; write another file")
    like_report(settings)
    return Against(
        None if settings.known is None else KnownReport(Path(settings.known)),
        None if if_changed is None else EarlierScan(spelling.path("if_changed", if_changed)),
        alone=sources == 1,
    )


def with_known(settings: Settings, known: str | Path | None) -> Settings:
    """Return the settings with the name of the report whose findings do not count."""
    return msgspec.structs.replace(settings, known=None if known is None else str(spelling.path("known", known)))
