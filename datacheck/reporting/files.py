"""Write the report files of a run, in the formats of their suffixes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Protocol

from datacheck.errors import ClusterFailed, ReportFailed, UsageError
from datacheck.files.deferring import interrupts_deferred
from datacheck.files.guard import Guard
from datacheck.files.output import Output, writing
from datacheck.model.finding import Finding
from datacheck.reporting.ci.junit import JUnitSink
from datacheck.reporting.ci.markdown import MarkdownSink
from datacheck.reporting.ci.sarif import SarifSink
from datacheck.reporting.csv_files import CsvSink
from datacheck.reporting.earlier import JSON, JSON_LINES
from datacheck.reporting.json_files import JsonLinesSink, JsonSink
from datacheck.reporting.marks import Earlier, Journal
from datacheck.reporting.page import PAGE
from datacheck.reporting.page.sink import HtmlSink
from datacheck.reporting.samples import Room
from datacheck.reporting.source import NotScanned

if TYPE_CHECKING:
    from datacheck.reporting.report import Report


class Sink(Protocol):
    """A report file. It receives findings while a scan runs, and the finished reports at the end."""

    def add(self, report: Report, findings: Collection[Finding]) -> None: ...

    def finish(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned]) -> None: ...


REPORTS: dict[str, Callable[[IO[str]], Sink]] = {
    ".json": JsonSink,
    ".jsonl": JsonLinesSink,
    ".csv": CsvSink,
    PAGE: HtmlSink,
    ".xml": JUnitSink,
    ".sarif": SarifSink,
    ".md": MarkdownSink,
}
"""The formats of a report file, by its suffix."""
GROWS = ".jsonl"
"""Suffix of the format that is written while a scan runs, for people to look into."""
TOLD = (KeyboardInterrupt, OSError)
"""Exceptions that may end a run whose report is still written: an interrupt, or a closed standard output."""


class Reports:
    """The report files of one run, in the formats of their suffixes. Use as a context manager.

    `guard` says which files they must not be, or is a list of the paths that are read. A report file is replaced as a
    whole at the end. If a run fails, the earlier file stays; a run that is interrupted writes what it has. `resume` is
    one more file, which continues where an earlier run stopped and is replaced only by a finished report; `earlier` is
    what that run left. `planned` are the paths of all sources to be scanned, `not_scanned` those that were not: they
    could not be opened, or the run ended early. `unfinished` are the files that a later run can continue, and the names
    of their reports. Raises UsageError for an unknown suffix and for a file that must not be written, ReportFailed if
    one cannot be written.
    """

    def __init__(
        self,
        paths: Iterable[str | Path],
        guard: Guard | Sequence[str | Path],
        formats: Mapping[str, Callable[[IO[str]], Sink]] | None = None,
        resume: str | Path | None = None,
    ) -> None:
        self._formats = REPORTS if formats is None else formats
        guard = guard if isinstance(guard, Guard) else Guard(guard)
        self._outputs = [Output(path, guard, text=True, grows=Path(path).suffix == GROWS) for path in paths]
        self._resuming: Output | None = None
        if resume is not None:
            if Path(resume).suffix != GROWS:
                raise UsageError(f"{resume}: only a report whose name ends in {GROWS} can be resumed")
            self._resuming = Output(resume, guard, text=True, grows=True, resumes=True)
            self._outputs.insert(0, self._resuming)
        self.earlier: Earlier | None = None
        self.unfinished: dict[Path, Path] = {}
        self._journals = 0
        self.planned: Sequence[str] = ()
        self.not_scanned: list[NotScanned] = []
        self._ended_early = False
        for path in (output.path for output in self._outputs):
            if path.suffix not in self._formats:
                raise UsageError(f"{path}: a report's name ends in one of {', '.join(self._formats)}")
        self._sinks: list[Sink] = []
        self._reports: list[Report] = []
        self._stack = ExitStack()
        self._showing = False
        self._room = Room()

    def __enter__(self) -> Reports:
        try:
            with interrupts_deferred():
                self._stack = self._opened()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _opened(self) -> ExitStack:
        """Open every file, or none if one cannot be written; return what closes them."""
        with ExitStack() as stack:
            for output in self._outputs:
                stack.enter_context(output)
                with writing(output.path):
                    self._sinks.append(self._formats[output.path.suffix](output.file))
            self._read_earlier(stack)
            return stack.pop_all()

    def _read_earlier(self, stack: ExitStack) -> None:
        """Read what an earlier run left of the report that is resumed."""
        if self._resuming is None or not self._resuming.resumed:
            return
        self._resuming.keeps = True
        with writing(self._resuming.growing):
            self.earlier = Earlier(stack.enter_context(self._resuming.reading()))
        (resumed, *_) = self._marked()
        resumed.silent = True

    @property
    def resuming(self) -> str:
        """The path of the unfinished report that is resumed."""
        assert self._resuming is not None
        return str(self._resuming.growing)

    def _marked(self) -> list[JsonLinesSink]:
        return [sink for sink in self._sinks if isinstance(sink, JsonLinesSink)]

    def journal(self) -> Journal:
        """Return the journal that marks how far the scan of the next source gets."""
        marked: list[Any] = self._marked()
        self._journals += 1
        return Journal(self._journals - 1, marked, self.earlier, marked[0] if self.earlier is not None else None)

    @property
    def shows_records(self) -> bool:
        """Whether any of the files shows some of the records with findings."""
        return any(getattr(sink, "shows_records", False) for sink in self._sinks)

    def begin(self, report: Report) -> Callable[[Collection[Finding]], None]:
        """Register a report that is about to be filled; return the function to call with its findings."""
        self._reports.append(report)
        report.room = self._room
        report.shows_records |= self.shows_records
        report.by_file.keeps |= any(output.path.suffix in (JSON, JSON_LINES) for output in self._outputs)

        def listen(findings: Collection[Finding]) -> None:
            if findings:
                self.each(lambda sink: sink.add(report, findings))

        return listen

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Cover the display of results: if that fails, the files are still written, with what there is."""
        self._showing = True
        yield
        self._showing = False

    def withdraw(self, report: Report) -> None:
        """Leave out a report that was begun but has no result."""
        self._reports = [it for it in self._reports if it is not report]

    def end_early(self) -> None:
        """Name the planned sources that were not reached, since a report without them may look clean."""
        reached = Counter([it.source.path for it in self._reports] + [it.source for it in self.not_scanned])
        for source in self.planned:
            if reached[source]:
                reached[source] -= 1
            else:
                self._ended_early = True
                self.not_scanned.append(NotScanned(source, f"{source}: not reached: the run ended before its turn"))

    def each(self, do: Callable[[Sink], None]) -> None:
        """Call a function with the sink of every file. Raises ReportFailed if a file cannot be written."""
        for output, sink in zip(self._outputs, self._sinks, strict=True):
            with writing(output.path):
                do(sink)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            lost = isinstance(error, ClusterFailed)
            self._keep_unfinished(failed=not lost and error is not None and not isinstance(error, TOLD), lost=lost)
            if self._reports and (error is None or self._showing or isinstance(error, TOLD)):
                if error is not None:
                    self.end_early()
                self._publish()

    @property
    def _cut_short(self) -> bool:
        return any(report.cut_short for report in self._reports)

    def _keep_unfinished(self, *, failed: bool, lost: bool) -> None:
        """Keep the files that a later run can continue, if this one does not reach its end.

        A run that failed keeps the file that it was told to resume, and no other. A run that `lost` the cluster keeps
        all of them.
        """
        for output, sink in zip(self._outputs, self._sinks, strict=True):
            if not isinstance(sink, JsonLinesSink) or not (sink.reached or output.resumed):
                continue
            output.keeps = output is self._resuming
            output.leaves = not output.keeps and not failed and (lost or self._cut_short)
            if output.keeps or output.leaves:
                self.unfinished[output.growing] = output.path

    def _sink(self, place: int) -> Sink:
        """Return the sink of a file; begin the file again if findings were revised since, or lie between marks."""
        output, sink = self._outputs[place], self._sinks[place]
        marked = isinstance(sink, JsonLinesSink) and (sink.marked or output.resumed)
        if not marked and not any(report.revised for report in self._reports):
            return sink
        if marked:
            output.begin_anew()
        else:
            output.file.seek(0)
            output.file.truncate()
        new_sink = self._formats[output.path.suffix](output.file)
        for report in self._reports:
            new_sink.add(report, report.findings)
        return new_sink

    def _publish(self) -> None:
        """Finish every file; a file that cannot be written does not prevent the others."""
        failed: list[ReportFailed] = []
        places = range(len(self._outputs))
        for place in sorted(places, key=lambda it: self._outputs[it].path.suffix == PAGE):  # no file waits for a page
            output = self._outputs[place]
            try:
                if output is self._resuming and (self._cut_short or self._ended_early):
                    continue
                with writing(output.path):
                    sink = self._sink(place)
                    sink.finish(self._reports, self.not_scanned)
                output.publish()
                if not output.leaves:
                    self.unfinished.pop(output.growing, None)
            except ReportFailed as exc:
                failed.append(exc)
        if failed:
            raise failed[0]


def save(path: str | Path, reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> None:
    """Write finished reports to a file, in the format of its suffix. Raises as `Reports` does."""
    with Reports([path], [it.source.path for it in reports]) as files:
        files.not_scanned += not_scanned
        for report in reports:
            files.begin(report)(report.findings)
