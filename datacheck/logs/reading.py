"""Read a log from end to end: lines -> events -> runs -> what is wrong with each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

from datacheck.errors import DatacheckError, SourceUnknown
from datacheck.files.deferring import interrupts_deferred
from datacheck.logs import events
from datacheck.logs.diagnosis import LogReport
from datacheck.logs.failure_modes import FAILURE_MODES
from datacheck.logs.lines import STANDARD_INPUT, Lines, open_log
from datacheck.logs.run import HANDLERS, Listen, Run
from datacheck.logs.table import LOG_REPORTS, SeriesSink
from datacheck.model.settings import Settings
from datacheck.reporting.files import Reports
from datacheck.reporting.log_series import SeriesPoint
from datacheck.reporting.source import Source

LIVING = 64
"""Maximum number of runs open at a time. Beyond it, the one that has been silent for longest is taken to be over."""
FOREIGN = 1 << 28
"""Number of bytes without any line of Caffe's after which a file is not taken for a log."""

DECIDING = frozenset((events.Display, events.Batch, events.Section, events.Fatal))
"""Events that may begin or end a run."""


class Interleaved:
    """The runs of a log, into which its events are sorted by thread and by what begins a new run."""

    def __init__(self, listen: Listen | None, finished: Callable[[Run], None]) -> None:
        self._living: OrderedDict[bytes, Run] = OrderedDict()
        self._begun = 0
        self._listen, self._finished = listen, finished

    def handle(self, event: events.Event) -> None:
        """Give an event to the run that it belongs to."""
        run = self._living.get(event.thread)
        kind = type(event)
        if run is not None and (kind is events.Rate or kind not in DECIDING):
            run.last_line = event.line
            HANDLERS[kind](run, event)
            return
        if isinstance(event, events.Fatal):
            self._run_that_died(event).die(event)
            return
        if isinstance(event, events.Display | events.Batch | events.Section):
            run = self._run_of(event, run)
        else:
            run = self._run_beside(event)
        if run is not None:
            run.handle(event)

    def _run_of(self, event: events.Display | events.Batch | events.Section, run: Run | None) -> Run:
        """Return the run of an event that only a run's own thread writes; begin a new run if the event does."""
        if run is None and isinstance(event, events.Display):
            run = self._adopt_waiting(event.thread)
        if run is not None and self._begins_run(event, run):
            self._end(run)
            run = None
        if run is None:
            run = self._begin(event)
        if len(self._living) > 1:
            self._living.move_to_end(run.thread)
        return run

    def _begins_run(self, event: events.Display | events.Batch | events.Section, run: Run) -> bool:
        if run.ended != "cut":
            return True
        if isinstance(event, events.Section):
            return event.what == b"solver" and (run.shown > 0 or bool(run.header.solver))
        shown = run.iteration
        if shown is None:
            return False
        return event.iteration < shown or (event.iteration == shown and isinstance(event, events.Display))

    def _begin(self, event: events.Event) -> Run:
        self._begun += 1
        run = Run(self._begun, event.thread, event.line, self._listen)
        if len(self._living) >= LIVING:
            self._end(next(iter(self._living.values())))
        self._living[event.thread] = run
        return run

    def _adopt_waiting(self, thread: bytes) -> Run | None:
        """Return the run that waits for its first iteration, moved to this thread, or None if it is not the only one.

        One thread may write the head of a run, and another one its iterations. A run that has died does not wait.
        """
        waiting = [run for run in self._living.values() if not run.shown and not run.fatal]
        if len(waiting) != 1:
            return None
        del self._living[waiting[0].thread]
        waiting[0].thread = thread
        self._living[thread] = waiting[0]
        return waiting[0]

    def _run_beside(self, event: events.Event) -> Run | None:
        """Return the run of an event whose thread has none yet, or None if it belongs to no run.

        Values, clippings and the like come only from a run's own thread, so they begin one, as the end of
        an optimization does. Other notices belong to the run that wrote last.
        """
        if isinstance(event, events.Notice):
            if event.word == b"Optim":
                return self._begin(event)
            return next(reversed(self._living.values()), None)
        if isinstance(event, events.Field):
            return None
        return self._begin(event)

    def _run_that_died(self, event: events.Fatal) -> Run:
        """Return the run of the process that a signal names, else of the thread, else the one that wrote last."""
        pid = event.text.partition(b"received by PID ")[2].partition(b" ")[0]
        for thread in (pid, event.thread):
            if thread and thread in self._living:
                return self._living[thread]
        latest = next(reversed(self._living.values()), None)
        return latest if latest is not None else self._begin(event)

    def _end(self, run: Run) -> None:
        del self._living[run.thread]
        run.close()
        self._finished(run)

    def end(self) -> None:
        """End all runs, since the log is over."""
        for run in sorted(self._living.values(), key=lambda it: it.number):
            self._end(run)


