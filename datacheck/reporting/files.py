"""Write report files in the format of their suffix: JSON, JSON lines and CSV here, the others by their own modules."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Protocol

import msgspec

from datacheck.errors import ClusterFailed, ReportFailed, UsageError
from datacheck.files.guard import Guard
from datacheck.files.output import Output, writing
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.reporting.ci.junit import JUnitSink
from datacheck.reporting.ci.markdown import MarkdownSink
from datacheck.reporting.ci.sarif import SarifSink
from datacheck.reporting.document import SCHEMA_OF_MANY
from datacheck.reporting.earlier import JSON, JSON_LINES
from datacheck.reporting.marks import Earlier, Journal, Mark, Reached
from datacheck.reporting.page import PAGE
from datacheck.reporting.page.sink import HtmlSink

if TYPE_CHECKING:
    from datacheck.reporting.report import Report
from datacheck.reporting.samples import Room


class Sink(Protocol):
    """A report file. It receives findings while a scan runs, and the finished reports at the end."""

    def add(self, report: Report, findings: Collection[Finding]) -> None: ...

    def finish(self, reports: Sequence[Report]) -> None: ...


class JsonSink:
    """A JSON document, written at the end; findings are streamed from the reports, never held in memory."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def add(self, report: Report, findings: Collection[Finding]) -> None:
        """Do nothing: the counts come before the findings, so everything is written at the end."""

    def finish(self, reports: Sequence[Report]) -> None:
        self._file.writelines(json_document(reports))
        self._file.write("\n")


class JsonLinesSink:
    """JSON lines: one finding a line, with its source, as findings come; the last line is the summary.

    While the file grows, it also receives marks; a finished report is written again without them. What arrives while
    the sink is `silent` is in the file already.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.marked = self.reached = self.silent = False
        self._check = 0

    def mark(self, mark: Mark) -> None:
        """Append a mark, unless the sink is silent."""
        if not self.silent:
            if isinstance(mark, Reached):
                mark = msgspec.structs.replace(mark, lines=self._check)
                self.reached = True
            self._file.write(_json(mark) + "\n")
            self._file.flush()
            self._check, self.marked = 0, True

    def go_on(self, end: int) -> None:
        """Truncate the file at `end`, where the last mark ends, and continue from there."""
        self._file.seek(end)
        self._file.truncate()
        self._check, self.silent = 0, False

    def add(self, report: Report, findings: Collection[Finding]) -> None:
        if self.silent:
            return
        source = _json(report.source.path)
        for finding in findings:
            line = f'{{"source":{source},{_json(finding)[1:]}\n'
            self._check = zlib.crc32(line.encode(), self._check)
            self._file.write(line)
        self._file.flush()

    def finish(self, reports: Sequence[Report]) -> None:
        pieces = (
            piece.replace("\n", "") for piece in _stream_reports(reports, findings=False)
        )  # all of it is one line
        self._file.writelines(pieces)
        self._file.write("\n")


_FORMULA = re.compile(r"""((?:^|;)["' ]*)([\t\r\n]|[=+\-@\uff1d\uff0b\uff0d\uff20])""")
"""Text that a spreadsheet may take for the start of a formula: at the start of a cell, and after a semicolon.

The semicolon separates cells in locales that write numbers with a comma, whatever quotes are around the text.
"""


def as_name(cell: str) -> str:
    r"""Return an escaped name that is no formula: characters that might begin one are escaped too.

    `unescape` undoes it.

    >>> print(as_name("=1+1;-1"))
    \x3d1+1;\x2d1
    """
    return _FORMULA.sub(lambda match: match[1] + "".join(f"\\x{byte:02x}" for byte in match[2].encode()), cell)


def as_text(cell: str) -> str:
    """Return a text that is no formula: an apostrophe, which marks text in spreadsheets, precedes what might begin one.

    Each sign that might begin a formula gets one, even if it has some already, so that removing one undoes it.

    >>> print(as_text("=1; -1 - 1"))
    '=1; '-1 - 1
    """
    return _FORMULA.sub(r"\1'\2", cell)


def as_json(cell: str) -> str:
    r"""Return JSON that is no formula: the signs that might begin one are written as JSON escapes.

    >>> print(as_json('{"field":"a;=1"}'))
    {"field":"a;\u003d1"}
    """
    return _FORMULA.sub(lambda match: f"{match[1]}\\u{ord(match[2]):04x}", cell)


def table(file: IO[str]) -> Any:
    """Return a CSV writer that quotes texts, but not numbers."""
    import csv  # imported here, since few reports are tables

    return csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)


