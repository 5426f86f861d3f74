"""Turn the stores and networks that `datacheck scan` is given into scans that are ready to run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from datacheck.backends import refuse_url
from datacheck.errors import (
    DatacheckError,
    PrototxtMalformed,
    SourceMissing,
    SourceUnknown,
    SourceUnreadable,
    UsageError,
)
from datacheck.files.guard import Guard
from datacheck.model.finding import Finding
from datacheck.model.settings import Settings
from datacheck.reporting.report import Report
from datacheck.reporting.source import NotScanned
from datacheck.scanning.earlier.against import Against, against
from datacheck.scanning.names import Names
from datacheck.scanning.run import Progress
from datacheck.scanning.scan import prepare_all
from datacheck.scanning.searching import Searching, unshown
from datacheck.scanning.store_scan import StoreScan, pair, set_alongside
from datacheck.workers.interface import MakeEngine

if TYPE_CHECKING:
    from datacheck.netscan.scan import WantedPhase
    from datacheck.reporting.files import Reports

SUFFIXES = (".prototxt", ".pbtxt")


class Scan(Protocol):
    """A scan that is ready to run, and the report that it fills."""

    report: Report
    names: Names | None
    engine: MakeEngine | None

    def begin(self, files: Reports) -> Callable[[Collection[Finding]], None]:
        """Register the report with the report files; return the function to call with its findings."""
        ...

    def run(self, progress: Progress, listen: Callable[[Collection[Finding]], None]) -> None: ...

    def reads(self) -> Iterator[Path]:
        """Yield every file that the scan reads."""
        ...


def stores_of(scans: Sequence[Scan | None]) -> list[StoreScan]:
    """Return the scans that are of stores, and not of networks."""
    return [it for it in scans if isinstance(it, StoreScan)]


def planned(scans: Sequence[Scan | None]) -> list[str]:
    """Return the paths of the sources that are to be scanned."""
    return [it.report.source.path for it in scans if it is not None]


def require_resumable(scans: Sequence[Scan | None], resume: Path | None) -> None:
    """Raise UsageError for a run to be resumed that has something other than the scans of stores."""
    if resume is not None and len(stores_of(scans)) < len(scans):
        raise UsageError("--resume goes on with scans of stores that are there; leave out what else is named")


def _reads_networks(named: Sequence[str], scans: Sequence[Scan | None]) -> bool:
    """Return whether some of the scans are of networks, or may be: None stands for one with a reported error."""
    return any(Path(it).suffix in SUFFIXES for it in named) or len(stores_of(scans)) < len(scans)


def _pair(scans: Sequence[Scan | None]) -> None:
    """Set up the comparison of each store with the others. Raises UsageError if they cannot be paired."""
    stores = stores_of(scans)
    if len(stores) < len(scans):
        raise UsageError("--paired compares stores; leave the network out")
    pair(stores)


def previous_reports(
    scans: Sequence[Scan | None], settings: Settings, if_changed: str | None, reports: Sequence[str | Path]
) -> Against:
    """Return the earlier reports to compare with. Raises UsageError for a file that is no report, and for a network."""
    earlier = against(settings, if_changed, len(scans), reports)
    named = [settings.known, settings.like, if_changed]
    if any(named) and not all(it is None or isinstance(it, StoreScan) for it in scans):
        raise UsageError("--known, --like and --if-changed are for stores; leave the network out")
    return earlier


def guard_of(named: Sequence[str], scans: Sequence[Scan | None]) -> Guard:
    """Return a guard that keeps reports off the paths that were named, opened or not, and off what the scans read."""
    opened = [it for it in scans if it is not None]
    return Guard(
        [*named, *(it.report.source.path for it in opened)], lambda: (file for it in opened for file in it.reads())
    )


@dataclass(frozen=True)
class ScanRequest:
    """How sources become scans, and the callback for errors of what is neither a store nor a network.

    `net_settings` are the settings for what a network reads. `names` looks for the names that the options give.
    `searching` shows how far the search for the stores of a source has come. `not_scanned` receives the errors.
    """

    settings: Settings
    net_settings: Settings
    phase: WantedPhase
    root: Path | None
    complain: Callable[[DatacheckError], None]
    names: Names
    stages: Sequence[str] = ()
    searching: Searching = unshown
    engine: MakeEngine | None = None
    not_scanned: list[NotScanned] = field(default_factory=list)

    def scans(self, nets: Sequence[str], sources: Sequence[str]) -> list[Scan | None]:
        """Return the scans of all networks' layers and of the sources; None stands for one with a reported error.

        Raises UsageError for options that do not fit the scans.
        """
        found: list[Scan | None] = [it for net in nets for it in self._of_net(net)]
        found += (it for source in sources for it in self._of_source(source))
        for_networks = self.phase != "all" or self.stages or self.root
        if for_networks and not _reads_networks([*nets, *sources], found):
            why = "are for networks; name a network with --net, or leave them out"
            raise click.UsageError(f"--phase, --stage and --root {why}")
        self.names.sources = sum(it is not None for it in found)
        for it in found:
            if it is not None:
                it.names, it.engine = self.names, self.engine
        if self.settings.paired and None not in found:
            _pair(found)
        set_alongside(stores_of(found), self.settings, len(found))
        return found

    def _of_source(self, source: str) -> Iterator[Scan | None]:
        try:
            prepared = prepare_all(source, self.settings, self.searching)
            yield from (StoreScan(reader, report) for reader, report in prepared)
        except (SourceMissing, SourceUnreadable) as exc:
            self._refuse(source, exc)
            yield None
        except SourceUnknown as exc:
            yield from self._of_net(source, otherwise=exc)

    def _of_net(self, net: str, otherwise: DatacheckError | None = None) -> Sequence[Scan | None]:
        """Return the scans of a network's layers, or [None] after reporting an error.

        `otherwise` is the error to report if the file is neither a malformed prototxt nor named like one.
        """
        from datacheck.netscan.scan import prepare_net

        try:
            refuse_url(net)
            return prepare_net(net, self.net_settings, phase=self.phase, stages=self.stages, root=self.root)
        except (SourceMissing, SourceUnknown, SourceUnreadable) as exc:
            named = isinstance(exc, PrototxtMalformed) or Path(net).suffix in SUFFIXES
            self._refuse(net, exc if otherwise is None or named else otherwise)
            return [None]

    def _refuse(self, source: str, error: DatacheckError) -> None:
        """Report an error of what can be neither opened as a store nor read as a network."""
        self.complain(error)
        self.not_scanned.append(NotScanned(source, str(error)))
