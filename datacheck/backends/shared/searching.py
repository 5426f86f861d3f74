"""Look for a record without mistaking "could not be read" for "is not there"."""

from __future__ import annotations

from collections.abc import Iterable

from datacheck.errors import PartUnread
from datacheck.model.blocks import AnyBlock
from datacheck.model.finding import Finding

UNREAD = frozenset(
    {"damaged-store", "truncated-store", "unreadable", "checksum", "crash", "too-large", "unsupported", "missing"}
)
"""Codes of findings about a store that may hide records that were never read."""


def count_records(blocks: Iterable[AnyBlock], unread: list[Finding]) -> int:
    """Return the number of records in blocks; add the findings about parts that could not be read to `unread`."""
    count = 0
    for block in blocks:
        count += len(block)
        unread += (finding for row, finding in block.findings if row is None and finding.code in UNREAD)
    return count


def not_found(unread: Iterable[Finding]) -> None:
    """Report that a record was not found: raises PartUnread if it may lie in a part that could not be read."""
    found = sorted(unread, key=lambda finding: finding.verdict == "bad")
    if found:
        raise PartUnread(found[0].message, found[0].verdict == "bad")
