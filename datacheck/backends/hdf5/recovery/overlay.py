"""Build what the library is shown in place of the damaged parts of a file: patches, and data behind its end.

A header that lost a piece is shown without the continuation that led to it. A group that lost names, or has a link that
cannot be right, is shown with a new symbol table, as old-style groups have it (for its parts see `links`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from datacheck.backends.hdf5.recovery.headers import LINK, LINK_INFO, NIL, NOWHERE, Header
from datacheck.backends.hdf5.recovery.links import ENTRY, HARD, SOFT, SOFT_IN_CACHE, Link
from datacheck.backends.hdf5.structure.superblock import SYMBOL_TABLE, lookup3

MOST_BYTES = 48 << 20
"""Maximum number of bytes that are shown in place of damaged bytes or behind the file."""
NO_HOLE = 1
"""Offset that marks the end of a heap's free list."""


@dataclass
class Overlay:
    """Patches with their addresses, and the bytes `behind` the file, which begin at the address `start`.

    A symbol table node has room for 2 * `leaf` entries, a node of its tree for 2 * `inner` children.
    """

    start: int
    leaf: int = 4
    inner: int = 16
    patches: list[tuple[int, bytes]] = field(default_factory=list)
    behind: bytearray = field(default_factory=bytearray)
    patched: int = 0

    @property
    def heavy(self) -> bool:
        """Whether the limit is exceeded and nothing more may be shown."""
        return len(self.behind) + self.patched > MOST_BYTES

    def put(self, octets: bytes) -> int:
        """Append bytes behind the file, padded to a multiple of 8; return their address."""
        at = self.start + len(self.behind)
        self.behind += octets + bytes(-len(octets) % 8)
        return at

    def show(self, object_header: Header, links: Sequence[Link] | None = None) -> bool:
        """Show a header without the continuations that lead to nothing; with `links`, a group with only these links.

        Return False if no message of the header has room for the addresses of the new symbol table.
        """
        pieces = [bytearray(it.held) for it in object_header.pieces]

        def mark(at: int, piece: int, kind: int, octets: bytes | None = None) -> None:
            begin = at - object_header.pieces[piece].at
            struct.pack_into("<H" if object_header.version == 1 else "<B", pieces[piece], begin, kind)
            if octets is not None:
                pieces[piece][begin + object_header.head : begin + object_header.head + len(octets)] = octets

        for it in object_header.lost:
            mark(it.at, it.piece, NIL)
        for it in object_header.messages if object_header.rewritten else ():
            if it.kind == SYMBOL_TABLE:
                mark(it.at, it.piece, SYMBOL_TABLE, it.held[:16])
        if links is not None:
            of_links = [it for it in object_header.messages if it.kind in (SYMBOL_TABLE, LINK_INFO, LINK)]
            room = next((it for it in (*of_links, *object_header.lost) if len(it.held) >= 16), None)
            if room is None:
                return False
            for it in of_links:
                mark(it.at, it.piece, NIL)
            mark(room.at, room.piece, SYMBOL_TABLE, self.table(links))
        self._patch(object_header, pieces)
        return True

    def _patch(self, object_header: Header, pieces: Sequence[bytearray]) -> None:
        if object_header.version == 1:
            pieces[0][2:4] = len(object_header.messages).to_bytes(2, "little")
        for piece, octets in zip(object_header.pieces, pieces, strict=True):
            if object_header.version == 2:
                octets[-4:] = lookup3(bytes(octets[:-4])).to_bytes(4, "little")
            self.patches.append((piece.at, bytes(octets)))
            self.patched += len(octets)

    def group(self, links: Sequence[Link]) -> int:
        """Append a new group with these links behind the file; return its address."""
        message = struct.pack("<HHBxxx", SYMBOL_TABLE, 16, 0) + self.table(links)
        return self.put(struct.pack("<BBHIII", 1, 0, 1, 1, len(message), 0) + message)

    def table(self, links: Sequence[Link]) -> bytes:
        """Append a symbol table behind the file; return the addresses of its tree and heap as a header encodes them."""
        named = {it.name: it for it in links if it.kind in (HARD, SOFT)}
        heap = bytearray(8)

        def kept(text: bytes) -> int:
            at = len(heap)
            heap.extend(text + bytes(8 - len(text) % 8))
            return at

        entries = []
        for name in sorted(named):
            link, at = named[name], kept(name)
            soft = link.kind == SOFT
            scratch = struct.pack("<I", kept(link.value)) if soft else b""
            cache = SOFT_IN_CACHE if soft else 0
            entries.append((at, struct.pack("<QQI4x", at, link.address, cache) + scratch.ljust(16, b"\0")))
        data = self.put(bytes(heap))
        at_heap = self.put(b"HEAP" + struct.pack("<B3xQQQ", 0, len(heap), NO_HOLE, data))
        nodes = []
        for start in range(0, len(entries), 2 * self.leaf):
            part = entries[start : start + 2 * self.leaf]
            node = b"SNOD\x01\0" + struct.pack("<H", len(part)) + b"".join(it for _, it in part)
            nodes.append((part[-1][0], self.put(node.ljust(8 + 2 * self.leaf * ENTRY, b"\0"))))
        return struct.pack("<QQ", self._tree(nodes), at_heap)

    def _tree(self, nodes: list[tuple[int, int]]) -> int:
        """Append the tree above nodes given as (place of the last name in the heap, address); return its address."""
        level, size = 0, 24 + 8 * (4 * self.inner + 1)
        while True:
            parts = [nodes[at : at + 2 * self.inner] for at in range(0, len(nodes), 2 * self.inner)] or [[]]
            begin = self.start + len(self.behind)
            above, before = [], 0
            for nth, part in enumerate(parts):
                left = begin + (nth - 1) * size if nth else NOWHERE
                right = begin + (nth + 1) * size if nth + 1 < len(parts) else NOWHERE
                node = b"TREE\0" + struct.pack("<BHQQQ", level, len(part), left, right, before)
                node += b"".join(struct.pack("<QQ", at, last) for last, at in part)
                before = part[-1][0] if part else 0
                above.append((before, self.put(node.ljust(size, b"\0"))))
            if len(above) == 1:
                return above[0][1]
            nodes, level = above, level + 1
