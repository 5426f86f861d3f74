"""Look again at what was found wrong in a source that somebody wrote to while it was read.

What was read then may be partly old and partly new: a page that was used again, a table that a compaction has removed.
So nothing of it is held against the data unless it is found again while nobody writes.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from datacheck.backends.interface import Reader
from datacheck.model.finding import Finding, found
from datacheck.reporting.report import Report
from datacheck.reporting.source import Fingerprint
from datacheck.scanning.fingerprint import fingerprint_if_any

ROUNDS = 3
PAUSE = 0.2
"""So often, and with so many seconds in between, it is tried to look again while nobody writes."""
STRUCTURAL = frozenset({"truncated-store", "damaged-store", "checksum", "orphan", "stale"})
"""Codes that tell of a store's structure, whatever their verdict."""
NAMED = 3
"""So many files are named of those that changed."""
ADVICE = "scan it again when nothing writes to it, or scan a copy"


def settle(
    report: Report, reader: Reader, before: Fingerprint | None, look: Callable[[], Iterable[Finding]]
) -> Finding | None:
    """Take back what a source that is no longer as it was `before` may be bad for no more; `look` looks again.

    Return the finding for the source as a whole, if it changed. A KeyboardInterrupt goes through; nothing counts as
    found again then.
    """
    after = fingerprint_if_any(reader)
    if before == after:
        return None
    confirmed = array("q")
    try:
        if report.bad or report.suspicious or not STRUCTURAL.isdisjoint(report.counts):
            confirmed = _found_again(reader, look)
    finally:
        report.revise(lambda finding: finding if _holds(finding, confirmed) else _withdrawn(finding))
    return _said(before, after)


def _found_again(reader: Reader, look: Callable[[], Iterable[Finding]]) -> array[int]:
    """Return the marks of all that is found while nobody writes, sorted; none if somebody always does."""
    for number in range(ROUNDS):
        if number:
            time.sleep(PAUSE)
        before = fingerprint_if_any(reader)
        marks = array("q", sorted(map(_mark, look())))
        if before is not None and fingerprint_if_any(reader) == before:
            return marks
    return array("q")


def _mark(finding: Finding) -> int:
    """Return a number that stands for what is found where; the record's index may be another by now."""
    where = finding.file, finding.database, finding.key, finding.field
    return hash((*map(str, where), finding.code, finding.message))


def in_doubt(finding: Finding) -> bool:
    """Say whether a finding may come of somebody's writing. What sums and flags say of a whole source stays."""
    if finding.verdict == "unverifiable":
        return False
    return finding.verdict == "bad" or finding.key is not None or finding.code in STRUCTURAL


def _holds(finding: Finding, confirmed: array[int]) -> bool:
    if not in_doubt(finding):
        return True
    mark = _mark(finding)
    at = bisect_left(confirmed, mark)
    return at < len(confirmed) and confirmed[at] == mark


def _withdrawn(finding: Finding) -> Finding:
    said = f"{finding.message}; but the source was changed meanwhile, and this was not found again: {ADVICE}"
    details = {**finding.details, "was": finding.code}
    return msgspec.structs.replace(
        finding, code="source-changed", verdict="unverifiable", message=said, details=details
    )


def _said(before: Fingerprint | None, after: Fingerprint | None) -> Finding:
    """Return the finding for the source as a whole."""
    old = {} if before is None else {it.name: it for it in before.files}
    new = {} if after is None else {it.name: it for it in after.files}
    kinds = {
        "gone": sorted(old.keys() - new.keys()),
        "new": sorted(new.keys() - old.keys()),
        "changed": sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
    }
    files = "; ".join(f"{what}: {_listed(names)}" for what, names in kinds.items() if names) or "its contents"
    said = f"the source was changed while it was read ({files}), and was read partly as it was and partly as it is now"
    counts: dict[str, Any] = {what: len(names) for what, names in kinds.items()}
    return found("source-changed", f"{said}: {ADVICE}", **counts)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
