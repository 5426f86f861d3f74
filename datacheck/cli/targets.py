"""Turn the stores and networks that `datacheck scan` is given into scans that are ready to run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from datacheck.backends import refuse_url
from datacheck.backends.interface import Reader
from datacheck.cli.output import complain
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
from datacheck.reporting.marks import Journal
from datacheck.reporting.report import Report
from datacheck.scanning.ahead import Ahead, may_run_ahead
from datacheck.scanning.alongside import Alongside
from datacheck.scanning.asked_alongside import alongside
from datacheck.scanning.earlier.against import Against, against
from datacheck.scanning.earlier.fingerprint import read_by
from datacheck.scanning.names import Names
from datacheck.scanning.pairing import Pairing, pairings
from datacheck.scanning.run import TOO_LATE, Progress, is_over, run, unheard
from datacheck.scanning.scan import deadline, prepare_all, require_resumable
from datacheck.scanning.searching import Searching, unshown
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

    def run(self, progress: Progress, listen: Callable[[Collection[Finding]], None]) -> None: ...

    def reads(self) -> Iterator[Path]:
        """Yield every file that the scan reads."""
        ...


@dataclass
class StoreScan:
    """The scan of one store."""

    reader: Reader
    report: Report
    names: Names | None = None
    pairing: Pairing | None = None
    alongside: Alongside | None = None
    journal: Journal | None = None
    until: float | None = None
    engine: MakeEngine | None = None
    ahead: tuple[Ahead, int] | None = None
    """The scans that run at the same time, this one among them, and its number there; None if it runs alone."""
    before: Report | None = None
    """The report of the store that is scanned before this one."""

    def begin(self, files: Reports) -> None:
        """Give the scan a journal in the report files; if the time is over before it begins, make it scan nothing."""
        if self.too_late:
            self.until = TOO_LATE
        elif self.ahead is None:
            self.journal = files.journal()

    @property
    def too_late(self) -> bool:
        """Whether the time is over before this scan begins; never for the first one, so that something is done."""
        before = self.before
        return before is not None and (before.stopped or ((before.worked or bool(self.ahead)) and is_over(self.until)))

    def prepare(self, earlier: Against) -> Report | None:
        """Compare the store with earlier reports; return a report if one of them answers for it, else None."""
        answer = earlier.begin(self.reader, self.report)
        if answer is not None and self.names is not None:
            self.names.skip()
        if self.before is not None:  # for the scan after this one
            self.report.stopped |= answer is not None and self.too_late
            self.report.worked |= self.before.worked
        return answer

    def run(self, progress: Progress, listen: Callable[[Collection[Finding]], None]) -> None:
        if self.ahead is None:
            self.run_now(progress, listen)
        else:
            ahead, number = self.ahead
            ahead.finish(number, progress, listen)

    def run_now(self, progress: Progress, listen: Callable[[Collection[Finding]], None] = unheard) -> None:
        """Scan the store now, and not with others at a time."""
        if self.ahead is not None and self.too_late:
            self.until = TOO_LATE
        run(
            self.report,
            self.reader,
            progress=progress,
            listen=listen,
            names=self.names,
            pairing=self.pairing,
            engine=self.engine,
            journal=self.journal,
            until=self.until,
            alongside=self.alongside,
        )

    def reads(self) -> Iterator[Path]:
        """Yield every file that the scan reads."""
        return read_by(self.reader)


def ready(
    scans: Sequence[Scan | None],
    files: Reports,
    resume: Path | None,
    engine: MakeEngine | None,
    if_changed: str | None,
    *,
    quiet: bool,
) -> None:
    """Give the scans their engine and the time when they end; print a sentence if an earlier run is resumed.

    Several stores are scanned at a time if the engine and the settings allow it. Raises UsageError if the run that is
    resumed scanned something else, or in another way.
    """
    stores = [it for it in scans if isinstance(it, StoreScan)]
    if len(stores) < len(scans) and resume is not None:
        raise UsageError("--resume goes on with scans of stores that are there; leave out what else is named")
    require_resumable(files, [(it.reader, it.report) for it in stores])
    if files.earlier is not None and not quiet:
        complain(f"continuing where {files.resuming} ends")
    until = deadline(stores[0].report.settings) if stores else None
    for before, store in zip([None, *stores], stores, strict=False):
        store.until, store.before = until, None if before is None else before.report
    for it in scans:
        if it is not None:
            it.engine = engine
    if (
        stores
        and may_run_ahead(stores[0].report.settings, engine, len(stores), if_changed, resume)
        and not files.shows_records
    ):
        ahead = Ahead([(it.report, it.run_now) for it in stores])
        click.get_current_context().call_on_close(ahead.close)
        for number, store in enumerate(stores):
            store.ahead = ahead, number


def reads_networks(named: Sequence[str], scans: Sequence[Scan | None]) -> bool:
    """Return whether some of the scans are of networks, or may be: None stands for one with a reported error."""
    return any(Path(it).suffix in SUFFIXES for it in named) or not all(isinstance(it, StoreScan) for it in scans)


def _pair(scans: Sequence[Scan | None]) -> None:
    """Set up the comparison of each store with the others. Raises UsageError if they cannot be paired."""
    stores = [it for it in scans if isinstance(it, StoreScan)]
    if len(stores) < len(scans):
        raise UsageError("--paired compares stores; leave the network out")
    for store, pairing in zip(stores, pairings([it.reader for it in stores]), strict=True):
        store.pairing = pairing


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
    not_scanned: list[str] = field(default_factory=list)

    def scans(self, nets: Sequence[str], sources: Sequence[str]) -> list[Scan | None]:
        """Return the scans of all networks' layers and of the sources; None stands for one with a reported error."""
        found: list[Scan | None] = [it for net in nets for it in self._of_net(net)]
        found += (it for source in sources for it in self._of_source(source))
        self.names.sources = sum(it is not None for it in found)
        for it in found:
            if it is not None:
                it.names = self.names
        if self.settings.paired and None not in found:
            _pair(found)
        for it in found:
            if isinstance(it, StoreScan):
                it.alongside = alongside(self.settings, len(found))
        return found

    def _of_source(self, source: str) -> Iterator[Scan | None]:
        try:
            prepared = prepare_all(source, self.settings, self.searching)
            yield from (StoreScan(reader, report) for reader, report in prepared)
        except (SourceMissing, SourceUnreadable) as exc:
            self._refuse(exc)
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
            self._refuse(exc if otherwise is None or named else otherwise)
            return [None]

    def _refuse(self, error: DatacheckError) -> None:
        """Report an error of what can be neither opened as a store nor read as a network."""
        self.complain(error)
        self.not_scanned.append(str(error))
