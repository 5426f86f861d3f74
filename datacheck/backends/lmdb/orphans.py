"""Find leaves of an LMDB environment that no branch page reaches, by checking every page, and put them in place.

In a sound environment every page is used or listed as free. If the list of free pages is known, a leaf that is neither
belonged below a damaged branch. If the list is not known, the leaf may belong to an older commit: it is doubtful.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.lmdb.format import BIGDATA, DUPDATA, DUPSORT, INTEGERKEY, LEAF, REVERSEKEY, SUBDATA, Database
from datacheck.backends.lmdb.page_arrays import Stack
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.tolerant_page import Parsed, nodes_of, parse, raw_page, with_keys
from datacheck.backends.lmdb.tree import Span, overlapping
from datacheck.backends.lmdb.values import read_value
from datacheck.backends.shared.key_arrays import Flags, Numbers

BATCH = 1024
STRETCH = 1 << 20


class Group(msgspec.Struct, frozen=True):
    """Leaves that may hold keys from `low` on and below `high`: one, or several of which some are of older commits."""

    low: bytes
    high: bytes | None
    leaves: tuple[int, ...]
    doubt: bool


class _Orphan(msgspec.Struct, frozen=True):
    number: int
    first: bytes
    last: bytes
    age: int


class Orphans:
    """The leaves that nothing reaches.

    `known` says whether all free pages are known; `beat` is called during the search.
    """

    def __init__(
        self, pages: Pages, used: NDArray[np.uint8], *, known: bool, beat: Callable[[], None] = lambda: None
    ) -> None:
        self._known = known
        self._orphans: list[_Orphan] = []
        for batch in unreached(pages, used == 0):
            beat()
            self._orphans += filter(None, (_read_orphan(pages, it) for it in _batch_of_kind(pages, batch, LEAF)))
        cut_page = pages.size // pages.page_size
        if cut_page < len(used) and not used[cut_page]:
            self._orphans += filter(None, [_read_orphan(pages, cut_page)])
        self._sorted: dict[int, tuple[list[Any], list[_Orphan]]] = {}
        self._taken: set[int] = set()

    def __len__(self) -> int:
        return len(self._orphans)

    def first_leaves(self, count: int) -> Iterator[tuple[int, tuple[bytes, bytes]]]:
        """Yield the numbers of the first `count` leaves, with the first and the last key of each."""
        return ((it.number, (it.first, it.last)) for it in self._orphans[:count])

    def take(self, pages: Pages, record: Database, low: bytes | None, high: bytes | None) -> list[Group]:
        """Return what `within` returns, and exclude it from later results."""
        groups = self.within(pages, record, low, high)
        self._taken.update(number for group in groups for number in group.leaves)
        return groups

    def within(self, pages: Pages, record: Database, low: bytes | None, high: bytes | None) -> list[Group]:
        """Return the leaves whose keys all lie in a range of a database, in order; overlapping ones form one group."""
        order = record.order()
        inside = (it for it in self._leaves_from(record, low, high) if _fits_range(pages, record, it, low, high))
        groups = overlapping(Span(order(it.first), order(it.last), it.first, it.number) for it in inside)
        edges = [group[0].key for group in groups[1:]]
        return [
            Group(group[0].key, above, tuple(it.item for it in group), not self._known or len(group) > 1)
            for group, above in zip(groups, [*edges, high], strict=False)
        ]

    def _leaves_from(self, record: Database, low: bytes | None, high: bytes | None) -> Iterator[_Orphan]:
        """Yield the leaves that are not taken and begin in a range, in order."""
        order, kind = record.order(), record.flags & (REVERSEKEY | INTEGERKEY)
        if kind not in self._sorted:
            ordered = sorted(self._orphans, key=lambda it: (order(it.first), it.age, it.number))
            self._sorted[kind] = ([order(it.first) for it in ordered], ordered)
        keys, ordered = self._sorted[kind]
        start = 0 if low is None else bisect_left(keys, order(low))
        stop = len(keys) if high is None else bisect_left(keys, order(high))
        return (it for it in ordered[start:stop] if it.number not in self._taken)


def _read_orphan(pages: Pages, number: int) -> _Orphan | None:
    """Return a leaf, complete or cut by the end of the file, or None if the page is no leaf with keys."""
    raw = raw_page(pages, number)
    if len(raw) < pages.header or pages.flags(raw) != LEAF or raw[:8] != struct.pack("=Q", number):
        return None
    keys = [node.key for node in nodes_of(pages, raw) if node is not None]
    age = int.from_bytes(raw[8:16], sys.byteorder) if pages.base else 0
    return _Orphan(number, keys[0], keys[-1], age) if keys else None


def _fits_range(pages: Pages, record: Database, orphan: _Orphan, low: bytes | None, high: bytes | None) -> bool:
    parsed = with_keys(parse(pages, orphan.number, LEAF, record.order(), low, high))
    intact = not parsed.faults or len(parsed.raw) < pages.page_size
    other_content = _holds_values_of_key(record, parsed) or holds_only_names(parsed) or _holds_free_pages(pages, parsed)
    return bool(parsed.nodes) and intact and not other_content


def unreached(pages: Pages, wanted: Flags) -> Iterator[Numbers]:
    """Yield the numbers of the wanted pages, in batches; pages in holes of the file are skipped."""
    place, end = 2 * pages.page_size, min(len(wanted) * pages.page_size, pages.size)
    while place < end:
        try:
            first = os.lseek(pages.file, place, os.SEEK_DATA)
            place = os.lseek(pages.file, first, os.SEEK_HOLE)
        except OSError as exc:
            if exc.errno == errno.ENXIO:
                return  # the rest is a hole
            if exc.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise
            first, place = place, end
        last = min(-(-place // pages.page_size), len(wanted))
        for start in range(max(2, first // pages.page_size), last, STRETCH):
            numbers = np.flatnonzero(wanted[start : min(start + STRETCH, last)]) + start
            for at in range(0, len(numbers), BATCH):
                yield numbers[at : at + BATCH]
        place = max(place, first + 1)


def pages_of_kind(pages: Pages, numbers: Numbers, kind: int) -> Iterator[int]:
    """Yield those pages that look like branches or leaves (`kind`) and have their own number."""
    for start in range(0, len(numbers), BATCH):
        yield from _batch_of_kind(pages, numbers[start : start + BATCH], kind)


def holds_no_records(pages: Pages, number: int) -> bool:
    """Return whether a leaf belongs to the free list or to the values of one key, or holds names of databases."""
    parsed = parse(pages, number, LEAF, lambda key: key, None, None)
    if holds_only_names(parsed):
        return True
    values = not any(node.size or node.flags for node in parsed.nodes)
    return values or _holds_free_pages(pages, parsed)


def _batch_of_kind(pages: Pages, numbers: Numbers, kind: int) -> list[int]:
    """Return those pages that look like branches or leaves (`kind`) and have their own number."""
    stack = Stack(pages.file, pages.page_size, pages.size, numbers)
    valid = stack.present & (stack.field(0, np.int64) == numbers)
    valid &= stack.field(pages.header - 6, np.uint16) == kind
    if pages.base:
        valid &= (stack.field(8, np.uint64) <= pages.meta.txnid) | (not pages.metas.sound)
    lower = stack.field(pages.header - 4, np.uint16).astype(np.int64) + pages.base
    valid &= (lower > pages.header) & (lower <= pages.page_size)
    return [int(it) for it in numbers[valid]]


def _holds_values_of_key(record: Database, parsed: Parsed) -> bool:
    """Return whether a leaf belongs to the tree of one key's values: its nodes have keys and nothing else."""
    return bool(record.flags & DUPSORT) and not any(node.size or node.flags & BIGDATA for node in parsed.nodes)


def _holds_free_pages(pages: Pages, parsed: Parsed) -> bool:
    """Return whether a leaf belongs to the free list: each node's key is a transaction, its value a list of pages."""
    for node in parsed.nodes:
        value = read_value(pages, parsed, node).data
        count = int.from_bytes(value[:8], sys.byteorder)
        if len(node.key) != 8 or not value or len(value) != 8 * count + 8:
            return False
        listed = np.frombuffer(value, np.int64)[1:]
        if (np.diff(listed) >= 0).any() or (listed < 2).any():
            return False
    return True


def holds_only_names(parsed: Parsed) -> bool:
    """Return whether a leaf holds nothing but names of databases."""
    return all(node.flags & (SUBDATA | DUPDATA) == SUBDATA for node in parsed.nodes)
