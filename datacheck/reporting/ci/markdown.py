"""Markdown for the summary of a job: what is wrong, a few records of each code, how to mend them; at most 1 MiB."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from datacheck.model.codes import CODES, VERDICTS
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.reporting.ci.bounded import WrittenAtEnd, cut, finding_count, one_line, verdict_of
from datacheck.reporting.source import NotScanned

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

MOST_BYTES = 1 << 20
"""Maximum size that GitHub accepts for a step's summary, in bytes."""
ROOM = 4096
"""Part of it reserved for the ending, in bytes."""
NAMED = 5
"""Maximum number of findings listed of each code; the rest are counted."""
LONGEST = 300
"""Maximum length of a finding, in characters."""
MARKS = {0: "clean", 1: "NOT CLEAN", 3: "UNDECIDED", 130: "INTERRUPTED"}


class MarkdownSink(WrittenAtEnd):
    """A Markdown document, written at the end; it stops before it is too long, and says what is left out."""

    def pieces(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned]) -> Iterator[str]:
        """Yield the document piece by piece."""
        count = finding_count(reports)
        head = f"# datacheck: {_worst(reports, all_scanned=not not_scanned)}\n\n"
        head += "".join(f"- not scanned: {code(cut(it.message))}\n" for it in not_scanned[:NAMED])
        more = len(not_scanned) - NAMED
        head += f"- and {more:,} more not scanned\n" if more > 0 else ""
        head += "\n" if not_scanned else ""
        if len(reports) + len(not_scanned) > 1:
            from datacheck.reporting.summary import totals

            head += f"{code(totals(reports, len(not_scanned)))}\n\n"
        yield head
        left = MOST_BYTES - ROOM - len(head.encode())
        for number, report in enumerate(reports):
            for piece in _sections(report):
                left -= len(piece.encode())
                if left < 0:
                    sources = len(reports) - number
                    message = f"the rest, of {sources:,} source{'s' * (sources > 1)}, is left out: this page is full"
                    yield f"\n*{message}. There are {count:,} findings in all.*\n"
                    return
                yield piece
        yield f"\n*{count:,} finding{'s' * (count != 1)} in all.*\n"


def _worst(reports: Sequence[Report], *, all_scanned: bool) -> str:
    statuses = {it.status for it in reports}
    if not all_scanned and not statuses & {1, 130}:
        return "NOT ALL SCANNED"
    return MARKS[next((it for it in (130, 1, 3) if it in statuses), 0)]


def _sections(report: Report) -> Iterator[str]:
    """Yield the pieces of the section about a source."""
    yield f"## {code(report.source.path)}\n\n{code(_headline(report))}\n\n**{code(verdict_of(report))}**\n\n"
    if not len(report.findings):
        return
    yield "| code | verdict | findings | what it is |\n|---|---|--:|---|\n"
    examples = _examples(report)
    order = sorted(examples, key=lambda it: (VERDICTS.index(examples[it][0].verdict), -report.counts[it], it))
    for name in order:
        meaning = CODES[name][1] if name in CODES else "a code of a validator of your own"
        row = (f"`{name}`", examples[name][0].verdict, f"{report.counts[name]:,}", _cell(meaning))
        yield f"| {' | '.join(row)} |\n"
    yield "\n"
    for name in order:
        yield from _details_of_code(name, examples[name], report.counts[name])


def _details_of_code(name: str, examples: Sequence[Finding], count: int) -> Iterator[str]:
    """Yield the text about a code: the first findings, and how to mend them."""
    yield f"<details><summary><code>{name}</code>: {count:,}</summary>\n\n"
    yield "".join(f"- {code(one_line(it)[:LONGEST])}\n" for it in examples)
    if count > len(examples):
        yield f"- and {count - len(examples):,} more\n"
    from datacheck.model.explanations import EXPLANATIONS

    if name in EXPLANATIONS:
        explained = EXPLANATIONS[name]
        yield f"\n{_cell(explained.why)} {_cell(explained.mend)}\n"
    yield "\n</details>\n\n"


def _examples(report: Report) -> dict[str, list[Finding]]:
    """Return the first findings of each code; read no more findings than needed."""
    shown: dict[str, list[Finding]] = {}
    wanted = sum(min(count, NAMED) for count in report.counts.values())
    for finding in report.findings:
        of_code = shown.setdefault(finding.code, [])
        if len(of_code) < NAMED:
            of_code.append(finding)
            wanted -= 1
            if not wanted:
                break
    return shown


def _headline(report: Report) -> str:
    lines = str(report).splitlines()
    return lines[0]


def code(text: str) -> str:
    """Return a text as code that Markdown shows letter by letter, so that nothing in it is markup.

    >>> print(code("a `b` <c>"))
    `` a `b` <c> ``
    """
    text = plain(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    if not longest:
        return f"`{text}`" if text.strip() else "` `"
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}"


def _cell(text: str) -> str:
    """Return one of datacheck's own texts for a table cell or a paragraph."""
    return text.replace("|", "\\|").replace("<", "&lt;")
