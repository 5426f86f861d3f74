"""Repeat the search for findings in a source that was written to while it was read.

What was read may be partly old and partly new, for example a page that was reused or a table that a compaction removed.
So a finding counts only if it is found again while nothing writes to the source.
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
from datacheck.model.listing import and_more
from datacheck.reporting.report import Report
from datacheck.reporting.source import Fingerprint
from datacheck.scanning.earlier.fingerprint import fingerprint_if_any

ROUNDS = 3
PAUSE = 0.2
"""Number of attempts to read again while nothing writes, and the seconds between them."""
STRUCTURAL = frozenset({"truncated-store", "damaged-store", "checksum", "orphan", "stale"})
"""Codes of findings about a store's structure, whatever their verdict."""
NAMED = 3
"""Maximum number of changed files that are named."""
ADVICE = "scan it again when nothing writes to it, or scan a copy"


def withdraw_unconfirmed(
    report: Report, reader: Reader, before: Fingerprint | None, look: Callable[[], Iterable[Finding]]
) -> Finding | None:
    """Withdraw findings that may be due to changes of the source since `before`, unless `look` finds them again.

    Return the finding for the source as a whole, or None if it has not changed. A KeyboardInterrupt passes; then no
    finding counts as found again.
    """
    after = fingerprint_if_any(reader)
    if before == after:
        return None
    confirmed = array("q")
    try:
        if report.bad or report.suspicious or not STRUCTURAL.isdisjoint(report.counts):
            confirmed = _found_again(reader, look)
    finally:
        report.revise(lambda finding: finding if _is_confirmed(finding, confirmed) else _withdrawn(finding))
    return _source_changed(before, after)


def _found_again(reader: Reader, look: Callable[[], Iterable[Finding]]) -> array[int]:
    """Return the sorted marks of all that is found while nothing writes; none if every attempt was disturbed."""
    for number in range(ROUNDS):
        if number:
            time.sleep(PAUSE)
        before = fingerprint_if_any(reader)
        marks = array("q", sorted(map(_mark, look())))
        if before is not None and fingerprint_if_any(reader) == before:
            return marks
    return array("q")


def _mark(finding: Finding) -> int:
    """Return a number that identifies a finding by place and content.

    The record's index may have changed, and is left out.
    """
    where = finding.file, finding.database, finding.key, finding.field
    return hash((*map(str, where), finding.code, finding.message))


def in_doubt(finding: Finding) -> bool:
    """Return whether a finding may be due to a concurrent write.

    Findings from the sums and flags of a whole source stay.
    """
    if finding.verdict == "unverifiable":
        return False
    return finding.verdict == "bad" or finding.key is not None or finding.code in STRUCTURAL


def _is_confirmed(finding: Finding, confirmed: array[int]) -> bool:
    if not in_doubt(finding):
        return True
    mark = _mark(finding)
    at = bisect_left(confirmed, mark)
    return at < len(confirmed) and confirmed[at] == mark


def _withdrawn(finding: Finding) -> Finding:
    message = f"{finding.message}; but the source was changed meanwhile, and this was not found again: {ADVICE}"
    details = {**finding.details, "was": finding.code}
    return msgspec.structs.replace(
        finding, code="source-changed", verdict="unverifiable", message=message, details=details
    )


def _source_changed(before: Fingerprint | None, after: Fingerprint | None) -> Finding:
    """Return the finding for the source as a whole."""
    known = before is not None and after is not None  # otherwise a file could not be read
    old = {it.name: it for it in before.files} if before is not None and known else {}
    new = {it.name: it for it in after.files} if after is not None and known else {}
    kinds = {
        "gone": sorted(old.keys() - new.keys()),
        "new": sorted(new.keys() - old.keys()),
        "changed": sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
    }
    parts = (f"{what}: {and_more(names[:NAMED], len(names))}" for what, names in kinds.items() if names)
    files = "; ".join(parts) or ("its contents" if known else "files of it are gone or cannot be read")
    message = (
        f"the source was changed while it was read ({files}), and was read partly as it was and partly as it is now"
    )
    counts: dict[str, Any] = {what: len(names) for what, names in kinds.items()}
    return found("source-changed", f"{message}: {ADVICE}", **counts)
