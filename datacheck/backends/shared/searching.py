"""Look for a record without taking "could not be read" for "is not there"."""

from __future__ import annotations

from collections.abc import Iterable

from datacheck.errors import PartUnread
from datacheck.model.blocks import AnyBlock
from datacheck.model.finding import Finding

UNREAD = frozenset(
    {"damaged-store", "truncated-store", "unreadable", "checksum", "crash", "too-large", "unsupported", "missing"}
)
"""Findings of a store with these codes may hide records that nobody has seen."""


def counted(blocks: Iterable[AnyBlock], unread: list[Finding]) -> int:
    """Return how many records there are in blocks; add what is said of parts that could not be read."""
    count = 0
    for block in blocks:
        count += len(block)
        unread += (finding for row, finding in block.findings if row is None and finding.code in UNREAD)
    return count


def not_found(unread: Iterable[Finding]) -> None:
    """Say that a record was not found: raises PartUnread where it may be in what could not be read."""
    found = sorted(unread, key=lambda finding: finding.verdict == "bad")
    if found:
        raise PartUnread(found[0].message, found[0].verdict == "bad")
