"""Read the links of a group without the library, from its header or its symbol table.

HDF5 File Format Specification 3.0, III.A.1 (B-trees), III.B and III.C (symbol tables), III.D (local heaps),
IV.A.2.g (the link message).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from datacheck.backends.hdf5.recovery.headers import NOWHERE
from datacheck.backends.hdf5.recovery.raw import Raw
from datacheck.backends.hdf5.structure.group_tree import group_trouble
from datacheck.backends.hdf5.structure.name_heap import names_in_heap

HEAP_BYTES = 16 << 20
"""Maximum number of bytes that are read of a group's name heap."""
NAME_BYTES = 1 << 16
"""Maximum length of a name in bytes: a message that holds one has a 16-bit length."""
NODES = 1 << 16
"""Maximum number of nodes of a group's B-tree that are read."""
ENTRY = 40
"""Size of a symbol table entry in bytes."""
NODE_ENTRIES = 1 << 12
NODE_BYTES, TREE_BYTES = 328, 544
"""Sizes in bytes of a symbol table node and of a node of its tree, unless a file says otherwise."""
GROUP_IN_CACHE, SOFT_IN_CACHE = 1, 2
"""Cache types of a symbol table entry: it holds the places of a group's tree and heap, or it is a soft link."""
LINK_VERSION = 1
HARD, SOFT, EXTERNAL = 0, 1, 64


@dataclass(frozen=True, slots=True)
class Link:
    """A link; `address` is the target of a hard link, `value` the path in a soft link."""

    name: bytes
    address: int = NOWHERE
    kind: int = HARD
    value: bytes = b""
    places: tuple[int, int] | None = None
    """Addresses of the tree and the heap of the old-style group that the link leads to, if its entry has them."""


def link_in_message(octets: bytes, at: int = 0) -> tuple[Link, int] | None:
    """Return the link that a message holds at a position, and the position of its end, or None if there is none."""
    try:
        return _parsed_link(octets, at)
    except (struct.error, IndexError):
        return None


def _parsed_link(octets: bytes, at: int) -> tuple[Link, int] | None:
    version, flags = octets[at], octets[at + 1]
    if version != LINK_VERSION or flags & 0xE0:
        return None
    at += 2
    kind = HARD
    if flags & 0x08:
        kind = octets[at]
        at += 1
    at += 8 if flags & 0x04 else 0
    at += 1 if flags & 0x10 else 0
    width = 1 << (flags & 3)
    length = int.from_bytes(octets[at : at + width], "little")
    at += width
    name = octets[at : at + length]
    at += length
    if len(name) != length or not name or b"/" in name or b"\0" in name:
        return None
    if kind == HARD:
        (address,) = struct.unpack_from("<Q", octets, at)
        return Link(name, address), at + 8
    (size,) = struct.unpack_from("<H", octets, at)
    value = octets[at + 2 : at + 2 + size]
    return (Link(name, kind=kind, value=value), at + 2 + size) if len(value) == size else None


@dataclass
class SymbolTable:
    """The links of an old-style group that its remaining nodes have; `lost` counts missing or damaged parts.

    `beyond` says that such a part lay beyond the end of the file. `names` are the names in the heap that no link has.
    """

    links: list[Link] = field(default_factory=list)
    nodes: set[int] = field(default_factory=set)
    lost: int = 0
    treeless: bool = False
    """Whether a part of the tree is lost, so that there may be orphaned nodes of this group."""
    beyond: bool = False
    short: bool = False
    """Whether a node extends beyond the end of the file. The library reads all of a node, however little is used."""
    heap: bytes = b""
    names: set[bytes] = field(default_factory=set)
    unnamed: list[int] = field(default_factory=list)
    """Addresses that links lead to whose names are lost."""


def symbol_table(raw: Raw, tree: int, heap: int) -> SymbolTable:
    """Read the symbol table of an old-style group."""
    table = SymbolTable(heap=heap_data(raw, heap))
    if not table.heap:
        table.lost += 1
        table.beyond |= raw.lacks(heap, 32)
    todo = [(tree, True)]
    visited: set[int] = set()
    while todo and len(visited) < NODES:
        at, in_tree = todo.pop()
        if at in visited:
            table.lost += 1
            table.treeless = True
            continue
        visited.add(at)
        if raw.read(at, 4) == b"SNOD":
            table.nodes.add(at)
            table.short |= raw.lacks(at, NODE_BYTES)
            found_entries, missing = entries_and_missing(raw, at)
            _add_links(raw, table, found_entries)
            if missing:
                table.lost += 1
                table.beyond |= raw.lacks(at, 8 + ENTRY * (len(found_entries) + missing))
            continue
        table.short |= raw.lacks(at, TREE_BYTES)
        level, below = _children(raw, at)
        if below is None:
            table.lost += 1
            table.treeless |= in_tree
            table.beyond |= raw.lacks(at, 24)
        else:
            todo += ((it, level > 0) for it in reversed(below))
    trouble = group_trouble(raw.read, tree, heap, raw.fanout) if not table.treeless else None
    if trouble is not None and trouble.lost:
        table.lost += 1
        table.treeless = True
    if table.lost:
        heap_names = names_in_heap(raw.read, heap)
        raw.looked(len(heap_names))
        table.names = set(heap_names).difference(*((it.name, it.value) for it in table.links))
    return table


