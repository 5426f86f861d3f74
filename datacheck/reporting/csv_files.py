"""Write findings as CSV, in cells that no spreadsheet takes for formulas."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.reporting.ci.bounded import verdict_of
from datacheck.reporting.json_files import encoded
from datacheck.reporting.source import NotScanned

if TYPE_CHECKING:
    from datacheck.reporting.report import Report


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
    """Return a text that no spreadsheet takes for a formula: an apostrophe marks it as text.

    Each sign that might begin a formula gets an apostrophe before it, even if it has some already: to get the text
    back, remove one from each.

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


def incomplete(reports: Sequence[Report], not_scanned: Sequence[NotScanned]) -> Iterator[tuple[str, str]]:
    """Yield the cells of each source that was not scanned, or not to its end: its name, and a message that says so."""
    for report in reports:
        if not report.complete or report.partial:
            yield as_text(plain(report.source.path)), as_text(plain(f"not complete: {verdict_of(report)}"))
    for it in not_scanned:
        yield as_text(plain(it.source)), as_text(plain(f"not scanned: {it.message}"))


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
            self._writer.writerow([source, *names, it.index, *columns, as_json(encoded(it.details))])
        self._file.flush()

    def finish(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> None:
        """Write a row, with no code, for each source that was not scanned to its end: a table has no summary."""
        empty = [None] * (len(self.COLUMNS) - 3)
        for source, message in incomplete(reports, not_scanned):
            self._writer.writerow([source, *empty, message, None])
