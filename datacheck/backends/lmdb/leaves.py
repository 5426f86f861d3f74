"""Judge many leaf pages of an LMDB at once: headers, nodes, key order, overflow extents to their last page.

This only separates sound pages from others; `salvage` then says what is wrong with one of the others.
"""

from __future__ import annotations

import os

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.lmdb.format import BIGDATA, DUPDATA, LEAF, OVERFLOW, SUBDATA
from datacheck.backends.lmdb.page_arrays import Stack, compare
from datacheck.backends.lmdb.page_sums import Account
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.shared.key_arrays import GATHERED, Buffer, Flags, Keys, Numbers

NEAR = 16
"""Largest extent, in pages, whose header is read from the map.

The kernel maps 16 pages at once (64 KiB, fault_around_bytes).
"""
NONE_NEAR = 1
"""Value of `near` if the values are read: mapping them for their headers alone costs as much as reading them."""
READ_BYTES = 2 << 20
"""Bytes read in one go: few enough to stay in the processor's cache while they are judged."""


class Leaves(msgspec.Struct, frozen=True):
    """Neighbouring leaves of one database in key order, with the bounds that their parents give.

    Every key of a leaf is at least its low key and less than its high key. If `bounded_below` or `bounded_above` is
    False, there is no such bound.
    """

    numbers: Numbers
    low: Keys
    high: Keys
    bounded_below: Flags
    bounded_above: Flags

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, which: slice | Numbers | Flags) -> Leaves:
        return Leaves(
            self.numbers[which],
            self.low[which],
            self.high[which],
            self.bounded_below[which],
            self.bounded_above[which],
        )

    def lowest(self, at: int) -> bytes | None:
        return self.low.at(at) if self.bounded_below[at] else None

    def highest(self, at: int) -> bytes | None:
        return self.high.at(at) if self.bounded_above[at] else None


class ReadNodes(msgspec.Struct, frozen=True):
    """The nodes of neighbouring leaves in key order, in their pages as read for judging.

    `values` are the values in the nodes. For a value on overflow pages only the length is valid, and `first` is the
    number of its first page; for all others `first` is 0.
    """

    keys: Keys
    values: Keys
    first: Numbers

    def __getitem__(self, which: Numbers) -> ReadNodes:
        return ReadNodes(self.keys[which], self.values[which], self.first[which])


class Judged(msgspec.Struct):
    """A verdict on leaves: `closer` are sound except for nodes with several values, which were not checked yet."""

    sound: Flags
    closer: Flags
    entries: NDArray[np.int64]
    extents: Numbers
    """First page, number of pages and position of the leaf, of each overflow extent: shape (n, 3).

    An extent may have more pages than its value needs: a value that is overwritten by a smaller one within a
    transaction keeps its pages.
    """
    shared: frozenset[int] = frozenset()
    """The first pages of extents that have pages in common with another extent."""
    held: list[ReadNodes] = msgspec.field(default_factory=list)


