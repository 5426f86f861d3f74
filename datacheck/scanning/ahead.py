"""Scan several sources at a time, and have them one after the other, where what runs the tasks has room for that.

A folder of thousands of small stores keeps a cluster busy only so: each of them is opened, described and judged step by
step. The reports are those of one scan after the other.
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
"""So many sources are scanned at a time."""
LOOK_SECONDS = 0.1
Run = Callable[[Progress], None]
"""Scans one source into its report."""


class _Unwanted(BaseException):
    """Nobody wants what a scan finds any more."""


def may_run_ahead(
    settings: Settings, engine: MakeEngine | None, sources: int, if_changed: object, resume: object
) -> bool:
    """Say whether several sources can be scanned at a time: what is said of all of them together needs their order.

    So does what is held against an earlier report, whose findings are counted off, or an earlier run.
    """
    in_order = settings.paired or any(asked_for(settings)) or settings.known or if_changed or resume
    return sources > 1 and isinstance(engine, Elastic) and not in_order


class Ahead:
    """Scans of several sources under way. Use as a context manager, or `close` it in the end."""

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
        """Wait until the scan of a source is done, and have its findings heard. Raises what the scan raises."""
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
            if self._under_way[number].done():  # it is what the scan raised
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
        """End the scans that are under way."""
        self._unwanted.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
