"""Large blocks of a LevelDB table, read several at a time: of values over a few kilobytes each has its own block.

They are read with one call into memory that is used again, their checksums are computed where they lie, and their
values are views. What is not plain (several records, compressed, damaged, a key that the index has elsewhere) is left
to `Table`, which reads the block once more and says what is wrong with it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

import google_crc32c
import numpy as np

from datacheck.backends.leveldb.block import SMALL, TRAILER, Damaged, Value, masked
from datacheck.backends.leveldb.table import LARGEST_TAG, TAG, Entries, Table
from datacheck.backends.shared.read_buffers import reused
from datacheck.files.retrying import preadv

TOGETHER = 2 << 20
"""Blocks are read so many bytes at a time, which stay in the processor's cache while they are looked at."""
RESTART = struct.Struct("<II")
"""What a block of one record ends with: where the record begins, and that there is one restart point."""
_STORED = struct.Struct("<I")
_TAG = struct.Struct("<Q")
LEAST = 16
"""No plain block has fewer bytes than this."""


class Single(NamedTuple):
    """The only record of a block."""

    user: bytes
    tag: int
    value: Value


def singles(table: Table, file: Callable[[], int], blocks: range) -> Iterator[tuple[int, Entries] | tuple[int, int]]:
    """Yield how many of some neighbouring blocks are plain, and their records; or 1, and the number of one that is not.

    `file` returns the descriptor, or raises Damaged.
    """
    begin, last = table.offsets[blocks[0]], blocks[-1]
    size = table.offsets[last] + table.sizes[last] + TRAILER - begin
    raw = reused(size)
    try:
        there = preadv(file(), [raw], begin) == size
    except (Damaged, OSError):
        there = False
    raw = raw.toreadonly()
    octets = np.frombuffer(raw, np.uint8)
    plain: list[Single] = []
    for block in blocks:
        at, size = table.offsets[block] - begin, table.sizes[block]
        single = None
        if (
            there
            and masked(google_crc32c.value(octets[at : at + size + 1])) == _STORED.unpack_from(raw, at + size + 1)[0]
        ):
            single = _single(raw, at, size)
        if single is not None and _in_bounds(table, block, single.user):
            plain.append(single)
            continue
        if plain:
            yield len(plain), _entries(plain)
            plain = []
        yield 1, block
    if plain:
        yield len(plain), _entries(plain)


def _entries(plain: list[Single]) -> Entries:
    tags = np.array([it.tag for it in plain], np.int64)
    return [it.user for it in plain], tags, [it.value for it in plain]


def _single(raw: memoryview, at: int, size: int) -> Single | None:
    """Return the only record of a block of `size` bytes, None where it has others or anything else is not plain."""
    end = at + size - RESTART.size
    if size < LEAST or raw[at + size] or RESTART.unpack_from(raw, end) != (0, 1):
        return None
    fresh, length, key = raw[at + 1], 0, at + 2
    for shift in range(0, 35, 7):
        byte = raw[key]
        key += 1
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    value = key + fresh
    if raw[at] or not TAG <= fresh < 0x80 or length < SMALL or value + length != end:
        return None
    (tag,) = _TAG.unpack_from(raw, value - TAG)
    return Single(bytes(raw[key : value - TAG]), tag & LARGEST_TAG, raw[value:end])


def _in_bounds(table: Table, block: int, user: bytes) -> bool:
    """Say if the key of a block is one that the index has for it, and not that of the block before."""
    low, high = table.bounds[block], table.bounds[block + 1]
    return (low < user if block else low <= user) and user <= high
