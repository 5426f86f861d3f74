"""Read the links of a new-style group from its fractal heap and from the indexes of that heap.

Links that were removed from a heap can still be read in it. So a link counts only if an index leads to it, or if there
are exactly as many links as the heap says.

HDF5 File Format Specification 3.0, III.A.2 (version 2 B-trees), III.G (fractal heaps), IV.A.2.c (link info).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from datacheck.backends.hdf5.recovery.headers import NOWHERE, Message
from datacheck.backends.hdf5.recovery.links import LINK_VERSION, Link, link_in_message
from datacheck.backends.hdf5.recovery.raw import Raw

BLOCK_HEAD = 21
"""Bytes at the start of a block of a link heap: its signature, version, heap address, offset and checksum."""
BLOCKS = tuple(512 << power for power in range(8))
"""The sizes that blocks of a link heap have, in bytes."""
BY_NAME, BY_ORDER = 5, 6
"""Types of B-trees that index links. Their records have a hash of 4 bytes, or a creation order of 8 bytes, before the
place in the heap."""
NODE_FRAME = 10
"""Bytes of a tree node besides its records: signature, version, type and checksum."""
DEEPEST = 16
NODES = 1 << 16
OBJECTS_AT = 70
"""Offset of the number of objects in the header of a heap."""


@dataclass(frozen=True, slots=True)
class Heaped:
    """The links of a group that were found; `certain` if they are complete and none of them was removed earlier."""

    links: list[Link]
    certain: bool
    unproven: frozenset[bytes] = frozenset()
    """Names of links that were found but may have been removed from the heap."""


def places_of(info: Message) -> tuple[int, list[int]] | None:
    """Return the addresses of the link heap and of the trees that index it, or None if there is no heap."""
    if len(info.held) < 18:
        return None
    at = 10 if info.held[1] & 1 else 2
    heap, *trees = struct.unpack_from(f"<{(len(info.held) - at) // 8}Q", info.held, at)
    return None if heap == NOWHERE else (heap, [it for it in trees[:2] if it != NOWHERE])


def links_in_heap(raw: Raw, heap: int, trees: Sequence[int], blocks: Sequence[int]) -> Heaped:
    """Return the links in the heap at an address, given the addresses of its blocks and of the trees that index it."""
    by_place: dict[int, Link] = {}
    starts: dict[int, int] = {}
    for at in blocks:
        read = _block(raw, at)
        if read is None:
            continue
        start, block = read
        starts[start] = starts.get(start, 0) + 1
        by_place.update((start + place, link) for place, link in _links_in_block(raw, block))
    if any(count > 1 for count in starts.values()):  # two blocks at one offset: one is obsolete, unknown which
        return Heaped([], certain=False, unproven=frozenset(it.name for it in by_place.values()))
    indexes = [_Index(raw, at) for at in trees]
    live = {place for it in indexes for place in it.places}
    if any(it.whole for it in indexes):
        certain = live <= by_place.keys()
    else:
        head = raw.read(heap, OBJECTS_AT + 8)
        count = int.from_bytes(head[OBJECTS_AT:], "little") if head.startswith(b"FRHP") else None
        certain = len(by_place) == count == len({it.name for it in by_place.values()})
        live = set(by_place) if certain else live
    links = [link for place, link in by_place.items() if place in live]
    if len({it.name for it in links}) < len(links):
        links, certain = [], False
    names = {it.name for it in links}
    rest = () if certain else (it.name for it in by_place.values() if it.name not in names)
    return Heaped(links, certain, frozenset(rest))


def _block(raw: Raw, at: int) -> tuple[int, bytes] | None:
    """Return the offset of a block in its heap, and its bytes, or None if the checksum matches at none of the sizes."""
    octets = raw.read(at, BLOCKS[-1])
    checksum = octets[BLOCK_HEAD - 4 : BLOCK_HEAD]
    for size in BLOCKS:
        block = octets[: BLOCK_HEAD - 4] + bytes(4) + octets[BLOCK_HEAD:size]
        if len(block) < size:
            break
        if raw.matches(at, block, checksum):
            return int.from_bytes(octets[13:17], "little"), block
    return None


def _links_in_block(raw: Raw, block: bytes) -> Iterator[tuple[int, Link]]:
    at = BLOCK_HEAD
    while (at := block.find(LINK_VERSION, at)) >= 0 and raw.looked(1):
        parsed = link_in_message(block, at)
        if parsed is None:
            at += 1
        else:
            link, end = parsed
            yield at, link
            at = end


@dataclass
class _Index:
    """The places in a heap that a tree leads to; `whole` if all of the tree could be read."""

    raw: Raw
    at: int
    places: set[int] = field(default_factory=set)
    whole: bool = False
    _head: int = 4
    _size: int = 0
    _record: int = 0
    _kind: int = 0

    def __post_init__(self) -> None:
        octets = self.raw.read(self.at, 38)
        if (
            len(octets) < 38
            or not octets.startswith(b"BTHD\0")
            or not self.raw.matches(self.at, octets[:34], octets[34:])
        ):
            return
        self._kind, self._size, self._record, depth = struct.unpack_from("<BIHH", octets, 5)
        root, used, total = struct.unpack_from("<QHQ", octets, 16)
        self._head = 4 if self._kind == BY_NAME else 8
        if self._kind not in (BY_NAME, BY_ORDER) or self._record != self._head + 7 or depth > DEEPEST:
            return
        if not NODE_FRAME + self._record <= self._size <= 1 << 16:
            return
        self._walk(root, used, depth)
        self.whole = len(self.places) == total

    def _walk(self, root: int, used: int, depth: int) -> None:
        widths = list(self._widths(depth))
        todo = [(root, used, depth)]
        visited: set[int] = set()
        while todo and len(visited) < NODES:
            at, used, depth = todo.pop()
            if at in visited or at == NOWHERE:
                continue
            visited.add(at)
            count, total = widths[depth - 1] if depth else (0, 0)
            pointer = 8 + count + total
            size = NODE_FRAME + used * self._record + ((used + 1) * pointer if depth else 0)
            octets = self.raw.read(at, size)
            sign = b"BTIN\0" if depth else b"BTLF\0"
            if len(octets) < size or octets[:6] != sign + bytes([self._kind]) or size > self._size:
                continue
            if not self.raw.matches(at, octets[:-4], octets[-4:]) or not self.raw.looked(used):
                continue
            for nth in range(used):
                flags, place = struct.unpack_from("<BI", octets, 6 + nth * self._record + self._head)
                if not flags & 0x30:  # a managed object; links are never of another type
                    self.places.add(place)
            begin = 6 + used * self._record
            for nth in range(used + 1 if depth else 0):
                step = begin + nth * pointer
                below = int.from_bytes(octets[step : step + 8], "little")
                todo.append((below, int.from_bytes(octets[step + 8 : step + 8 + count], "little"), depth - 1))

    def _widths(self, depth: int) -> Iterator[tuple[int, int]]:
        """Yield the widths in bytes, per level, of the record counts of a child node and of all nodes below it."""
        most = (self._size - NODE_FRAME) // self._record
        count, total, below = _bytes_for(most), 0, most
        for _ in range(depth):
            yield count, total
            pointer = 8 + count + total
            most = (self._size - NODE_FRAME - pointer) // (self._record + pointer)
            below = (most + 1) * below + most
            total = _bytes_for(below)


def _bytes_for(number: int) -> int:
    return (max(1, number).bit_length() - 1) // 8 + 1
