"""The short form of the page for notebooks: the verdict, and how often each code was found."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from datacheck.model.codes import CODES, VERDICTS
from datacheck.model.escaping import plain
from datacheck.reporting.page.finding_table import row_of
from datacheck.reporting.page.words import cut
from datacheck.reporting.summary import headline, verdict_line

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

COLOURS = {"clean": "#18794e", "bad": "#b42318", "suspicious": "#8a5a00", "unverifiable": "#42588c"}
STATES = {0: "clean", 1: "bad", 3: "unverifiable"}
NO_RECORDS = ("prototxt", "log")
EXAMPLES = 3
LOOKED_AT = 10_000


def short(report: Report) -> str:
    """Return a report as a piece of HTML that fits into any page, light or dark."""
    colour = COLOURS[STATES.get(report.status, "unverifiable")]
    return (
        f'<div style="border-left:4px solid {colour};padding:.1em 0 .1em 1em;margin:.5em 0">'
        f'<div style="color:{colour};font-weight:700;font-size:1.15em">{escape(verdict_line(report))}</div>'
        f'<div style="opacity:.75"><bdi>{escape(_headline(report))}</bdi></div>'
        f"{''.join(_table(report))}</div>"
    )


def _headline(report: Report) -> str:
    return plain(report.source.path) if report.source.backend in NO_RECORDS else headline(report)


def _table(report: Report) -> Iterator[str]:
    if not report.counts:
        return
    yield '<table style="margin:.6em 0 0"><tbody>'
    for code, (verdict, names) in _codes(report).items():
        count = report.counts[code]
        more = f" and {count - len(names):,} more" if count > len(names) and names else ""
        examples = ", ".join(f"<bdi>{escape(it)}</bdi>" for it in names)
        meaning = CODES[code][1] if code in CODES else ""
        yield (
            f'<tr><td style="text-align:right;color:{COLOURS[verdict]}"><b>{count:,}</b></td>'
            f'<td style="text-align:left"><code>{escape(code)}</code></td>'
            f'<td style="text-align:left">{escape(meaning)}</td>'
            f'<td style="text-align:left">{examples}{more}</td></tr>'
        )
    yield "</tbody></table>"


def _codes(report: Report) -> dict[str, tuple[str, list[str]]]:
    """Return the codes that were found, the worst first, with the names of the first records of each."""
    codes: dict[str, tuple[str, list[str]]] = {}
    wanted = sum(min(count, EXAMPLES) for count in report.counts.values())
    for at, finding in enumerate(report.findings):
        _, names = codes.setdefault(finding.code, (finding.verdict, []))
        if len(names) < EXAMPLES:
            names.append(cut(row_of(finding).where, 80))
            wanted -= 1
        if not wanted or at >= LOOKED_AT:
            break
    for code in report.counts:
        codes.setdefault(code, (CODES[code][0] if code in CODES else "suspicious", []))
    order = sorted(codes, key=lambda it: ([*VERDICTS].index(codes[it][0]), -report.counts.get(it, 0), it))  # type: ignore[arg-type]
    return {code: codes[code] for code in order}
