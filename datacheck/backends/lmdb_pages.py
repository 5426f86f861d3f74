"""LMDB's pages read byte by byte: metas, branch and leaf nodes. Plain `pread`, bounds checked, nothing mapped.

Where the library would die on a damaged page this raises PageDamaged. The layout is that of liblmdb's mdb.c, data
version 1 (LMDB 0.9) and 3 (LMDB 1.0), of 64-bit machines of this machine's byte order; integers are in host order.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

MAGIC = struct.pack("=I", 0xBEEFC0DE)
NO_PAGE = (1 << 64) - 1
DEEPEST = 32
"""liblmdb's own limit on the depth of a tree (CURSOR_STACK)."""
BRANCH, LEAF, META = 0x01, 0x02, 0x08
LEAF2 = 0x20
SUBDATA, DUPDATA = 0x02, 0x04
REVERSEKEY, DUPSORT, INTEGERKEY, DUPFIXED, INTEGERDUP = 0x02, 0x04, 0x08, 0x10, 0x20
HEADERS = {16: 0, 24: 24}
"""Size of the page header, by which the two data versions differ, and what node offsets are counted from."""
_META = struct.Struct("=IIQQ")
_DATABASE = struct.Struct("=IHHQQQQQ")
_NODE = struct.Struct("=HHHH")
DATABASE_BYTES = _DATABASE.size


class PageDamaged(Exception):
    """A page is not what the tree says it is; the message says how."""


@dataclass(frozen=True)
class Database:
    """One B-tree of an environment, as its 48-byte record (MDB_db) has it."""

    flags: int
    depth: int
    branches: int
    leaves: int
    overflow: int
    entries: int
    root: int

    @property
    def pages(self) -> int:
        return self.branches + self.leaves + self.overflow

    def order(self) -> Callable[[bytes], Any]:
        """Return the function to sort this database's keys by."""
        if self.flags & INTEGERKEY:
            return partial(int.from_bytes, byteorder=sys.byteorder)
        if self.flags & REVERSEKEY:
            return lambda key: key[::-1]
        return lambda key: key


@dataclass(frozen=True)
class Meta:
    """A meta page: which commit it is, the roots, and the last page in use."""

    version: int
    page_size: int
    main: Database
    last_page: int
    txnid: int


@dataclass(frozen=True)
class Node:
    """An entry of a page: a key with its child page (branch) or the place and size of its data (leaf)."""

    key: bytes
    child: int
    flags: int
    offset: int
    size: int


def database(raw: bytes) -> Database:
    """Return the Database that a 48-byte record describes."""
    _, flags, depth, branches, leaves, overflow, entries, root = _DATABASE.unpack(raw)
    return Database(flags, depth, branches, leaves, overflow, entries, root)


def header_size(head: bytes) -> int | None:
    """Return the size of the page header if `head` begins an LMDB file that this machine can read, else None."""
    return next((size for size in HEADERS if head[size : size + 4] == MAGIC), None)


def foreign(head: bytes) -> str | None:
    """Say of what other machine an LMDB file is that begins with `head`; None if it is not one."""
    if head[12:16] == MAGIC:
        return "a 32-bit machine"
    if MAGIC[::-1] in (head[12:16], head[16:20], head[24:28]):
        return "a machine of the other byte order"
    return None