def judge(
    pages: Pages,
    flags: int,
    leaves: Leaves,
    account: Account,
    counted: Flags,
    *,
    hold: bool = False,
    near: int = NEAR,
) -> Judged:
    """Judge leaves in batches, and count the sound ones that `counted` selects. `hold` asks for their nodes.

    Headers of extents of at most `near` pages are read from the map.
    """
    judged = Judged(np.ones(len(leaves), bool), np.zeros(len(leaves), bool), np.zeros(len(leaves), np.int64), _NONE)
    extents = []
    size = max(8, READ_BYTES // pages.page_size)
    for start in range(0, len(leaves), size):
        order = np.argsort(leaves.numbers[start : start + size], kind="stable")
        batch = leaves[start + order]
        sound, closer, entries, batch_extents, nodes = _judge_batch(pages, flags, batch)
        if hold:
            judged.held.append(_in_key_order(nodes, order, entries))
        judged.sound[start + order] = sound
        judged.closer[start + order] = closer & sound
        judged.entries[start + order] = np.where(sound, entries, 0)
        batch_extents[:, 2] = start + order[batch_extents[:, 2]]
        extents.append(batch_extents)
    judged.extents = np.concatenate(extents) if extents else _NONE
    _judge_extents(pages, judged, near)
    kept = judged.sound & counted
    account.add_pages(leaves.numbers[kept])
    extended = judged.extents[kept[judged.extents[:, 2]]].astype(np.uint64)
    account.add_extents(extended[:, 0], extended[:, 1])
    return judged


_NONE = np.zeros((0, 3), np.int64)


def _in_key_order(nodes: ReadNodes, order: Numbers, counts: Numbers) -> ReadNodes:
    """Return nodes in key order: the n-th leaf here is the one at `order[n]` and has `counts[n]` nodes."""
    if (order[1:] > order[:-1]).all():
        return nodes
    return nodes[np.argsort(np.repeat(order, counts), kind="stable")]


def _judge_batch(pages: Pages, flags: int, leaves: Leaves) -> tuple[Flags, Flags, Numbers, Numbers, ReadNodes]:
    """Return for each page whether it is sound, whether it has DUPSORT nodes, its node count; then extents and nodes.

    The nodes of a page that is not sound are meaningless.
    """
    header, base, page_size = pages.header, pages.base, pages.page_size
    stack = Stack(pages.file, page_size, pages.size, leaves.numbers, GATHERED)
    sound, lower, upper = stack.headers(pages, LEAF)
    counts = np.where(sound, (lower - header) >> 1, 0)
    starts = np.cumsum(counts) - counts
    page = np.repeat(np.arange(len(leaves)), counts)
    within = np.arange(len(page)) - starts[page]
    offsets = stack.node_offsets(pages, page, within)
    fits = (offsets >= upper[page]) & (offsets + 8 <= page_size)
    places = page * page_size + np.where(fits, offsets, 0)
    nodes = _Nodes(stack.buffer, places, np.where(fits, offsets, 0), base, page_size)
    fits &= nodes.fit
    keys = Keys(stack.buffer, places + 8, np.where(fits, nodes.key_size, 0))
    ordered = _are_ascending(flags, keys, page)
    bad = ~(fits & ordered & (nodes.key_size > 0))
    if bad.any():
        sound[page[bad]] = False
    sound &= _are_full(nodes, page, len(leaves), page_size - upper)
    sound &= _are_within_bounds(flags, keys, starts, counts, leaves)
    overflow = np.flatnonzero((nodes.flags & BIGDATA != 0) & sound[page])
    first = stack.buffer.words(places[overflow] + nodes.data[overflow] - nodes.offsets[overflow]).astype(np.int64)
    needed = (header - 1 + nodes.size[overflow]) // page_size + 1
    in_file = (first >= 2) & (first + needed - 1 <= pages.meta.last_page) & ((first + needed) * page_size <= pages.size)
    sound[page[overflow[~in_file]]] = False
    special = nodes.flags & (DUPDATA | SUBDATA) != 0
    closer = np.zeros(len(leaves), bool)
    closer[page[special]] = True
    extents = np.stack([first, needed, page[overflow]], axis=1)[in_file]
    first_pages = np.zeros(len(page), np.int64)
    first_pages[overflow] = first
    values = Keys(stack.buffer, places + nodes.data - nodes.offsets, nodes.size)
    return sound, closer, counts, extents, ReadNodes(keys, values, first_pages)


class _Nodes:
    """The nodes of a batch: sizes, flags, the place of the data in the page, and whether all of it lies in the page."""

    def __init__(self, buffer: Buffer, places: Numbers, offsets: Numbers, base: int, page_size: int) -> None:
        words = buffer.words(places)
        self.offsets = offsets
        self.size = (words & np.uint64(0xFFFFFFFF)).astype(np.int64)
        self.flags = (words >> np.uint64(32) & np.uint64(0xFFFF)).astype(np.int64)
        self.key_size = (words >> np.uint64(48)).astype(np.int64)
        self.data = offsets + 8 + self.key_size
        if base:
            self.data += self.key_size & 1
        big = self.flags & BIGDATA != 0
        data_size = np.where(big, 24 if base else 8, self.size)
        self.fit = (self.data + data_size <= page_size) & (self.flags <= (DUPDATA | SUBDATA))
        self.fit &= ~big | (self.flags == BIGDATA)
        self.space = (self.data + data_size + 1 & ~1) - offsets


def _are_ascending(flags: int, keys: Keys, page: Numbers) -> Flags:
    """Return for each node whether its key is above that of the previous node in its page."""
    ascending = np.ones(len(page), bool)
    if len(page) > 1:
        ascending[1:] = (compare(keys[:-1], keys[1:], flags) < 0) | (page[1:] != page[:-1])
    return ascending


def _are_full(nodes: _Nodes, page: Numbers, count: int, room: Numbers) -> Flags:
    """Return for each page whether its nodes fill the space they have: LMDB leaves no gaps between them."""
    taken = np.bincount(page, weights=nodes.space, minlength=count)
    full: Flags = taken == room
    return full


def _are_within_bounds(flags: int, keys: Keys, starts: Numbers, counts: Numbers, leaves: Leaves) -> Flags:
    """Return for each page whether its first and last key lie within the bounds that its parent gives."""
    within = np.ones(len(leaves), bool)
    below = np.flatnonzero(leaves.bounded_below & (counts > 0))
    if len(below):
        within[below] = compare(leaves.low[below], keys[starts[below]], flags) <= 0
    above = np.flatnonzero(leaves.bounded_above & (counts > 0))
    if len(above):
        within[above] &= compare(keys[starts[above] + counts[above] - 1], leaves.high[above], flags) < 0
    return within


def _judge_extents(pages: Pages, judged: Judged, most: int) -> None:
    """Mark leaves as damaged if an overflow extent has a wrong header, or pages of another extent.

    Set the number of pages of each extent to the number in its header.
    """
    if not len(judged.extents):
        return
    extents = judged.extents[np.argsort(judged.extents[:, 0], kind="stable")]
    near = extents[:, 1] <= most
    for which, heads_of in ((near, _mapped_heads), (~near, _read_heads)):
        chosen = extents[which]
        counts = _page_counts(pages, chosen, heads_of(pages, chosen[:, 0] * pages.page_size))
        judged.sound[chosen[counts == 0, 2]] = False
        extents[which, 1] = np.maximum(counts, chosen[:, 1])
    shared = np.flatnonzero(extents[1:, 0] < (extents[:-1, 0] + extents[:-1, 1]))
    for side in (shared, shared + 1):
        judged.sound[extents[side, 2]] = False
        judged.shared |= frozenset(extents[side, 0].tolist())
    judged.extents = extents


def _page_counts(pages: Pages, extents: Numbers, heads: NDArray[np.uint8]) -> Numbers:
    """Return the number of pages that each extent holds by its header, or 0 if the header is wrong.

    `heads` has shape (extents, header).
    """
    header = pages.header
    counts: Numbers = heads[:, header - 4 :].view(np.uint32)[:, 0].astype(np.int64)
    valid = heads[:, :8].view(np.int64)[:, 0] == extents[:, 0]
    valid &= heads[:, header - 6 : header - 4].view(np.uint16)[:, 0] == OVERFLOW
    valid &= (counts >= extents[:, 1]) & (extents[:, 0] + counts - 1 <= pages.meta.last_page)
    if pages.base:
        valid &= heads[:, 8:16].view(np.uint64)[:, 0] <= pages.meta.txnid
    return np.where(valid, counts, 0)


def _mapped_heads(pages: Pages, offsets: Numbers) -> NDArray[np.uint8]:
    """Return headers that lie close together: the kernel maps the values with them, which are needed next."""
    return Buffer(np.frombuffer(pages.map, np.uint8)).pieces(offsets, pages.header)


def _read_heads(pages: Pages, offsets: Numbers) -> NDArray[np.uint8]:
    """Return headers that lie far apart, or whose values are read: mapping their pages alone slows mapping others."""
    pread, file, header = os.pread, pages.file, pages.header
    heads = [pread(file, header, offset) for offset in offsets.tolist()]
    joined = b"".join(heads)
    if len(joined) < header * len(heads):  # the file has become shorter meanwhile
        joined = b"".join(it.ljust(header, b"\0") for it in heads)
    return np.frombuffer(joined, np.uint8).reshape(-1, header)