def read_log(path: str | Path, *, strict: bool = False, reports: Iterable[str | Path] = ()) -> LogReport:
    """Diagnose a training log of Caffe: the first iteration that went wrong, and why.

    Parameters
    ----------
    path : str or Path
        The log, gzipped or not; "-" reads standard input. Any size: it is read once, in bounded memory.
    strict : bool, optional
        Suspicious findings count as bad.
    reports : iterable of str or Path, optional
        Report files to write: `.json` with findings and series, `.jsonl` with one finding per line, `.csv` with
        the series, one row per iteration.

    Returns
    -------
    LogReport
        A `Report` whose findings each have `details` with `line`, `iteration`, `run`, the `evidence` (lines of the
        log) and the `next` command to run. `runs` and `series` have what the log shows.

    Raises
    ------
    SourceMissing, SourceUnreadable
        There is no such file, or it cannot be read.
    SourceUnknown
        No line of it is one of Caffe's.
    ReportFailed, UsageError
        A report cannot be written.

    Examples
    --------
    >>> report = read_log("train.log")                              # doctest: +SKIP
    >>> [(it.code, it.details["iteration"]) for it in report.findings]  # doctest: +SKIP
    [('learning-rate', 0)]
    """
    with Reports(reports, sources_of([str(path)]), LOG_REPORTS) as files:
        report = read_into(str(path), files, strict=strict)
        if report.interrupted:
            raise KeyboardInterrupt
    return report


def sources_of(paths: Sequence[str]) -> list[str]:
    """Return the paths other than standard input: files that no report may overwrite."""
    return [path for path in paths if path != STANDARD_INPUT]


def read_into(path: str, files: Reports, *, strict: bool) -> LogReport:
    """Read one log, and give its points to the report files as they come and its findings at the end.

    If the reading is interrupted, the report has what was found until then, and says that it is `interrupted`.
    """
    began = time.monotonic()
    report = LogReport(Source(path, "log"), Settings(checks=tuple(FAILURE_MODES), strict=strict))
    handle = files.begin(report)
    tables: list[SeriesSink] = []
    files.each(lambda sink: tables.append(sink) if isinstance(sink, SeriesSink) else None)

    def listen(point: SeriesPoint) -> None:
        files.each(lambda sink: sink.point(report, point) if isinstance(sink, SeriesSink) else None)

    try:
        lines, parser = _read(report, Interleaved(listen if tables else None, report.finish))
        report.close(lines.size, parser.lines, time.monotonic() - began)
    except DatacheckError:
        files.withdraw(report)  # there is nothing to report
        raise
    except BaseException as exc:
        report.tally.complete = False
        report.interrupted |= isinstance(exc, KeyboardInterrupt)
        raise
    findings = iter(report.findings)
    while batch := list(islice(findings, 1000)):
        handle(batch)
    return report


def _read(report: LogReport, runs: Interleaved) -> tuple[Lines, events.Parser]:
    """Read a log to its end, or until it is interrupted. Raises SourceUnknown if it is not a log of Caffe."""
    path = report.source.path
    with open_log(path) as file:
        lines, parser = Lines(file, path), events.Parser()
        try:
            _handle_events(lines, parser, runs.handle)
        except KeyboardInterrupt:
            report.interrupted = True
        runs.end()
    if not parser.recognised and not report.interrupted:
        raise SourceUnknown(path, _why_no_log(lines))
    return lines, parser


def _handle_events(lines: Lines, parser: events.Parser, handle: Callable[[events.Event], None]) -> None:
    """Handle every event of a log, unless too much of it has no line of Caffe's."""
    for block in lines:
        with interrupts_deferred():  # an interrupt leaves no run with half an event
            for event in parser.events(block):
                handle(event)
        if not parser.recognised and lines.size > FOREIGN:
            return
    for event in parser.last(lines.cut) if lines.cut else ():
        handle(event)


def _why_no_log(lines: Lines) -> str:
    if not lines.size:
        return "is empty"
    if lines.binary:
        return "is binary, not a log of Caffe"
    return "is not a log of Caffe: no line of it is one that Caffe writes"