class Pages:
    """The pages of one data file. Use as a context manager. Raises PageDamaged where no meta page is readable."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            self.size = os.fstat(self._fd).st_size
            self.meta = self._newest_meta()
        except BaseException:
            os.close(self._fd)
            raise
        self.page_size = self.meta.page_size

    def __enter__(self) -> Pages:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        os.close(self._fd)

    @property
    def map_size_at(self) -> int:
        """The offset, in a meta page, of the map size: behind magic, version and fixed address."""
        return self.header + 16

    def _newest_meta(self) -> Meta:
        head = os.pread(self._fd, 256, 0)
        header = header_size(head)
        if header is None:
            raise PageDamaged("the first meta page has no LMDB magic number")
        self.header, self._base = header, HEADERS[header]
        first = self._meta(head)
        second = os.pread(self._fd, 256, first.page_size)
        if second[header : header + 4] != MAGIC or len(second) < header + 136:
            return first
        return max(first, self._meta(second), key=lambda meta: meta.txnid)

    def _meta(self, raw: bytes) -> Meta:
        at = self.header
        if len(raw) < at + 136:
            raise PageDamaged("a meta page is cut short")
        _, version, _, _ = _META.unpack_from(raw, at)
        free, main = raw[at + 24 : at + 72], raw[at + 72 : at + 120]
        page_size = int.from_bytes(free[:4], sys.byteorder)
        if page_size & (page_size - 1) or not 256 <= page_size <= 65536:
            raise PageDamaged(f"a meta page gives a page size of {page_size}")
        last_page, txnid = struct.unpack_from("=QQ", raw, at + 120)
        return Meta(version, page_size, database(main), last_page, txnid)

    def page(self, number: int) -> bytes:
        """Return a page of a tree, whose number and kind were checked."""
        raw = os.pread(self._fd, self.page_size, number * self.page_size) if number <= self.meta.last_page else b""
        if len(raw) < self.page_size:
            raise PageDamaged(f"page {number} lies beyond the end of the file")
        if int.from_bytes(raw[:8], sys.byteorder) != number:
            raise PageDamaged(f"page {number} has another page's number")
        if not self._flags(raw) & (BRANCH | LEAF):
            raise PageDamaged(f"page {number} is neither a branch nor a leaf")
        return raw

    def _flags(self, page: bytes) -> int:
        return int.from_bytes(page[self.header - 6 : self.header - 4], sys.byteorder)

    def is_leaf(self, page: bytes) -> bool:
        return bool(self._flags(page) & LEAF)

    def nodes(self, page: bytes) -> list[Node]:
        """Return the nodes of a branch or leaf page in key order."""
        lower = int.from_bytes(page[self.header - 4 : self.header - 2], sys.byteorder) + self._base
        if self._flags(page) & LEAF2 or not self.header <= lower <= len(page):
            raise PageDamaged("a page's node count does not fit the page")
        count = (lower - self.header) // 2
        offsets = struct.unpack_from(f"={count}H", page, self.header)
        return [self._node(page, offset + self._base) for offset in offsets]

    def _node(self, page: bytes, at: int) -> Node:
        if at + 8 > len(page):
            raise PageDamaged("a node lies outside its page")
        low, high, flags, key_size = _NODE.unpack_from(page, at)
        key = page[at + 8 : at + 8 + key_size]
        if len(key) < key_size:
            raise PageDamaged("a key runs over the end of its page")
        offset = at + 8 + key_size
        return Node(
            key, low | high << 16 | flags << 32, flags, offset + (offset & 1 if self._base else 0), low | high << 16
        )

    def seams(self, tree: Database, enough: int) -> tuple[list[bytes], bool]:
        """Return keys that divide the tree evenly, in order, and whether each begins a leaf.

        Goes down level by level until there are `enough`, or the leaves are reached. The keys are those of branch
        nodes: above every key to their left, not always a key of the tree.
        """
        level: list[tuple[bytes, int]] = [(b"", tree.root)]
        if tree.root == NO_PAGE:
            return [], True
        for _ in range(DEEPEST):
            if len(level) >= enough:
                return [key for key, _ in level[1:]], False
            below: list[tuple[bytes, int]] = []
            for key, number in level:
                page = self.page(number)
                if self.is_leaf(page):
                    return [key for key, _ in level[1:]], True
                below += [(node.key if place else key, node.child) for place, node in enumerate(self.nodes(page))]
            level = below
        raise PageDamaged("the tree is deeper than LMDB allows")

    def leaves(self, tree: Database) -> Iterator[int]:
        """Yield the numbers of a tree's leaf pages in order; only branch pages are read."""
        level = [tree.root] if tree.root != NO_PAGE else []
        for _ in range(tree.depth - 1):
            level = [node.child for number in level for node in self.nodes(self.page(number))]
        yield from level

    def leaf_nodes(self, tree: Database, start: bytes | None = None) -> Iterator[tuple[Node, bytes]]:
        """Yield the leaf nodes of a tree in order, each with its page, from the first key not below `start` on."""
        order = tree.order()
        least = None if start is None else order(start)
        stack = [(tree.root, 0)] if tree.root != NO_PAGE else []
        visited = 0
        while stack:
            number, depth = stack.pop()
            visited += 1
            if depth >= DEEPEST or visited > self.meta.last_page + 1:
                raise PageDamaged("the tree runs in a circle")
            page = self.page(number)
            nodes = self.nodes(page)
            if not self.is_leaf(page):
                bounds = nodes[1:]
                below = [
                    (node.child, depth + 1)
                    for place, node in enumerate(nodes)
                    if least is None or place >= len(bounds) or order(bounds[place].key) > least
                ]
                stack += reversed(below)
                continue
            for node in nodes:
                if least is None or order(node.key) >= least:
                    yield node, page
