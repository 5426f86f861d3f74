"""Write reports as JSON and as JSON lines."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import msgspec

from datacheck.model.finding import Finding
from datacheck.reporting.document import SCHEMA_OF_MANY
from datacheck.reporting.marks import Mark, Reached
from datacheck.reporting.source import NotScanned
from datacheck.reporting.statuses import status_of

if TYPE_CHECKING:
    from datacheck.reporting.report import Report


class JsonSink:
    """A JSON document, written at the end; findings are streamed from the reports, never held in memory."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def add(self, report: Report, findings: Collection[Finding]) -> None:
        """Do nothing: the counts come before the findings, so everything is written at the end."""

    def finish(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> None:
        self._file.writelines(json_document(reports, not_scanned))
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
            self._file.write(encoded(mark) + "\n")
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
        source = encoded(report.source.path)
        for finding in findings:
            line = f'{{"source":{source},{encoded(finding)[1:]}\n'
            self._check = zlib.crc32(line.encode(), self._check)
            self._file.write(line)
        self._file.flush()

    def finish(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> None:
        pieces = (
            piece.replace("\n", "") for piece in _stream_reports(reports, not_scanned, findings=False)
        )  # all of it is one line
        self._file.writelines(pieces)
        self._file.write("\n")


def json_document(reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> Iterator[str]:
    """Yield, piece by piece, the JSON document of one report or of several.

    One report of a run that could not open another source is in a document of several, which names that source.
    """
    return _stream_reports(reports, not_scanned, findings=True)


def _stream_reports(reports: Sequence[Report], not_scanned: Sequence[NotScanned], *, findings: bool) -> Iterator[str]:
    if len(reports) == 1 and not not_scanned:
        yield from _stream_report(reports[0], findings=findings)
        return
    status = status_of(reports, not_scanned)
    yield f'{{"schema":{encoded(SCHEMA_OF_MANY)},"status":{status},"clean":{encoded(status == 0)}'
    yield f',"not_scanned":{encoded(not_scanned)},"reports":[' if not_scanned else ',"reports":['
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
        yield f"{',' if number else '{'}{encoded(name)}:"
        if name not in lists:
            yield encoded(getattr(document, name))
            continue
        yield "["
        for place, item in enumerate(lists[name]):
            yield f"{',' if place else ''}\n{encoded(item)}"
        yield "]"
    yield "}"


def encoded(value: object) -> str:
    """Return the JSON of a value, also of one with the name of a file that is not UTF-8."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
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
