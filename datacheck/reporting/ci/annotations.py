"""Annotations on standard output for GitHub's runners, which take ten of each kind per step.

Source: GitHub, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from datacheck.model.escaping import plain
from datacheck.reporting.ci.bounded import ERROR, LEVELS, cut, file_of, level_of, line_of, one_line
from datacheck.reporting.source import NotScanned

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

MOST = 10
"""Maximum number of annotations of a kind that GitHub shows for a step."""


def commands(reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> Iterator[str]:
    """Yield the lines: for each kind all annotations, or if there are more than ten, nine and one counting the rest.

    Sources that were not scanned come first.
    """
    counts: Counter[str] = Counter({ERROR: len(not_scanned)})
    lines: dict[str, list[str]] = {level: [] for level in LEVELS}
    for it in not_scanned[:MOST]:
        place = f"file={_property(it.source)},line=1,title=not scanned"
        lines[ERROR].append(f"::{ERROR} {place}::{_data(cut(it.message))}")
    for report in reports:
        for finding in report.findings:
            level = level_of(report, finding)
            counts[level] += 1
            if len(lines[level]) < MOST:
                title = f"{finding.code} ({finding.verdict})"
                place = f"file={_property(file_of(report, finding))},line={line_of(finding)},title={_property(title)}"
                lines[level].append(f"::{level} {place}::{_data(one_line(finding, placed=False))}")
    for level, of_level in lines.items():
        if counts[level] > MOST:
            rest = counts[level] - MOST + 1
            text = f"and {rest:,} more, {counts[level]:,} in all; --report report.json keeps every finding"
            of_level[-1] = f"::{level} title=datacheck::{_data(text)}"
        yield from of_level


def quiet(text: str) -> Iterator[str]:
    """Yield a text between two lines that keep the runner from taking any line of it for a command."""
    token = secrets.token_hex(16)
    yield f"::stop-commands::{token}"
    yield text
    yield f"::{token}::"


def _data(text: str) -> str:
    return plain(text).replace("%", "%25")


def _property(text: str) -> str:
    r"""Return a text as the value of a property.

    >>> print(_property("a,b:c%"))
    a%2Cb%3Ac%25
    """
    return _data(text).replace(":", "%3A").replace(",", "%2C")
