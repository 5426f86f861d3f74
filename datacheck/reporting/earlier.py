"""Read the report of an earlier scan, .json or .jsonl, without holding its findings in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any, BinaryIO, NamedTuple

import msgspec

from datacheck.errors import UsageError
from datacheck.files.regular import open_regular
from datacheck.model.finding import Finding
from datacheck.reporting.document import SCHEMA_OF_MANY, Document, Documents
from datacheck.reporting.printable import printable, printable_document
from datacheck.reporting.source import NotScanned

LONGEST_LINE = 1 << 30
"""Maximum size of a line, and of a report without its findings, in bytes."""
JSON, JSON_LINES = ".json", ".jsonl"
_FINDINGS_START = b'"findings":[\n'


class Brief(msgspec.Struct):
    """The part of a finding that is read; `source` is the path of its source, if its line in a .jsonl file has it."""

    code: str
    key: str | None = None
    field: str | None = None
    verdict: str = ""
    message: str = ""
    database: str | None = None
    file: str | None = None
    source: str | None = None


class Line(Finding, kw_only=True, omit_defaults=True, frozen=True):
    """A finding, and the path of its source, if its line in a .jsonl file has it."""

    source: str | None = None


Place = int | str
"""Which of several reports a finding belongs to: its number, or the path of its source."""
Decoder = msgspec.json.Decoder[Any]
Take = Callable[[Place, Brief], None]
Read = Brief | Line


class Written(NamedTuple):
    """What a report file holds: the reports, whether it is of several sources, and those that were not scanned."""

    reports: list[Document]
    several: bool = False
    not_scanned: Sequence[NotScanned] = ()


Walk = Generator[tuple[Place, Read], None, Written]
"""Yields findings, returns the reports without them."""


def ignore_finding(place: Place, brief: Brief) -> None:
    """Ignore a finding."""


def read(path: Path, take: Take = ignore_finding) -> Written:
    """Return what a file holds except its findings, and pass these to `take` one by one. Raises as `walk`."""
    walking = walk(path)
    while True:
        try:
            place, brief = next(walking)
        except StopIteration as end:
            written: Written = end.value
            return written
        assert isinstance(brief, Brief)
        take(place, brief)


def walk(path: Path, *, whole: bool = False) -> Walk:
    """Yield the findings of one or several reports, `whole` or in brief; return the reports without them.

    In brief, the reports are also without the findings that are gone.

    Raises UsageError if the file cannot be read, or is not a complete report of datacheck.
    """
    if path.suffix not in (JSON, JSON_LINES):
        raise UsageError(f"{path}: only reports whose names end in {JSON} or {JSON_LINES} can be read again")
    try:
        with open_regular(path) as file:
            decoder = _line_decoder if whole else _brief_decoder
            raw = yield from _lines(file, decoder) if path.suffix == JSON_LINES else _document(file, decoder)
        written = decoded(raw)
    except OSError as exc:
        raise UsageError(f"{path}: could not be read: {exc.strerror}") from exc
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise UsageError(f"{path}: is not the whole report of a scan: {exc}") from exc
    for number, document in enumerate(written.reports):
        if isinstance(document.findings, list):  # written by another program, in a layout of its own
            for finding in document.findings:
                fields = msgspec.to_builtins(finding)
                yield number, msgspec.convert(fields, Line) if whole else msgspec.convert(fields, Brief)
    left_out = {"findings": msgspec.UNSET} if whole else {"findings": msgspec.UNSET, "gone": msgspec.UNSET}
    return written._replace(reports=[msgspec.structs.replace(it, **left_out) for it in written.reports])


def decoded(raw: bytes) -> Written:
    """Return what a document holds. Raises msgspec.DecodeError."""
    if f'"{SCHEMA_OF_MANY}"'.encode() in raw[:200]:
        of_run = msgspec.json.decode(raw, type=Documents)
        reports = [printable_document(it) for it in of_run.reports]
        return Written(reports, several=True, not_scanned=of_run.not_scanned or ())
    return Written([printable_document(msgspec.json.decode(raw, type=Document))])


_brief_decoder: Decoder = msgspec.json.Decoder(Brief)
_line_decoder: Decoder = msgspec.json.Decoder(Line)


def _decode_finding(decoder: Decoder, raw: bytes | str) -> Read:
    """Return a decoded finding; a brief one is only compared, so its text is not made printable."""
    finding: Read = decoder.decode(raw)
    return printable(finding) if isinstance(finding, Line) else finding


def _lines(file: BinaryIO, decoder: Decoder) -> Generator[tuple[Place, Read], None, bytes]:
    """Yield the findings, one a line; return the last line, which is the summary."""
    before: bytes | None = None
    for line in _read_lines(file):
        if before is not None:
            finding = _decode_finding(decoder, before)
            yield finding.source or "", finding
        before = line
    return before or b""


def _document(file: BinaryIO, decoder: Decoder) -> Generator[tuple[Place, Read], None, bytes]:
    """Yield the findings if they are a line each, as datacheck writes them; return the document without these."""
    rest: list[bytes] = []
    size, number = 0, -1
    within = False
    for line in _read_lines(file):
        if within and line.endswith(b"},\n"):
            yield number, _decode_finding(decoder, line[:-2])
            continue
        if within:
            text = line.decode()
            _, end = json.JSONDecoder().raw_decode(text)
            yield number, _decode_finding(decoder, text[:end])
            line, within = text[end:].encode(), False
        size += len(line)
        if size > LONGEST_LINE:
            raise ValueError("it is too large")
        if line.endswith(_FINDINGS_START):
            number, within = number + line.count(b'"findings":['), True
        elif b'"findings":[' in line:
            number += line.count(b'"findings":[')
        rest.append(line)
    return b"".join(rest)


def _read_lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise ValueError("it has a line that is too long")
        yield line


def place_of(documents: Sequence[Document], path: str, *, alone: bool) -> int | None:
    """Return the number of the earlier report about a source, or None if there is none.

    It is the only report about a source with this path, or else with the last name of this path. If a single source is
    scanned (`alone`), the only report is about that source, wherever either lies.
    """
    if alone and len(documents) == 1:
        return 0
    for name in (str, lambda it: PurePath(it).name):
        numbers = [number for number, it in enumerate(documents) if name(it.source.path) == name(path)]
        if len(numbers) == 1:
            return numbers[0]
    return None
