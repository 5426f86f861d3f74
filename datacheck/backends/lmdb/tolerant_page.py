"""Read an LMDB page without trusting anything in it: what can be read, and what is wrong with it."""

from __future__ import annotations

import struct
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from datacheck.backends.lmdb.format import BIGDATA, BRANCH, LEAF, LEAF2, NODE, OVERFLOW, Node
from datacheck.backends.lmdb.pages import Pages
from datacheck.files.retrying import pread
from datacheck.model.listing import counted


class Parsed(msgspec.Struct):
    """The valid nodes of a page, in key order, and what is wrong with the page.

    `lost` is the number of its nodes that are not among them, or None if even their number is unknown.
    """

    number: int
    raw: bytes
    nodes: list[Node] = msgspec.field(default_factory=list)
    faults: list[str] = msgspec.field(default_factory=list)
    lost: int | None = 0

    @property
    def is_lost(self) -> bool:
        """Whether nothing of the page can be read."""
        return not self.nodes and bool(self.faults)

    def children(self, low: bytes | None, high: bytes | None) -> list[tuple[int, tuple[bytes | None, bytes | None]]]:
        """Return the pages below a BRANCH with the bounds of their keys; `low` and `high` are those of the page.

        The key of the first node says nothing.
        """
        if not self.nodes:
            return []
        edges = [low, *(node.key for node in self.nodes[1:]), high]
        return [(node.child, bounds) for node, bounds in zip(self.nodes, pairwise(edges), strict=True)]


Order = Callable[[bytes], Any]
LARGEST_FILE = 1 << 62
"""Size in bytes that no file has; systems refuse to read at offsets that are much larger."""


def raw_page(pages: Pages, number: int) -> bytes:
    """Return the bytes of a page that the file has."""
    offset = number * pages.page_size
    return pread(pages.file, pages.page_size, offset) if 0 <= offset < LARGEST_FILE else b""


def parse(pages: Pages, number: int, kind: int, order: Order, low: bytes | None, high: bytes | None) -> Parsed:
    """Read a page that should be a BRANCH or a LEAF and hold keys from `low` on and below `high`."""
    parsed = Parsed(number, raw_page(pages, number))
    raw = parsed.raw
    if len(raw) < pages.page_size:
        parsed.faults.append("is cut by the end of the file" if raw else "lies behind the end of the file")
    if len(raw) < pages.header:
        parsed.lost = None
        return parsed
    if not raw.strip(b"\0"):
        parsed.faults.append("is zeroed")
        parsed.lost = None
        return parsed
    parsed.faults += header_faults(pages, raw, number, kind)
    other = pages.flags(raw) in {BRANCH, LEAF, OVERFLOW} - {kind}
    nodes = None if other else _nodes(pages, parsed)
    if nodes is None:
        parsed.lost = None
        return parsed
    if kind == BRANCH:
        _take_branch(pages, parsed, nodes, order, low, high)
    else:
        _take_leaf(parsed, nodes, order, low, high)
    return parsed


def header_faults(pages: Pages, raw: bytes, number: int, kind: int) -> list[str]:
    """Return what is wrong with the header of a page that should have the flags `kind`."""
    faults = []
    stored_number, flags = int.from_bytes(raw[:8], sys.byteorder), pages.flags(raw)
    if stored_number != number:
        faults.append(f"has the number of page {stored_number}")
    if flags != kind:
        faults.append(f"has the flags {flags:#x}, not {kind:#x}")
    if pages.base and pages.metas.sound and int.from_bytes(raw[8:16], sys.byteorder) > pages.meta.txnid:
        faults.append("is of a transaction that was not committed")
    return faults


def bounds(pages: Pages, raw: bytes) -> tuple[int, int]:
    """Return the start and the end of the free space of a page."""
    lower, upper = struct.unpack_from("=HH", raw, pages.header - 4)
    return lower + pages.base, upper + pages.base


def _nodes(pages: Pages, parsed: Parsed) -> list[Node | None] | None:
    """Return the nodes of a page, None for each invalid one, or None if the page cannot hold nodes."""
    lower, upper = bounds(pages, parsed.raw)
    if not pages.header <= lower <= upper <= pages.page_size or pages.flags(parsed.raw) & LEAF2:
        parsed.faults.append(f"has its free room from byte {lower} to {upper}")
        return None
    nodes = nodes_of(pages, parsed.raw)
    if None in nodes:
        parsed.faults.append(f"has {counted(nodes.count(None), 'node')} outside its bounds")
    return nodes


def nodes_of(pages: Pages, raw: bytes) -> list[Node | None]:
    """Return the nodes of a page, None for each that does not lie in the existing upper part of the page."""
    if len(raw) < pages.header:
        return []
    lower, upper = bounds(pages, raw)
    count = max(0, lower - pages.header) // 2
    readable = max(0, min(lower, len(raw)) - pages.header) // 2
    offsets = (offset + pages.base for offset in struct.unpack_from(f"={readable}H", raw, pages.header))
    room = range(upper, len(raw) - 7)
    nodes = [node_at(raw, at, pages.base, len(raw)) if at in room else None for at in offsets]
    return [*nodes, *[None] * (count - readable)]


