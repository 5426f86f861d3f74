"""Shared parts of the formats for continuous integration, which are written at the end with limited findings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import IO, TYPE_CHECKING

from datacheck.model.codes import VERDICTS
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.reporting.source import NotScanned

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

BOUNDED = frozenset({".xml", ".sarif", ".md"})
"""The formats of report files that need not contain every finding."""
LONGEST = 1000
"""Maximum length of a finding's text, in characters; a key may have millions."""
ERROR, WARNING, NOTICE = LEVELS = ("error", "warning", "notice")


class WrittenAtEnd:
    """A sink for a format that begins with what is known only at the end."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def add(self, report: Report, findings: Collection[Finding]) -> None:
        """Do nothing: the report has all findings at the end."""

    def finish(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> None:
        self._file.writelines(self.pieces(reports, not_scanned))

    def pieces(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned]) -> Iterator[str]:
        """Yield the document piece by piece."""
        raise NotImplementedError


def finding_count(reports: Sequence[Report]) -> int:
    """Return the number of all findings."""
    return sum(len(report.findings) for report in reports)


def worst_first(reports: Sequence[Report], limit: int) -> Iterator[tuple[Report, Finding]]:
    """Yield at most `limit` findings, each with its report: all in source order, or the worst if there are more."""
    many = finding_count(reports) > limit
    for verdicts in [(it,) for it in VERDICTS] if many else [VERDICTS]:
        for report in reports:
            for finding in report.findings.where(verdict=verdicts):
                if not limit:
                    return
                limit -= 1
                yield report, finding


def level_of(report: Report, finding: Finding) -> str:
    """Return how much a finding matters: an error counts as bad, a warning leaves the run undecided."""
    if finding.verdict == "bad" or (finding.verdict == "suspicious" and report.settings.strict):
        return ERROR
    return WARNING if finding.verdict == "unverifiable" else NOTICE


def file_of(report: Report, finding: Finding) -> str:
    """Return the path of the file that a finding is about; a file of a list or a folder lies in it, or below it."""
    path = report.source.path
    if finding.file is None or report.source.backend == "prototxt":
        return finding.file or path
    return f"{path}/{finding.file}"


def line_of(finding: Finding) -> int:
    """Return the line of a text file that a finding is about, or 1 for anything else."""
    line = finding.details.get("line")
    return line if isinstance(line, int) and line > 0 else 1


def one_line(finding: Finding, *, placed: bool = True) -> str:
    """Return a finding as one line: the record, the field, the message; a longer one is cut.

    That of a prototxt or a log has its line, unless the place is given elsewhere (`placed` is False), and the fix.
    """
    line = finding.details.get("line")
    if isinstance(line, int) and (finding.key is None or "layer" in finding.details):
        place = f"{finding.file}:{line}: " if finding.file else f"line {line}: "
        layer = "" if finding.key is None else f"layer {finding.key!r}: "
        fix = f"; fix: {finding.details['fix']}" if "fix" in finding.details else ""
        return cut(plain(f"{place if placed else ''}{layer}{finding.message}{fix}"))
    record = "" if finding.key is None else f"{cut(finding.name or '', LONGEST // 2)}: "
    field = "" if finding.field is None else f"{finding.field}: "
    return cut(plain(f"{record}{field}{finding.message}"))


def cut(text: str, limit: int = LONGEST) -> str:
    """Return a text cut to at most `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def verdict_of(report: Report) -> str:
    """Return the line with the verdict from a report's summary, or the path of its source if there is none."""
    lines = str(report).splitlines()
    return next((it for it in lines if VERDICT_LINE.match(it)), plain(report.source.path))


VERDICT_LINE = re.compile("(clean|NOT CLEAN|UNDECIDED|INTERRUPTED|compared|healthy|healthy so far|TROUBLE)(: | after )")
"""The beginning of the line of a summary that has the verdict; a path may begin with the same word."""
