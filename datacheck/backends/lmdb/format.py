"""Define LMDB's file format: flags, records and nodes.

The layout is that of liblmdb's mdb.c, data versions 1 (LMDB 0.9) and 3 (LMDB 1.0), as written by 64-bit machines with
this machine's byte order; integers are in host order.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

MAGIC = struct.pack("=I", 0xBEEFC0DE)
NO_PAGE = (1 << 64) - 1
DEEPEST = 32
"""liblmdb's own limit on the depth of a tree (CURSOR_STACK)."""
BRANCH, LEAF, OVERFLOW, META = 0x01, 0x02, 0x04, 0x08
LEAF2 = 0x20
DIRTY, SUBPAGE = 0x10, 0x40
BIGDATA, SUBDATA, DUPDATA = 0x01, 0x02, 0x04
REVERSEKEY, DUPSORT, INTEGERKEY, DUPFIXED, INTEGERDUP, REVERSEDUP = 0x02, 0x04, 0x08, 0x10, 0x20, 0x40
PERSISTENT = REVERSEKEY | DUPSORT | INTEGERKEY | DUPFIXED | INTEGERDUP | REVERSEDUP
HEADERS = {16: 0, 24: 24}
"""The offset from which node offsets count, by the size of the page header, in which the two data versions differ."""
DATABASE = struct.Struct("=IHHQQQQQ")
DATABASE_BYTES = DATABASE.size
FLAGS_AT = 4
"""Offset of the flags in the record of a database."""
NODE = struct.Struct("=HHHH")


class PageDamaged(Exception):
    """Raised if a page is not what the tree says it is; the message says how."""


class Database(msgspec.Struct, frozen=True):
    """One B-tree of an environment, as described by its 48-byte record (MDB_db)."""

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
        """Return the sort key function for the keys of this database."""
        if self.flags & INTEGERKEY:
            return partial(int.from_bytes, byteorder=sys.byteorder)
        if self.flags & REVERSEKEY:
            return lambda key: key[::-1]
        return lambda key: key

    def value_order(self) -> Callable[[bytes], Any]:
        """Return the sort key function for the values of one key (DUPSORT)."""
        if self.flags & INTEGERDUP:
            return partial(int.from_bytes, byteorder=sys.byteorder)
        if self.flags & REVERSEDUP:
            return lambda value: value[::-1]
        return lambda value: value


class Meta(msgspec.Struct, frozen=True):
    """A meta page: the number of its commit, the roots, and the last page in use."""

    version: int
    page_size: int
    free: Database
    main: Database
    last_page: int
    txnid: int


class Node(msgspec.Struct, frozen=True):
    """An entry of a page: a key with its child page (branch) or the place and size of its data (leaf)."""

    key: bytes
    child: int
    flags: int
    offset: int
    size: int


def database(raw: bytes) -> Database:
    """Return the Database that a 48-byte record describes."""
    _, flags, depth, branches, leaves, overflow, entries, root = DATABASE.unpack(raw)
    return Database(flags, depth, branches, leaves, overflow, entries, root)


def header_size(head: bytes) -> int | None:
    """Return the size of the page header if `head` begins an LMDB file that this machine can read, or None."""
    return next((size for size in HEADERS if head[size : size + 4] == MAGIC), None)


def other_machine(head: bytes) -> str | None:
    """Return which other kind of machine wrote the LMDB file that begins with `head`, or None if it is no such file."""
    if (header_size(head) is None and head[12:16] == MAGIC) or _has_narrow_sizes(head):
        return "a 32-bit machine"
    if header_size(head) is None and MAGIC[::-1] in (head[12:16], head[16:20], head[24:28]):
        return "a machine of the other byte order"
    return None


def _has_narrow_sizes(head: bytes) -> bool:
    """Check whether `head` begins a file of a 32-bit build with page numbers of 64 bits (MDB_VL32).

    Its page headers are those of a 64-bit build, and the page size comes 8 bytes earlier, behind narrower sizes.
    """
    if head[16:20] != MAGIC:
        return False
    early, usual = (int.from_bytes(head[at : at + 4], sys.byteorder) for at in (32, 40))
    return _is_page_size(early) and not _is_page_size(usual)


def _is_page_size(number: int) -> bool:
    return 256 <= number <= 65536 and not number & (number - 1)
