"""The scans of the stores of one run: one after the other, or several at a time if the engine has room for that."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from datacheck.backends.interface import Reader
from datacheck.errors import UsageError
from datacheck.model.blocks import ignore
from datacheck.model.finding import Finding
from datacheck.model.settings import Settings
from datacheck.reporting.marks import Journal
from datacheck.reporting.report import Report
from datacheck.scanning.ahead import Ahead, may_run_ahead
from datacheck.scanning.alongside import Alongside, Together
from datacheck.scanning.earlier.against import Against
from datacheck.scanning.earlier.fingerprint import read_by
from datacheck.scanning.earlier.recorded import AgainstChecksums
from datacheck.scanning.earlier.resuming import require_same, tell_answer
from datacheck.scanning.names import Names
from datacheck.scanning.pairing import Pairing, pairings
from datacheck.scanning.run import TOO_LATE, Progress, is_over, run
from datacheck.workers.interface import MakeEngine

if TYPE_CHECKING:
    from datacheck.checks.validators import Validator
    from datacheck.reporting.files import Reports


@dataclass
class Budget:
    """The time that the scans of one run have together: when it ends, and whether one of them has begun its work.

    The first scan that has work to do begins even if the time is over, so that each run gets further.
    """

    until: float | None = None
    worked: bool = False

    @property
    def is_spent(self) -> bool:
        """Whether the time is over before the next scan begins."""
        return self.worked and is_over(self.until)


@dataclass
class StoreScan:
    """The scan of one store into its report; `ready` prepares several of them to run."""

    reader: Reader
    report: Report
    names: Names | None = None
    validators: Sequence[Validator] = ()
    pairing: Pairing | None = None
    alongside: Alongside | None = None
    engine: MakeEngine | None = None
    budget: Budget = field(default_factory=Budget)
    ahead: tuple[Ahead, int] | None = None
    """The scans that run at the same time, and the number of this one among them; None if it runs alone."""
    journal: Journal | None = None
    late: bool = False
    """Whether the time was over when the scan had its turn: it then reads nothing, and marks nothing in the journal."""

    def answer(self, earlier: Against, files: Reports) -> Report | None:
        """Compare the store with earlier reports; return the report if one of them answers for it, else None."""
        answer = earlier.begin(self.reader, self.report)
        if answer is not None:
            if self.names is not None:
                self.names.skip()
            tell_answer(files, answer, stopped=self.budget.is_spent)
        return answer

    def begin(self, files: Reports) -> Callable[[Collection[Finding]], None]:
        """Register the report with the report files; return the function to call with its findings."""
        listen = files.begin(self.report)
        if self.ahead is None:
            self.late = self.budget.is_spent
            self.journal = None if self.late else files.journal()
        return listen

    def run(self, progress: Progress, listen: Callable[[Collection[Finding]], None]) -> None:
        """Scan the store, or wait for the scan of it that is in progress. Raises as `datacheck.scanning.run.run`."""
        if self.ahead is None:
            self._run(progress, listen, late=self.late)
            self.budget.worked |= self.report.worked
        else:
            ahead, number = self.ahead
            ahead.finish(number, progress, listen)

    def run_ahead(self, progress: Progress) -> None:
        """Scan the store while others are scanned, of which the first has its turn in any case."""
        late = self.ahead is not None and self.ahead[1] > 0 and is_over(self.budget.until)
        self._run(progress, ignore, late=late)

    def _run(self, progress: Progress, listen: Callable[[Collection[Finding]], None], *, late: bool) -> None:
        run(
            self.report,
            self.reader,
            validators=self.validators,
            progress=progress,
            listen=listen,
            engine=self.engine,
            names=self.names,
            pairing=self.pairing,
            alongside=self.alongside,
            journal=self.journal,
            until=TOO_LATE if late else self.budget.until,
        )

    def reads(self) -> Iterator[Path]:
        """Yield every file that the scan reads."""
        return read_by(self.reader)


def pair(scans: Sequence[StoreScan]) -> None:
    """Set up the comparison of each store with the others. Raises UsageError if they cannot be paired."""
    for scan, pairing in zip(scans, pairings([it.reader for it in scans]), strict=True):
        scan.pairing = pairing


def set_alongside(scans: Sequence[StoreScan], settings: Settings, sources: int) -> None:
    """Give each scan the additional work that the settings ask for. Raises UsageError if they exclude it."""
    for scan in scans:
        scan.alongside = _alongside(settings, sources)


def _alongside(settings: Settings, sources: int) -> Alongside | None:
    """Return the additional work for the scan of one of `sources` sources, or None if there is none.

    Raises UsageError if the settings exclude it: checksums of several sources, or duplicates in a sample.
    """
    parts: list[Alongside] = []
    if settings.checksums is not None:
        if sources > 1:
            raise UsageError(f"--checksums is of one source, and here are {sources}; scan them one at a time")
        parts.append(AgainstChecksums(settings.checksums))
    if settings.duplicates:
        if settings.sample is not None:
            raise UsageError("--duplicates needs all records, and --sample looks at some; leave one of the two out")
        from datacheck.scanning.alike.duplicates import Duplicates

        parts.append(Duplicates())
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else Together(parts)


@contextmanager
def ready(
    scans: Sequence[StoreScan], files: Reports, if_changed: str | Path | None, resume: str | Path | None
) -> Iterator[None]:
    """Prepare scans to run, in order, in the body of the `with` statement; their time begins now.

    Several stores are scanned at a time if their engine and the settings allow it. Raises UsageError if the run that is
    resumed scanned something else, or in another way.
    """
    if files.earlier is not None:
        require_same(files.earlier, [(it.reader, it.report) for it in scans], files.resuming)
    if not scans:
        yield
        return
    settings, engine = scans[0].report.settings, scans[0].engine
    budget = Budget(None if settings.max_time is None else time.monotonic() + settings.max_time)
    for scan in scans:
        scan.budget = budget
    if files.shows_records or not may_run_ahead(settings, engine, len(scans), if_changed, resume):
        yield
        return
    with Ahead([(it.report, it.run_ahead) for it in scans]) as ahead:
        for number, scan in enumerate(scans):
            scan.ahead = ahead, number
        yield
