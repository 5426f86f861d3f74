"""Scan several sources at a time, and return the reports in order, if the engine has room for that.

A folder of thousands of small stores keeps a cluster busy only in this way, since each store is opened, described and
judged step by step. The reports are the same as those of one scan after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from datacheck.model.finding import Finding
from datacheck.model.naming import asked_for
from datacheck.model.settings import Settings
from datacheck.reporting.report import Report
from datacheck.scanning.run import Progress
from datacheck.workers.interface import Elastic, MakeEngine

if TYPE_CHECKING:
    from concurrent.futures import Future

AT_ONCE = 16
"""Number of sources that are scanned at the same time."""
LOOK_SECONDS = 0.1
Run = Callable[[Progress], None]
"""A function that scans one source into its report."""


class _Unwanted(BaseException):
    """Raised within a scan whose results are no longer wanted."""


def may_run_ahead(
    settings: Settings, engine: MakeEngine | None, sources: int, if_changed: object, resume: object
) -> bool:
    """Return whether several sources can be scanned at a time.

    The order of the sources matters for what is reported about all of them together, for known findings of an earlier
    report, which are counted off, and for answers from or continuations of an earlier run.
    """
    in_order = settings.paired or any(asked_for(settings)) or settings.known or if_changed or resume
    return sources > 1 and isinstance(engine, Elastic) and not in_order


class Ahead:
    """Scans of several sources in progress. Use as a context manager, or `close` it at the end."""

    def __init__(self, scans: Sequence[tuple[Report, Run]]) -> None:
        from concurrent.futures import ThreadPoolExecutor  # here, since most scans are of one source

        self._scans = list(scans)
        self._pool = ThreadPoolExecutor(AT_ONCE, "datacheck-source")
        self._under_way: dict[int, Future[None]] = {}
        self._reached: dict[int, tuple[int, int | None, int]] = {}
        self._unwanted = threading.Event()

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def finish(self, number: int, progress: Progress, listen: Callable[[Collection[Finding]], None]) -> None:
        """Wait until the scan of a source is done, and pass its findings to `listen`. Raises what the scan raises."""
        for at in range(number, min(number + AT_ONCE, len(self._scans))):
            if at not in self._under_way:
                self._under_way[at] = self._pool.submit(self._run, at)
        report, _ = self._scans[number]
        try:
            while not self._waited(number):
                if number in self._reached:
                    progress(*self._reached[number])
        except KeyboardInterrupt:
            self.close()
            raise
        finally:
            listen(report.findings)
        self._reached.pop(number, None)

    def _waited(self, number: int) -> bool:
        try:
            self._under_way[number].result(LOOK_SECONDS)
        except TimeoutError:
            if self._under_way[number].done():  # the scan itself raised the TimeoutError
                raise
            return False
        return True

    def _run(self, number: int) -> None:
        def progress(done: int, total: int | None, bad: int) -> None:
            if self._unwanted.is_set():
                raise _Unwanted
            self._reached[number] = done, total, bad

        if not self._unwanted.is_set():
            self._scans[number][1](progress)

    def close(self) -> None:
        """End the scans that are in progress."""
        self._unwanted.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
