"""Determine that a key is not in a database from neighbouring keys that were read before.

Conventions ask for two dozen names, of which a store has one or two. Each lookup takes half a millisecond or more, but
it also shows which key comes next, so that all names up to that key are known to be absent as well.
"""

from __future__ import annotations

from datacheck.backends.interface import Peeking, Reader, Sorted
from datacheck.model.blocks import Block, Position, Shard
from datacheck.scanning.blame import blamed

FEW = 2
"""Number of records to peek at. A reader asked for two reads a leaf as a whole; asked for one it takes longer."""


class AbsentKeys:
    """The gaps between the keys of one database, as far as they are known."""

    def __init__(self, reader: Reader, part: str) -> None:
        self._reader, self._part = reader, part
        self._gaps: list[tuple[bytes, bytes | None]] = []
        self._knows = isinstance(reader, Sorted) and reader.in_byte_order(part)

    def lacks(self, key: bytes) -> bool:
        """Return whether a key is known to be absent or lost.

        False means that it is not known: the key has to be looked up.
        """
        reader = self._reader
        if not self._knows or not isinstance(reader, Peeking):
            return False
        if any(low <= key and (high is None or key < high) for low, high in self._gaps):
            return True
        for block in blamed("unreadable", reader.peek, Shard(self._part, Position(key)), FEW):
            if not isinstance(block, Block) or block.findings:
                return False
            if block.keys:
                following = block.keys[0]
                if following > key:
                    self._gaps.append((key, following))
                return following > key
        self._gaps.append((key, None))
        return True
