"""Render reports: text for a person, JSON, JSON lines and CSV for programs."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol

import msgspec

from datacheck.backends import BACKENDS, title
from datacheck.decoders import DECODERS
from datacheck.errors import ReportFailed, UsageError
from datacheck.files.guard import Guard
from datacheck.files.output import Output, writing
from datacheck.label_balance import sentence
from datacheck.model import VERDICTS, Finding, plain
from datacheck.report import SCHEMA_OF_MANY, Report

EXAMPLES = 3
"""Named examples of each code in the text summary."""
MESSAGE_WIDTH = 100


def text(report: Report) -> str:
    """Return the summary that a person reads in five seconds: what it is, what is wrong, what to do next."""
    config = report.settings.config
    said = [] if config is None else [config.sentence]
    lines = [*_layer(report), _headline(report), *said, _verdict(report), *_examples(report)]
    if report.balance is not None:
        lines.append(f"  {sentence(report.balance)}")
    return "\n".join(lines)


def advice(report: Report, written: Sequence[str | Path]) -> str | None:
    """Return the lines that say where the full report is and what to run next; None when there is nothing to do."""
    findings = len(report.findings)
    if not findings:
        return None
    path = shell(report.source.path)
    named = ", ".join(shell(str(file)) for file in written)
    every = f"all {_count(findings, 'finding')}"
    again = path if report.layer is None else f"--net {shell(report.layer.net)}"
    lines = [f"{every}: {named}" if named else f"{every}: datacheck scan {again} --report report.json"]
    row = BACKENDS.get(report.source.backend)
    if row is None or (report.layer is not None and not report.tally.records):
        return lines[0]
    key = next(report.bad_keys(), None)
    if key is not None:
        lines.append(f"look at one: datacheck show {path} {shell(key)}")
    if row.copier and report.bad and report.complete and (report.layer is None or key is not None):
        rest = "" if report.layer is None else f" --from-report {_json_report(written)}"
        lines.append(f"a clean copy: datacheck rebuild {path} {shell(_beside(report.source.path))} --drop-bad{rest}")
    return "\n".join(lines)


def _json_report(written: Sequence[str | Path]) -> str:
    return next((shell(str(file)) for file in written if Path(file).suffix == ".json"), "report.json")


def _beside(path: str) -> str:
    """Return a name for a clean copy beside a source."""
    source = Path(path)
    return str(source.with_name(f"{source.stem}_clean{source.suffix}"))


def shell(word: str) -> str:
    """Return a word as a shell takes it, with nothing in it that is not printable."""
    return shlex.quote(plain(word))


def _headline(report: Report) -> str:
    source = report.source
    what = f" of {_contents(report)}" if _contents(report) else ""
    size = "" if source.bytes is None else f", {amount(source.bytes)}"
    checked = f"{report.checked:,} of " if report.settings.sample else ""
    rate = f" ({report.checked / report.seconds:,.0f} records/s)" if report.seconds and report.checked else ""
    return (
        f"{plain(source.path)}: {title(source.backend)}{what}, {checked}{_count(source.records or 0, 'record')}{size}, "
        f"{report.seconds:.1f} s{rate}"
    )


def _contents(report: Report) -> str:
    """Say what most records are, in a few words: the first field of the largest family."""
    families = [*report.profile.families.values(), *([report.profile.rest] if report.profile.rest else [])]
    families = [family for family in families if family.fields]
    if not families:
        return ""
    family = max(families, key=lambda family: family.sampled)
    name = "data" if "data" in family.fields else next(iter(family.fields))
    field = family.fields[name]
    shape = "of several sizes" if field.shape is None else "x".join(map(str, field.shape))
    kind = DECODERS[family.decoder].title.format(field=name)
    if report.source.backend == "image-list":  # there the Datum is made on the way
        kind = "pictures"
    return plain(" ".join(word for word in (kind, field.format, shape, field.dtype) if word))


def _layer(report: Report) -> Iterator[str]:
    """Say which layer of a network reads the source, if one does."""
    layer = report.layer
    if layer is None:
        return
    classes = f", {layer.classes} classes of {layer.classifier}" if layer.classes is not None else ""
    yield plain(
        f"{layer.net}:{layer.line}: layer {layer.name} ({layer.type}, {' and '.join(layer.phases)}), "
        f"tops {', '.join(layer.tops)}, batches of {layer.batch_size}{classes}"
    )
    if layer.beside:
        yield "(found beside the prototxt; Caffe looks for it from where the training is started)"


def _verdict(report: Report) -> str:
    counts = [
        (report.bad, "bad"),
        (report.unverifiable, "unverifiable"),
        (report.suspicious, "suspicious"),
    ]
    said = ", ".join(f"{count:,} {word}" for count, word in counts if count) or "nothing wrong"
    state = {0: "clean", 1: "NOT CLEAN", 3: "UNDECIDED"}[report.status]
    tolerated = f" ({report.settings.max_bad} bad tolerated)" if report.settings.max_bad and report.bad else ""
    incomplete = "" if report.complete else "; INCOMPLETE: not every record was reached"
    return f"{state}: {said}{tolerated}{incomplete}"


def _examples(report: Report) -> Iterator[str]:
    """Yield for each code how often it was found and the first few findings; reads no more findings than it needs."""
    shown: dict[tuple[str, str], list[Finding]] = {}
    wanted = sum(min(count, EXAMPLES) for count in report.counts.values())
    for finding in report.findings:
        examples = shown.setdefault((finding.verdict, finding.code), [])
        if len(examples) < EXAMPLES:
            examples.append(finding)
            wanted -= 1
            if not wanted:
                break
    order = sorted(shown, key=lambda it: (VERDICTS.index(it[0]), -report.counts[it[1]], it[1]))
    for verdict, code in order:
        examples = shown[verdict, code]
        yield f"  {code} ({verdict}): {report.counts[code]:,}"
        said = None
        for finding in examples:
            yield f"    {_name(finding)}{_cut(finding.message)}"
            if finding.details.get("caffe") != said:
                said = finding.details["caffe"]
                yield f"      Caffe {said}"
        if code == "internal-error":
            yield "    please report this, with the traceback that --report FILE.json has in its details"
        more = report.counts[code] - len(examples)
        if more > 0:
            yield f"    and {more:,} more"


def _name(finding: Finding) -> str:
    """Return what a finding is about, ready to stand before its message; nothing for the store as a whole."""
    whose = "".join(f"{part}: " for part in (finding.file, finding.database) if part)
    key = "" if finding.key is None else f"{finding.key}  "
    field = "" if finding.field is None else f"{finding.field}: "
    return f"{whose}{key}{field}"


def _cut(message: str) -> str:
    return message if len(message) <= MESSAGE_WIDTH else message[: MESSAGE_WIDTH - 3] + "..."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def amount(size: int) -> str:
    """Return a number of bytes as a person reads it."""
    number = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


class Sink(Protocol):
    """One report file: told of findings while a scan runs, and of the finished reports at the end."""

    def add(self, report: Report, findings: Collection[Finding]) -> None: ...

    def finish(self, reports: Sequence[Report]) -> None: ...


class JsonSink:
    """One document, written at the end: findings are streamed from the reports, never held."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def add(self, report: Report, findings: Collection[Finding]) -> None:
        """Wait for the end: the counts come before the findings."""

    def finish(self, reports: Sequence[Report]) -> None:
        self._file.writelines(json_document(reports))
        self._file.write("\n")


