"""The earlier reports that a scan is held against: opened once, before anything is scanned."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datacheck.backends.interface import Reader
from datacheck.errors import UsageError
from datacheck.model.settings import Settings
from datacheck.reporting.report import Report

if TYPE_CHECKING:
    from datacheck.reporting.known import KnownReport
    from datacheck.scanning.like import Like, LikeReport
    from datacheck.scanning.unchanged import EarlierScan


class Against:
    """What a run is held against: findings that are known, what its sources are to be like, a report to answer from."""

    def __init__(
        self,
        known: KnownReport | None = None,
        like: LikeReport | None = None,
        earlier: EarlierScan | None = None,
        *,
        alone: bool = True,
    ) -> None:
        self._known, self._like, self._earlier, self._alone = known, like, earlier, alone

    def begin(self, report: Report) -> Like | None:
        """Prepare the report of a source; return what the source is to be like. Raises UsageError."""
        if self._known is not None:
            report.known_before = self._known.of(report.source.path, alone=self._alone)
        like = None if self._like is None else self._like.of(report.source.path)
        report.like = None if like is None else like.path
        return like

    def answer(self, reader: Reader, report: Report) -> Report | None:
        """Return the report of a source that is as it was, from the earlier one; None where it has to be scanned."""
        return None if self._earlier is None else self._earlier.answer(reader, report)


NOTHING = Against()


def against(
    settings: Settings, if_changed: str | Path | None, sources: int, reports: Iterable[str | Path] = ()
) -> Against:
    """Read the earlier reports that the settings name.

    Raises UsageError for what is none, and where a report to be written would forget the findings that are known.
    """
    from datacheck.reporting.known import KnownReport
    from datacheck.scanning.like import LikeReport
    from datacheck.scanning.unchanged import EarlierScan

    for path in map(Path, reports if settings.known is not None else ()):
        if path.resolve() == Path(str(settings.known)).resolve():
            raise UsageError(f"{path}: has the findings that are known, and would lose them; write another file")
    return Against(
        None if settings.known is None else KnownReport(Path(settings.known)),
        None if settings.like is None else LikeReport(Path(settings.like), settings.like_tolerance),
        None if if_changed is None else EarlierScan(Path(if_changed)),
        alone=sources == 1,
    )


def naming(
    settings: Settings, known: str | Path | None, like: str | Path | None, like_tolerance: str | None
) -> Settings:
    """Return settings that name the earlier reports. Raises UsageError where these make no sense."""
    if like is None and like_tolerance is not None:
        raise UsageError("a tolerance widens the ranges of another report; name that with --like")
    if like_tolerance is not None:
        from datacheck.scanning.like import tolerance_of

        tolerance_of(like_tolerance)
    return msgspec.structs.replace(
        settings,
        known=None if known is None else str(known),
        like=None if like is None else str(like),
        like_tolerance=like_tolerance,
    )
