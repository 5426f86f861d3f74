"""Index and read a LevelDB table: which of its blocks hold which keys, and the records of a block.

Source: google/leveldb doc/table_format.md. Keys in a table are internal keys: the user's key and 8 bytes, little-endian
``sequence << 8 | type``, sorted by user key and then newest first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter, le, lt
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.leveldb.block import Bytes, Damaged, Value, parse_block, read_block

BYTEWISE = "leveldb.BytewiseComparator"
TAG = 8
"""Number of bytes behind the user's key that hold the write's sequence number and type."""

LARGEST_TAG = (1 << 63) - 1
VALUE = 1
"""Bit of a tag that is clear if the write is a deletion."""

Tags = NDArray[np.int64]
"""Sequence numbers and types, without the highest bit: no store ever reaches that number of writes."""
Entries = tuple[list[bytes], Tags, Sequence[Value]]
"""User keys, tags and values."""


class TableFile(NamedTuple):
    """A table as the MANIFEST names it; `smallest` and `largest` are user keys.

    If the MANIFEST does not know the table, `level` is None, and the keys are taken from its own blocks.
    """

    number: int
    level: int | None
    size: int
    smallest: bytes
    largest: bytes


Edge = tuple[bytes, int]
"""A place between records, like a Position: `(key, 0)` is before the record with that key, `(key, 1)` behind it."""


class Gap(NamedTuple):
    """A stretch of a table in which no block was found, and the keys around it."""

    damage: Damaged
    low: bytes
    high: bytes | None


@dataclass(frozen=True, slots=True)
class Table:
    """A table's index. Block `i` holds the keys above `bounds[i]`, up to and including `bounds[i + 1]`.

    The first also holds `bounds[0]`, the table's smallest key. A record whose key is the lower bound of its block is an
    older version of one in the block before, and is left out.

    If there is no index, `damage` says why; the blocks were then found without it, and some of them are a Gap.
    """

    path: Path
    bounds: Sequence[bytes]
    offsets: Sequence[int]
    sizes: Sequence[int]
    damage: Damaged | None = None
    gaps: Mapping[int, Gap] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.offsets)

    def home(self, block: int) -> Edge:
        """Return the place that decides which shard reports damage to the block."""
        return self.bounds[block], 1

    def between(self, start: Edge, stop: Edge | None) -> range:
        """Return the blocks that a range of keys needs, or whose home is in it."""
        first = max(0, bisect_left(self.bounds, start[0]) - 1)
        while first < len(self) and (self.bounds[first + 1], 1) <= start and self.home(first) < start:
            first += 1
        if stop is None:
            return range(first, len(self))
        last = max(bisect_left(self.bounds, stop[0]), int((self.bounds[0], 0) < stop))
        return range(first, min(last, len(self)))

    def span(self, block: int) -> tuple[bytes, bytes | None]:
        """Return the keys between which the records of a block lie."""
        gap = self.gaps.get(block)
        return (self.bounds[block], self.bounds[block + 1]) if gap is None else (gap.low, gap.high)

    def read(self, file: int, block: int) -> Entries:
        """Return the records of a block, the newest of each key. Raises Damaged."""
        if block in self.gaps:
            raise self.gaps[block].damage
        return self.parse(block, read_block(file, self.offsets[block], self.sizes[block]))

    def parse(self, block: int, content: tuple[Bytes, int]) -> Entries:
        """Return the records of a block from its content, the newest of each key. Raises Damaged."""
        low, high = self.bounds[block], self.bounds[block + 1]
        try:
            inner, values = parse_block(*content)
            users, distinct = _user_keys(inner, low, high)
        except Damaged as exc:
            raise exc.at(self.offsets[block], self.sizes[block]) from exc
        tags = np.frombuffer(b"".join(map(_TAG, inner)), "<i8") & LARGEST_TAG
        if not distinct or (block and users and users[0] == low):
            before = [low if block else None, *users]
            kept = [row for row, key in enumerate(users) if key != before[row]]
            return [users[row] for row in kept], tags[kept], [values[row] for row in kept]
        return users, tags, values


def _user_keys(inner: list[bytes], low: bytes, high: bytes) -> tuple[list[bytes], bool]:
    """Return the user keys of a block's internal keys, and whether all are different.

    Raises Damaged if they are not where the index has them.
    """
    users = list(map(_USER_KEY, inner))
    if not users:
        return users, True
    # If keys ascend, only the first can be empty, and so only that one can have been too short.
    distinct = all(map(lt, users, islice(users, 1, None)))
    if len(inner[0]) < TAG or (not distinct and min(map(len, inner)) < TAG):
        raise Damaged("damaged-store", "passes its CRC32C, but has keys without a sequence number")
    if not distinct and not all(map(le, users, islice(users, 1, None))):
        raise Damaged("damaged-store", "passes its CRC32C, but its keys are out of order")
    if not (low <= users[0] and users[-1] <= high):
        raise Damaged("damaged-store", "passes its CRC32C, but holds keys beyond those in the index")
    return users, distinct


_USER_KEY = itemgetter(slice(None, -TAG))
_TAG = itemgetter(slice(-TAG, None))