class JsonLinesSink:
    """One finding a line, with its source, as they come; the last line is the summary."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def add(self, report: Report, findings: Collection[Finding]) -> None:
        source = _json(report.source.path)
        self._file.writelines(f'{{"source":{source},{_json(finding)[1:]}\n' for finding in findings)
        self._file.flush()

    def finish(self, reports: Sequence[Report]) -> None:
        documents = [report.document(findings=False) for report in reports]
        last = documents[0] if len(documents) == 1 else {"schema": SCHEMA_OF_MANY, "reports": documents}
        self._file.write(_json(last) + "\n")


FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What makes a spreadsheet take a cell for a formula when it begins with this."""


def as_name(cell: str) -> str:
    r"""Return an escaped name as a cell that is no formula: its first character escaped too, so `unescape` undoes it.

    >>> print(as_name("=1+1"))
    \x3d1+1
    """
    return "".join(f"\\x{byte:02x}" for byte in cell[0].encode()) + cell[1:] if cell.startswith(FORMULA) else cell


def as_text(cell: str) -> str:
    """Return a text as a cell that is no formula: behind an apostrophe, which spreadsheets take for "this is text"."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


class CsvSink:
    """One row a finding; `details` is JSON."""

    COLUMNS = ("source", "file", "database", "key", "index", "field", "code", "verdict", "message", "details")

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._writer = csv.writer(file)
        self._writer.writerow(self.COLUMNS)

    def add(self, report: Report, findings: Collection[Finding]) -> None:
        source = as_text(plain(report.source.path))
        for it in findings:
            names = [as_name(it.file or ""), as_name(it.database or ""), None if it.key is None else as_name(it.key)]
            said = [None if it.field is None else as_text(it.field), it.code, it.verdict, as_text(it.message)]
            self._writer.writerow([source, *names, it.index, *said, as_text(_json(it.details))])
        self._file.flush()

    def finish(self, reports: Sequence[Report]) -> None:
        """There is nothing to add: a table of findings has no summary."""


REPORTS: dict[str, Callable[[IO[str]], Sink]] = {".json": JsonSink, ".jsonl": JsonLinesSink, ".csv": CsvSink}
"""The formats of a report file, by its suffix."""
GROWS = ".jsonl"
"""The format that people look into while a scan runs."""
TOLD = (KeyboardInterrupt, OSError)
"""What may end a run whose report is written all the same: an interrupt, or standard output that nobody takes."""


def json_document(reports: Sequence[Report]) -> Iterator[str]:
    """Yield, piece by piece, the JSON document of one report or of several."""
    if len(reports) == 1:
        yield from _one(reports[0])
        return
    yield f'{{"schema":{_json(SCHEMA_OF_MANY)},"reports":['
    for number, report in enumerate(reports):
        yield "," if number else ""
        yield from _one(report)
    yield "]}"


def _one(report: Report) -> Iterator[str]:
    return streamed(report.document(findings=False), {"findings": report.findings, **report.long_lists})


def streamed(document: msgspec.Struct, lists: Mapping[str, Iterable[object]]) -> Iterator[str]:
    """Yield the JSON of a document piece by piece; some of its fields are lists too long to hold, one item a line."""
    said = [it for it in document.__struct_fields__ if it in lists or getattr(document, it) is not msgspec.UNSET]
    for number, name in enumerate(said):
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
    r"""Return a value with `\xNN` for each byte of a file's name that is no UTF-8."""
    if isinstance(value, dict):
        return {_encodable(name): _encodable(it) for name, it in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(it) for it in value]
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return value


