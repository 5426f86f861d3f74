"""Tell that a key is not in a database, by what was seen between other keys: of most names that is all there is to say.

Conventions ask for two dozen names, of which a store has one or two; each look takes half a millisecond or more. But
one look shows which key comes next, so that all names up to that one are known to be absent as well.
"""

from __future__ import annotations

from datacheck.backends.interface import Peeking, Reader, Sorted
from datacheck.model.blocks import Block, Position, Shard
from datacheck.scanning.blame import blamed

FEW = 2
"""A reader that is asked for so many records looks at a leaf as a whole; for a single one it takes longer."""


class AbsentKeys:
    """Knows stretches of one database without a key."""

    def __init__(self, reader: Reader, part: str) -> None:
        self._reader, self._part = reader, part
        self._gaps: list[tuple[bytes, bytes | None]] = []
        self._knows = isinstance(reader, Sorted) and reader.in_byte_order(part)

    def lacks(self, key: bytes) -> bool:
        """Say whether a key is known not to be there, or to be lost; where it says no, somebody has to look."""
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
