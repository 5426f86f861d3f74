"""Find the leaves that hold the names of an LMDB environment's databases, and the names left if these are lost."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from datacheck.backends.lmdb.format import DUPDATA, DUPSORT, LEAF, SUBDATA, Database, database
from datacheck.backends.lmdb.orphans import holds_only_names, pages_of_kind
from datacheck.backends.lmdb.page_arrays import Stack
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.tolerant_page import Parsed, parse, raw_page
from datacheck.backends.lmdb.tree import Tree
from datacheck.backends.shared.key_arrays import Numbers
from datacheck.model.distinct import distinct_numbers


def has_lost_names(pages: Pages, main: Tree) -> bool:
    """Return whether the main database is a single leaf whose page no longer holds its records or names."""
    if main.record.depth != 1 or not main.entries or main.entries[0].kind != "leaf":
        return False
    parsed = _only_leaf(pages, main)
    other_count = not main.record.flags & DUPSORT and not parsed.lost and len(parsed.nodes) != main.record.entries
    return parsed.is_lost or other_count or copied_from(pages, main) is not None


def copied_from(pages: Pages, main: Tree) -> int | None:
    """Return the page of which the only leaf of the main database is a copy, or None if it is not a copy."""
    parsed = _only_leaf(pages, main)
    number = int.from_bytes(parsed.raw[:8], sys.byteorder)
    return number if parsed.raw and number != parsed.number and raw_page(pages, number) == parsed.raw else None


def leaf_with_names(pages: Pages, record: Database, numbers: Numbers) -> int | None:
    """Return the leaf that holds as many names as the main database has if its root is another leaf, or None.

    `numbers` are the pages to search. None is also returned if several leaves fit.
    """
    if record.depth != 1 or record.flags & DUPSORT or not record.entries:
        return None
    root = parse(pages, record.root, LEAF, record.order(), None, None)
    if root.faults or len(root.nodes) == record.entries:
        return None
    found = []
    for number in pages_of_kind(pages, numbers, LEAF):
        parsed = parse(pages, number, LEAF, record.order(), None, None)
        if not parsed.faults and len(parsed.nodes) == record.entries and any(names_of(parsed)):
            found.append(number)
    return found[0] if len(found) == 1 else None


def _only_leaf(pages: Pages, main: Tree) -> Parsed:
    return parse(pages, main.entries[0].page, LEAF, main.record.order(), None, None)


def remaining_names(pages: Pages, numbers: Numbers) -> Iterator[tuple[bytes, Database]]:
    """Yield the named databases in leaves of a main database whose root is lost, one for each name.

    If a name occurs more than once, the record on the newest page is taken (LMDB 1.0), or the one with the most entries
    (LMDB 0.9, whose pages have no transaction number).
    """
    best: dict[bytes, tuple[int, Database]] = {}
    for number in pages_of_kind(pages, numbers, LEAF):
        parsed = parse(pages, number, LEAF, bytes, None, None)
        for name, record in names_of(parsed) if holds_only_names(parsed) else ():
            age = int.from_bytes(parsed.raw[8:16], sys.byteorder) if pages.base else record.entries
            if record.root <= pages.meta.last_page and (name not in best or age >= best[name][0]):
                best[name] = age, record
    yield from ((name, record) for name, (_, record) in sorted(best.items()))


def leaves_with_names(pages: Pages, numbers: Numbers) -> list[int]:
    """Return those leaves whose node flags say that they may hold the name of a database."""
    numbers = distinct_numbers(numbers)
    stack = Stack(pages.file, pages.page_size, pages.size, numbers)
    header, half = pages.header, pages.page_size >> 1
    lower = stack.field(header - 4, np.uint16).astype(np.int64) + pages.base
    counts = np.clip((lower - header) >> 1, 0, half - (header >> 1))
    page = np.repeat(np.arange(len(numbers)), counts)
    within = np.arange(len(page)) - (np.cumsum(counts) - counts)[page]
    halves = stack.rows.reshape(-1).view(np.uint16)
    offsets = halves[page * half + (header >> 1) + within].astype(np.int64) + pages.base
    offsets = np.minimum(offsets, pages.page_size - 8)
    flags = stack.buffer.words(page * pages.page_size + offsets) >> np.uint64(32) & np.uint64(0xFFFF)
    named = page[flags == SUBDATA]
    return [int(it) for it in numbers[distinct_numbers(named)]]


def names_of(parsed: Parsed) -> Iterator[tuple[bytes, Database]]:
    """Yield the names and records of the databases in a leaf."""
    for node in parsed.nodes:
        if node.flags & (SUBDATA | DUPDATA) == SUBDATA and node.offset + 48 <= len(parsed.raw):
            yield node.key, database(parsed.raw[node.offset : node.offset + 48])