def node_at(raw: bytes, at: int, base: int, end: int) -> Node | None:
    """Return the node at an offset, or None if its key does not end by `end`."""
    low, high, flags, key_size = NODE.unpack_from(raw, at)
    offset = at + 8 + key_size
    if offset > end:
        return None
    key = raw[at + 8 : offset]
    return Node(key, low | high << 16 | flags << 32, flags, offset + (key_size & 1 if base else 0), low | high << 16)


def with_keys(parsed: Parsed) -> Parsed:
    """Remove the nodes of a leaf that have no key, as records always have one.

    The first node of a branch, and a value, may have an empty key.
    """
    nodes = [node for node in parsed.nodes if node.key]
    if len(nodes) < len(parsed.nodes):
        keyless = len(parsed.nodes) - len(nodes)
        parsed.faults.append(f"has {keyless} {'record' if keyless == 1 else 'records'} without a key")
        parsed.lost = None if parsed.lost is None else parsed.lost + keyless
        parsed.nodes = nodes
    return parsed


def without_gaps(pages: Pages, parsed: Parsed) -> Parsed:
    """Note a fault if the nodes of a leaf leave gaps: LMDB closes gaps whenever something is removed."""
    if parsed.faults or len(parsed.raw) < pages.page_size:
        return parsed
    _, upper = bounds(pages, parsed.raw)
    pointer_size = 24 if pages.base else 8
    ends = ((it.offset + (pointer_size if it.flags & BIGDATA else it.size) + 1) & ~1 for it in parsed.nodes)
    starts = (it.offset - (len(it.key) & 1 if pages.base else 0) - len(it.key) - NODE.size for it in parsed.nodes)
    room = pages.page_size - upper - sum(ends) + sum(starts)
    if room > 0:
        parsed.faults.append(f"has {room} bytes between its records, where something is missing")
        parsed.lost = None
    return parsed


def _take_branch(
    pages: Pages, parsed: Parsed, nodes: list[Node | None], order: Order, low: bytes | None, high: bytes | None
) -> None:
    """Take the children in order; the first one has no key of its own."""
    if not nodes:
        parsed.faults.append("has no children")
        return
    last = pages.meta.last_page
    valid = [(place, node) for place, node in enumerate(nodes) if node is not None and 2 <= node.child <= last]
    if len(valid) + nodes.count(None) < len(nodes):
        others = len(nodes) - len(valid) - nodes.count(None)
        parsed.faults.append(f"has {counted(others, 'child that is not a page', 'children that are not pages')}")
    first = [node for place, node in valid if place == 0]
    rest = [node for place, node in valid if place > 0]
    kept = _ascending(rest, order, low, high)
    if len(kept) < len(rest):
        parsed.faults.append(f"has {counted(len(rest) - len(kept), 'key')} out of order")
    parsed.nodes = first + kept
    parsed.lost = len(nodes) - len(parsed.nodes)


def _take_leaf(parsed: Parsed, nodes: list[Node | None], order: Order, low: bytes | None, high: bytes | None) -> None:
    valid = [node for node in nodes if node is not None]
    parsed.nodes = _ascending(valid, order, low, high)
    if len(parsed.nodes) < len(valid):
        parsed.faults.append(f"has {counted(len(valid) - len(parsed.nodes), 'key')} out of order or of another place")
    parsed.lost = len(nodes) - len(parsed.nodes)


def _ascending(nodes: list[Node], order: Order, low: bytes | None, high: bytes | None) -> list[Node]:
    """Return as many nodes as possible that have ascending keys between the bounds."""
    least = None if low is None else order(low)
    most = None if high is None else order(high)
    keyed = [(order(node.key), node) for node in nodes]
    keyed = [it for it in keyed if (least is None or it[0] >= least) and (most is None or it[0] < most)]
    return [keyed[at][1] for at in longest([key for key, _ in keyed])]


def longest(keys: Sequence[Any]) -> Sequence[int]:
    """Return the indexes of a longest ascending sequence of keys, so that one broken key costs no other."""
    if all(one < two for one, two in pairwise(keys)):
        return range(len(keys))
    tails: list[Any] = []
    ends: list[int] = []
    before: list[int] = []
    for at, key in enumerate(keys):
        place = bisect_left(tails, key)
        before.append(ends[place - 1] if place else -1)
        tails[place : place + 1] = [key]
        ends[place : place + 1] = [at]
    chosen = []
    at = ends[-1]
    while at >= 0:
        chosen.append(at)
        at = before[at]
    return chosen[::-1]