class CsvSink:
    """CSV, one row per finding; `key` is the name that `show` takes, with file and database; `details` is JSON."""

    COLUMNS = ("source", "file", "database", "key", "index", "field", "code", "verdict", "message", "details")

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._writer = table(file)
        self._writer.writerow(self.COLUMNS)

    def add(self, report: Report, findings: Collection[Finding]) -> None:
        source = as_text(plain(report.source.path))
        for it in findings:
            names = [as_name(it.file or ""), as_name(it.database or ""), None if it.name is None else as_name(it.name)]
            columns = [None if it.field is None else as_text(it.field), it.code, it.verdict, as_text(it.message)]
            self._writer.writerow([source, *names, it.index, *columns, as_json(_json(it.details))])
        self._file.flush()

    def finish(self, reports: Sequence[Report]) -> None:
        """Do nothing: a table of findings has no summary."""


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


def json_document(reports: Sequence[Report]) -> Iterator[str]:
    """Yield, piece by piece, the JSON document of one report or of several."""
    return _stream_reports(reports, findings=True)


def _stream_reports(reports: Sequence[Report], *, findings: bool) -> Iterator[str]:
    if len(reports) == 1:
        yield from _stream_report(reports[0], findings=findings)
        return
    yield f'{{"schema":{_json(SCHEMA_OF_MANY)},"reports":['
    for number, report in enumerate(reports):
        yield "," if number else ""
        yield from _stream_report(report, findings=findings)
    yield "]}"


def _stream_report(report: Report, *, findings: bool) -> Iterator[str]:
    lists: dict[str, Iterable[object]] = dict(report.long_lists)
    if findings:
        lists["findings"] = report.findings
    return streamed(report.document(findings=False), lists)


def streamed(document: msgspec.Struct, lists: Mapping[str, Iterable[object]]) -> Iterator[str]:
    """Yield the JSON of a document piece by piece; `lists` are fields too long to hold, written one item a line."""
    names = [it for it in document.__struct_fields__ if it in lists or getattr(document, it) is not msgspec.UNSET]
    for number, name in enumerate(names):
        yield f"{',' if number else '{'}{_json(name)}:"
        if name not in lists:
            yield _json(getattr(document, name))
            continue
        yield "["
        for place, item in enumerate(lists[name]):
            yield f"{',' if place else ''}\n{_json(item)}"
        yield "]"
    yield "}"


def _json(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # the name of a file that is not UTF-8
        return msgspec.json.encode(_encodable(msgspec.to_builtins(value))).decode()


def _encodable(value: Any) -> Any:
    r"""Return a value with `\xNN` for each byte of a file name that is not UTF-8."""
    if isinstance(value, dict):
        return {_encodable(name): _encodable(it) for name, it in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(it) for it in value]
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return value


class Reports:
    """The report files of one run, in the formats of their suffixes. Use as a context manager.

    `guard` says which files they must not be, or is a list of the paths that are read. A report file is replaced as a
    whole at the end. If a run fails, the earlier file stays; a run that is interrupted writes what it has. `resume` is
    one more file, which continues where an earlier run stopped and is replaced only by a finished report; `earlier` is
    what that run left. `unfinished` are the files that a later run can continue, and the names of their reports. Raises
    UsageError for an unknown suffix and for a file that must not be written, ReportFailed if one cannot be written.
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
        for path in (output.path for output in self._outputs):
            if path.suffix not in self._formats:
                raise UsageError(f"{path}: a report's name ends in one of {', '.join(self._formats)}")
        self._sinks: list[Sink] = []
        self._reports: list[Report] = []
        self._stack = ExitStack()
        self._showing = False
        self._room = Room()

    def __enter__(self) -> Reports:
        with ExitStack() as stack:
            for output in self._outputs:
                stack.enter_context(output)
                with writing(output.path):
                    self._sinks.append(self._formats[output.path.suffix](output.file))
            self._read_earlier(stack)
            self._stack = stack.pop_all()
        return self

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
                if output is self._resuming and self._cut_short:
                    continue
                with writing(output.path):
                    self._sink(place).finish(self._reports)
                output.publish()
                if not output.leaves:
                    self.unfinished.pop(output.growing, None)
            except ReportFailed as exc:
                failed.append(exc)
        if failed:
            raise failed[0]


def save(path: str | Path, reports: Sequence[Report]) -> None:
    """Write finished reports to a file, in the format of its suffix. Raises as `Reports` does."""
    with Reports([path], [it.source.path for it in reports]) as files:
        for report in reports:
            files.begin(report)(report.findings)
