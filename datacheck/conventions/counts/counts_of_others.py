"""Findings for counts that may count something else, such as the records about the samples or other databases.

Only the loader knows what they count.
"""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.conventions.interface import ALL_TOGETHER, Count
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted


def findings_with_others(count: Count, part: Pattern, numbers: Runs, base: int, aside: int) -> Iterator[Finding]:
    """Yield a finding for a count of samples that have these `numbers` and `aside` records about them beside them."""
    declared = count.number
    if count.of_list is None and aside and declared == len(numbers) + aside:
        text = f"{count.name} says {declared:,}, there are {len(numbers):,} {part} and "
        text += f"{counted(aside, 'record')} about them"
        text += f": it is not true if a loader counts up from {base}"
        yield found("count", text, verdict="suspicious", key=escape(count.key), said=declared, found=len(numbers))


def doubtful_findings(count: Count, declared: int) -> Iterator[Finding]:
    """Yield a finding for a number that may count something else, or may be of other databases."""
    key, name = escape(count.key), count.name
    if count.near is not None:
        number = count.near[1]
        where = count.near[0] or "the main database"
        text = f"{name} says {declared:,}, and {where} {'have' if where == ALL_TOGETHER else 'has'} {number:,}"
        text += "" if count.of_all else ": it is not true if it counts these"
        verdict: Verdict | None = None if count.of_all else "suspicious"
        yield found("count", text, verdict=verdict, key=key, said=declared, found=number)
    elif count.of_none:
        text = f"{name} says {declared:,}, and no database has about so many records: what it counts is not known"
        yield found("count", text, verdict="unverifiable", key=key, said=declared)