class Reports:
    """The report files of one run, whose suffixes pick their formats. Use as a context manager.

    `guard` says what they must not be, or which paths are read. A report file is replaced whole at the end; a run that
    fails leaves what lay there, one that is interrupted writes what it has. Raises UsageError for a suffix that no
    format has and for a file that must not be written; ReportFailed where one cannot be written.
    """

    def __init__(
        self,
        paths: Iterable[str | Path],
        guard: Guard | Sequence[str | Path],
        formats: Mapping[str, Callable[[IO[str]], Sink]] | None = None,
    ) -> None:
        self._formats = REPORTS if formats is None else formats
        guard = guard if isinstance(guard, Guard) else Guard(guard)
        self._outputs = [Output(path, guard, text=True, grows=Path(path).suffix == GROWS) for path in paths]
        for path in (output.path for output in self._outputs):
            if path.suffix not in self._formats:
                raise UsageError(f"{path}: a report's name ends in one of {', '.join(self._formats)}")
        self._sinks: list[Sink] = []
        self._reports: list[Report] = []
        self._stack = ExitStack()

    def __enter__(self) -> Reports:
        with ExitStack() as stack:
            for output in self._outputs:
                stack.enter_context(output)
                with writing(output.path):
                    self._sinks.append(self._formats[output.path.suffix](output.file))
            self._stack = stack.pop_all()
        return self

    def begin(self, report: Report) -> Callable[[Collection[Finding]], None]:
        """Take a report that is about to be filled; return what is to hear its findings."""
        self._reports.append(report)

        def listen(findings: Collection[Finding]) -> None:
            if findings:
                self.each(lambda sink: sink.add(report, findings))

        return listen

    def withdraw(self, report: Report) -> None:
        """Leave out a report that was begun and came to nothing."""
        self._reports = [it for it in self._reports if it is not report]

    def each(self, do: Callable[[Sink], None]) -> None:
        """Have every file's sink do something. Raises ReportFailed where one cannot be written."""
        for output, sink in zip(self._outputs, self._sinks, strict=True):
            with writing(output.path):
                do(sink)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if self._reports and (error is None or isinstance(error, TOLD)):
                self._publish()

    def _publish(self) -> None:
        """Finish every file; one that cannot be written keeps none of the others from it."""
        failed: list[ReportFailed] = []
        for output, sink in zip(self._outputs, self._sinks, strict=True):
            try:
                with writing(output.path):
                    sink.finish(self._reports)
                output.publish()
            except ReportFailed as exc:
                failed.append(exc)
        if failed:
            raise failed[0]
