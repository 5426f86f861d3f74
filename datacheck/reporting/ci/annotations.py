"""What GitHub's runners take from standard output as annotations: ten of each kind a step.

Source: GitHub, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from datacheck.model.escaping import plain
from datacheck.reporting.ci.bounded import LEVELS, file_of, level_of, line_of, sentence

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

MOST = 10
"""As many annotations of a kind as GitHub shows of a step."""


def commands(reports: Sequence[Report]) -> Iterator[str]:
    """Yield the lines: of each kind all annotations if there are no more than ten, or nine and one that counts."""
    counts: Counter[str] = Counter()
    lines: dict[str, list[str]] = {level: [] for level in LEVELS}
    for report in reports:
        for finding in report.findings:
            level = level_of(report, finding)
            counts[level] += 1
            if len(lines[level]) < MOST:
                title = f"{finding.code} ({finding.verdict})"
                place = f"file={_property(file_of(report, finding))},line={line_of(finding)},title={_property(title)}"
                lines[level].append(f"::{level} {place}::{_data(sentence(finding))}")
    for level, of_level in lines.items():
        if counts[level] > MOST:
            rest = counts[level] - MOST + 1
            said = f"and {rest:,} more, {counts[level]:,} in all; --report report.json keeps every finding"
            of_level[-1] = f"::{level} title=datacheck::{_data(said)}"
        yield from of_level


def quiet(text: str) -> Iterator[str]:
    """Yield the lines of a text between two that have the runner take none of them for a command."""
    token = secrets.token_hex(16)
    yield f"::stop-commands::{token}"
    yield text
    yield f"::{token}::"


def _data(said: str) -> str:
    return plain(said).replace("%", "%25")


def _property(said: str) -> str:
    r"""Return a text as the value of a property.

    >>> print(_property("a,b:c%"))
    a%2Cb%3Ac%25
    """
    return _data(said).replace(":", "%3A").replace(",", "%2C")