def _add_links(raw: Raw, table: SymbolTable, found: Sequence[Entry]) -> None:
    for entry in found:
        link = entry.link(table.heap)
        if not raw.looked(1, 0 if link is None else len(link.name) + len(link.value)):
            return
        if link is not None:
            table.links.append(link)
        elif entry.cache != SOFT_IN_CACHE:
            table.unnamed.append(entry.address)
            table.lost += bool(table.heap)


def _children(raw: Raw, at: int) -> tuple[int, list[int] | None]:
    """Return the level of a tree node and the addresses it links to, or None for the addresses if it is unreadable."""
    head = raw.read(at, 24)
    if len(head) < 24 or head[:5] != b"TREE\0":
        return 0, None
    used = int.from_bytes(head[6:8], "little")
    octets = raw.read(at + 24, 16 * used + 8)
    if len(octets) < 16 * used or not raw.looked(used // 16):
        return head[5], None
    return head[5], [int(struct.unpack_from("<Q", octets, 16 * nth + 8)[0]) for nth in range(used)]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a node of a symbol table."""

    name_at: int
    address: int
    cache: int
    value_at: int
    places: tuple[int, int]

    def link(self, heap: bytes) -> Link | None:
        """Return the link with its name from the heap, or None if the heap has no name for it."""
        name = text_at(heap, self.name_at)
        if not name:
            return None
        if self.cache != SOFT_IN_CACHE:
            return Link(name, self.address, places=self.places if self.cache == GROUP_IN_CACHE else None)
        value = text_at(heap, self.value_at)
        return Link(name, kind=SOFT, value=value) if value else None


def entries(raw: Raw, at: int) -> list[Entry]:
    """Return the entries that are left of the symbol table node at an address, or none if it is not such a node."""
    return entries_and_missing(raw, at)[0]


def entries_and_missing(raw: Raw, at: int) -> tuple[list[Entry], int]:
    """Return the entries of the symbol table node at an address, and the number of entries that are missing."""
    head = raw.read(at, 8)
    used = int.from_bytes(head[6:8], "little")
    if head[:5] != b"SNOD\x01" or len(head) < 8 or used > NODE_ENTRIES:
        return [], 1
    octets = raw.read(at + 8, ENTRY * used)
    raw.looked(len(octets) // ENTRY)
    found = [struct.unpack_from("<QQI4xQQ", octets, nth * ENTRY) for nth in range(len(octets) // ENTRY)]
    parsed = [Entry(name, at, cache, one & 0xFFFFFFFF, (one, other)) for name, at, cache, one, other in found]
    return parsed, used - len(parsed)


def text_at(heap: bytes, at: int) -> bytes:
    """Return the text that begins at a position of a heap, or no bytes if none does."""
    if not 0 < at < len(heap):
        return b""
    end = heap.find(b"\0", at, at + NAME_BYTES)
    return heap[at:end] if end > at else b""


def heap_data(raw: Raw, at: int) -> bytes:
    """Return the data of the local heap at an address, names and gaps included, or no bytes if it is not intact."""
    if at not in raw.heaps:
        octets = _read_heap_data(raw, at)
        raw.heaps[at] = octets if raw.keep(len(octets)) else b""
    return raw.heaps[at]


def _read_heap_data(raw: Raw, at: int) -> bytes:
    head = raw.read(at, 32)
    if len(head) < 32 or not head.startswith(b"HEAP\0"):
        return b""
    size, _, data = struct.unpack_from("<QQQ", head, 8)
    octets = raw.read(data, min(size, HEAP_BYTES)) if data < NOWHERE else b""
    return octets if len(octets) == min(size, HEAP_BYTES) and octets[:1] == b"\0" else b""


def names_fit(raw: Raw, heap: bytes, found: Sequence[Entry]) -> bool:
    """Check whether the names of a node are from this heap: each begins where a name does, and they are in order."""
    if not raw.looked(1):
        return False
    if not found or not heap.startswith(b"\0", found[0].name_at - 1) or not raw.looked(len(found)):
        return False  # this cheap check comes first, since most nodes do not fit
    names = [text_at(heap, it.name_at) for it in found]
    starts = all(it.name_at % 8 == 0 and heap[it.name_at - 1 : it.name_at] == b"\0" for it in found)
    return bool(found) and starts and all(names) and names == sorted(set(names))
