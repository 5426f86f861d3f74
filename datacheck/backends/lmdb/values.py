"""Read the values of LMDB nodes: inline, in overflow extents, in sub-pages and in subtrees (DUPSORT).

Every offset and length is checked against the page and the file before anything is read.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterable, Iterator

import msgspec

from datacheck.backends.lmdb.format import (
    BIGDATA,
    BRANCH,
    DEEPEST,
    DIRTY,
    DUPFIXED,
    INTEGERKEY,
    LEAF,
    LEAF2,
    NO_PAGE,
    OVERFLOW,
    SUBDATA,
    SUBPAGE,
    Database,
    Node,
    database,
)
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.tolerant_page import (
    Order,
    Parsed,
    bounds,
    header_faults,
    longest,
    nodes_of,
    parse,
    raw_page,
)
from datacheck.model.listing import counted

RECORD = 48


class Value(msgspec.Struct, frozen=True):
    """A value as far as it can be read, its overflow pages if it has any, and what is wrong ("" if nothing is).

    An extent may hold more pages than the value needs. `code` is the code of the finding, `page` the faulty page.
    """

    data: bytes
    extent: tuple[int, int] | None = None
    wrong: str = ""
    code: str = "damaged-store"
    page: int = 0


def read_value(pages: Pages, parsed: Parsed, node: Node) -> Value:
    """Return the value of a node that has a single value."""
    if not node.flags & BIGDATA:
        data = parsed.raw[node.offset : node.offset + node.size]
        if len(data) == node.size:
            return Value(data)
        if len(parsed.raw) < node.offset + node.size <= pages.page_size:
            wrong = f"has {node.size:,} bytes on page {parsed.number:,}, and the file has {len(data):,} of them"
            return Value(data, None, wrong, "truncated-store", parsed.number)
        return Value(data, None, f"has {node.size:,} bytes, and its page ends before them", page=parsed.number)
    if node.offset + 8 > len(parsed.raw):
        return Value(b"", None, "lies on a page whose number is lost", page=parsed.number)
    first = int.from_bytes(parsed.raw[node.offset : node.offset + 8], sys.byteorder)
    count = pages_needed(pages, node)
    if not 2 <= first <= first + count - 1 <= pages.meta.last_page:
        wrong = (
            f"has the pages {first:,} to {first + count - 1:,}, and the environment ends at {pages.meta.last_page:,}"
        )
        return Value(b"", None, wrong, page=parsed.number)
    page_count, wrong, code = _check_extent(pages, first, count, node.size)
    start = first * pages.page_size
    data = os.pread(pages.file, min(node.size, max(0, pages.size - start - pages.header)), start + pages.header)
    while 0 < len(data) < min(node.size, pages.size - start - pages.header):
        more = os.pread(pages.file, node.size - len(data), start + pages.header + len(data))
        if not more:
            break
        data += more
    return Value(data, (first, page_count), wrong, code, page=first)


def pages_needed(pages: Pages, node: Node) -> int:
    """Return the number of overflow pages that the value of a node needs."""
    return (pages.header - 1 + node.size) // pages.page_size + 1


def _check_extent(pages: Pages, first: int, count: int, size: int) -> tuple[int, str, str]:
    """Return the number of pages that an overflow extent holds, what is wrong with it, and the code for that."""
    start = first * pages.page_size
    if start + pages.header + size > pages.size:
        left = max(0, pages.size - start - pages.header)
        message = f"has {size:,} bytes on pages {first:,} to {first + count - 1:,}, and the file has {left:,} of them"
        return count, message, "truncated-store"
    head = os.pread(pages.file, pages.header, start)
    stored_number = int.from_bytes(head[:8], sys.byteorder)
    (page_count,) = struct.unpack_from("=I", head, pages.header - 4)
    wrong = ""
    if not head.strip(b"\0"):
        wrong = f"begins on page {first:,}, which begins with zeros"
    elif stored_number != first:
        wrong = f"begins on page {first:,}, which has the number of page {stored_number:,}"
    elif pages.flags(head) != OVERFLOW:
        wrong = f"begins on page {first:,}, which has the flags {pages.flags(head):#x}"
    elif page_count < count or first + page_count - 1 > pages.meta.last_page:
        wrong = f"takes {counted(count, 'page')} from {first:,} on, which says {page_count:,}"
    return (count, wrong, "damaged-store") if wrong else (page_count, "", "")


class Damage(msgspec.Struct, frozen=True):
    """A part of the values of one key that cannot be read."""

    page: int
    why: str


def read_duplicates(
    pages: Pages, parsed: Parsed, node: Node, record: Database, visit: Callable[[int], bool]
) -> Iterator[bytes | Damage]:
    """Yield the values of a key of a DUPSORT database, in order; `visit` says whether a page may be read."""
    order, kind = record.value_order(), LEAF | LEAF2 if record.flags & DUPFIXED else LEAF
    if node.flags & SUBDATA:
        if node.size != RECORD or node.offset + RECORD > len(parsed.raw):
            yield Damage(parsed.number, f"the tree of its values is described in {node.size} bytes, not {RECORD}")
            return
        tree = database(parsed.raw[node.offset : node.offset + RECORD])
        width = int.from_bytes(parsed.raw[node.offset : node.offset + 4], sys.byteorder)
        if tree.flags not in (0, DUPFIXED, DUPFIXED | INTEGERKEY) or bool(width) != bool(tree.flags & DUPFIXED):
            yield Damage(parsed.number, f"the tree of its values has the flags {tree.flags:#x}")
        yield from _sub_tree(pages, tree, kind, order, visit)
        return
    raw = parsed.raw[node.offset : node.offset + node.size]
    if len(raw) < node.size or node.size < pages.header:
        yield Damage(parsed.number, f"the page of its values has {len(raw)} bytes, not {node.size}")
        return
    flags = pages.flags(raw)
    if flags & ~DIRTY != SUBPAGE | kind:
        yield Damage(parsed.number, f"the page of its values has the flags {flags:#x}")
    if flags & LEAF2:
        yield from _packed_values(pages, raw, parsed.number, order)
    else:
        yield from _sub_nodes(pages, raw, parsed.number, order)


def _packed_values(pages: Pages, raw: bytes, number: int, order: Order) -> Iterator[bytes | Damage]:
    """Yield the keys of a page that stores them back to back, all of one size."""
    (width,) = struct.unpack_from("=H", raw, pages.header - 8)
    lower, upper = bounds(pages, raw)
    count = (lower - pages.header) // 2
    fits = lower <= upper <= len(raw) or width == 1
    if not width or count < 0 or pages.header + count * width > len(raw) or not fits:
        yield Damage(number, f"says it has {counted(count, 'value')} of {width} bytes, and has {len(raw)} bytes")
        return
    starts = range(pages.header, pages.header + count * width, width)
    yield from _ascending_values([raw[start : start + width] for start in starts], count, number, order)


def _sub_nodes(pages: Pages, raw: bytes, number: int, order: Order) -> Iterator[bytes | Damage]:
    lower, upper = bounds(pages, raw)
    if not pages.header <= lower <= upper <= len(raw):
        yield Damage(number, f"the page of its values has its free room from byte {lower} to {upper}")
        return
    nodes = nodes_of(pages, raw)
    if _have_data(nodes):
        yield Damage(number, "one of its values has a value")
    yield from _ascending_values([node.key for node in nodes if node is not None], len(nodes), number, order)


def _have_data(nodes: Iterable[Node | None]) -> bool:
    """Return whether a node of a page of values, which are keys there, has flags or data."""
    return any(node is not None and (node.flags or node.size) for node in nodes)


def _ascending_values(values: list[bytes], count: int, number: int, order: Order) -> Iterator[bytes | Damage]:
    """Yield the ascending values of a page, and a Damage if they are fewer than the page says."""
    kept = longest([order(value) for value in values])
    yield from (values[at] for at in kept)
    if len(kept) < count:
        yield Damage(number, f"{count - len(kept)} of its values lie outside their page or out of order")


def _sub_tree(
    pages: Pages, tree: Database, kind: int, order: Order, visit: Callable[[int], bool]
) -> Iterator[bytes | Damage]:
    """Yield the values that lie in a tree of their own, as its keys."""
    stack: list[tuple[int, int, bytes | None, bytes | None]] = []
    if tree.root != NO_PAGE:
        stack.append((tree.root, 1, None, None))
    count = 0
    complete = True
    while stack:
        number, depth, low, high = stack.pop()
        if depth > DEEPEST or not visit(number):
            yield Damage(number, f"page {number:,} of the tree of its values is used twice or is none")
            complete = False
            continue
        if depth < tree.depth:
            parsed = parse(pages, number, BRANCH, order, low, high)
            stack += reversed([(child, depth + 1, *bounds) for child, bounds in parsed.children(low, high)])
            faults = parsed.faults
            values: list[bytes | Damage] = []
        else:
            values, faults = _leaf_values(pages, number, kind, order, low, high)
        if faults:
            yield Damage(number, f"page {number:,} of the tree of its values {', '.join(faults)}")
            complete = False
        for value in values:
            complete &= not isinstance(value, Damage)
            count += 1
            yield value
    if complete and count != tree.entries:
        yield Damage(tree.root, f"the tree of its values holds {count:,}, and says {tree.entries:,}")


def _leaf_values(
    pages: Pages, number: int, kind: int, order: Order, low: bytes | None, high: bytes | None
) -> tuple[list[bytes | Damage], list[str]]:
    raw = raw_page(pages, number)
    if len(raw) < pages.page_size or kind == LEAF:
        parsed = parse(pages, number, LEAF, order, low, high)
        extra_faults = ["has values with values"] if _have_data(parsed.nodes) else []
        return [node.key for node in parsed.nodes], parsed.faults + extra_faults
    faults = header_faults(pages, raw, number, kind)
    values = list(_packed_values(pages, raw, number, order))
    inside = [
        value
        for value in values
        if isinstance(value, Damage)
        or ((low is None or order(value) >= order(low)) and (high is None or order(value) < order(high)))
    ]
    if len(inside) < len(values):
        faults.append(f"has {counted(len(values) - len(inside), 'value')} of another place")
    return inside, faults
