"""Say that a count is true only if it counts the records about the samples too, such as the names of classes.

It may as well be that of the samples alone, of which the last ones are lost: only the loader knows.
"""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.conventions.interface import Count
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found


def findings_with_others(count: Count, part: Pattern, numbers: Runs, base: int, aside: int) -> Iterator[Finding]:
    """Yield a finding for a count of samples that have these `numbers` and `aside` records about them beside them."""
    said = count.number
    if count.of_list is None and aside and said == len(numbers) + aside:
        text = f"{count.name} says {said:,}, there are {len(numbers):,} {part} and {aside:,} records about them"
        text += f": it is not true if a loader counts up from {base}"
        yield found("count", text, verdict="suspicious", key=escape(count.key), said=said, found=len(numbers))
