"""Reconstruct facts about an LMDB database or commit from its pages if what leads to them is lost or wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.lmdb.format import BRANCH, DEEPEST, DUPSORT, LEAF, Database
from datacheck.backends.lmdb.metas import LOST
from datacheck.backends.lmdb.orphans import pages_of_kind, unreached
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.tolerant_page import nodes_of, parse, raw_page
from datacheck.backends.lmdb.values import read_value
from datacheck.backends.shared.key_arrays import Numbers
from datacheck.model.distinct import distinct_numbers
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

USED, FREE = 1, 2
BRANCHES_BELOW = 2
"""Largest depth of a tree whose number of branch pages follows from its depth alone."""


def freed_by_the_next(pages: Pages, used: NDArray[np.uint8]) -> Numbers | None:
    """Return the pages that the commit after the chosen one freed, or None if nothing shows that there was one.

    That commit is recognised by its free list, which names the main root that it replaced, under its own number.
    """
    number, root = pages.meta.txnid + 1, pages.meta.main.root
    for batch in unreached(pages, used != USED):
        for page in pages_of_kind(pages, batch, LEAF):
            parsed = parse(pages, page, LEAF, bytes, None, None)
            node = parsed.nodes[-1] if parsed.nodes else None
            if node is None or node.key != number.to_bytes(8, sys.byteorder):
                continue
            raw = read_value(pages, parsed, node).data
            listed = np.frombuffer(raw[: len(raw) // 8 * 8], np.int64)
            if len(listed) and listed[0] == len(listed) - 1 and (listed[1:] == root).any():
                return listed[1:]
    return None


def used_after(used: NDArray[np.uint8], freed: Numbers) -> NDArray[np.uint8]:
    """Return the state of the pages after a commit that took some of the free pages and freed others."""
    result = np.where(used == FREE, 0, used).astype(np.uint8)
    inside = freed[(freed >= 2) & (freed < len(used))]
    result[inside[result[inside] == 0]] = FREE
    return result


def true_levels(pages: Pages, record: Database) -> int | None:
    """Return the number of levels of a tree, which must be the same down to its first and to its last leaf.

    Return None if its pages do not tell, or are fewer than its record counts: its root is then another page.
    """
    depths = {_levels_to_leaf(pages, record.root, last=last) for last in (False, True)}
    depth = depths.pop() if len(depths) == 1 else None
    if depth is None or depth > min(record.depth, BRANCHES_BELOW):
        return depth
    several = bool(record.flags & DUPSORT)
    if depth == 1:
        nodes = sum(node is not None for node in nodes_of(pages, raw_page(pages, record.root)))
        must_match = record.depth > 1 or not several
        return None if must_match and nodes != record.entries and record.branches + record.leaves > 1 else depth
    return None if depth < record.depth and record.branches > 1 else depth


def _levels_to_leaf(pages: Pages, number: int, *, last: bool) -> int | None:
    for depth in range(1, DEEPEST + 1):
        raw = raw_page(pages, number)
        if len(raw) < pages.page_size or int.from_bytes(raw[:8], sys.byteorder) != number:
            return None
        if pages.flags(raw) == LEAF:
            return depth
        nodes = [node for node in nodes_of(pages, raw) if node is not None]
        if pages.flags(raw) != BRANCH or not nodes:
            return None
        number = nodes[-1 if last else 0].child
    return None


def truncation(pages: Pages, free: Sequence[Numbers]) -> Iterator[Finding]:
    """Yield a finding if the file ends before its last page, and a missing page is not a free one.

    Pages that are taken and freed within one transaction are never written.
    """
    expected = (pages.meta.last_page + 1) * pages.page_size
    page_count = pages.size // pages.page_size
    unwritten = sum(len(distinct_numbers(it[(it >= page_count) & (it <= pages.meta.last_page)])) for it in free)
    if pages.size < expected and unwritten < pages.meta.last_page + 1 - page_count:
        lost = expected - pages.size
        message = (
            f"data.mdb ends at byte {pages.size:,}, its last page at {expected:,}: "
            f"{counted(lost, 'byte is', 'bytes are')} lost"
        )
        yield found("truncated-store", message, size=pages.size, expected=expected)


def pages_in_use(records: Sequence[Database]) -> int:
    """Return the number of pages that databases and metas have by their records, or 0 if that may be wrong.

    Writers count in different ways if a key has several values.
    """
    if any(record.root == LOST or record.flags & DUPSORT for record in records):
        return 0
    return 2 + sum(record.pages for record in records)
