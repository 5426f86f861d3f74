"""Read several large blocks of a LevelDB table at a time: values over a few kilobytes have a block each.

They are read with one call into reused memory, their checksums are computed in place, and their values are views. Any
block that is not plain (several records, compressed, damaged, a key that contradicts the index) is left to `Table`,
which reads it once more and says what is wrong with it.

Blocks of equal size, which records of equal size produce, are processed together: if the bytes around the first value
are the same around all others, the values become the rows of one array. Otherwise each block is processed by itself.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import le, lt
from typing import Any, NamedTuple

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.leveldb.block import SMALL, TRAILER, Damaged, Value, masked
from datacheck.backends.leveldb.table import LARGEST_TAG, TAG, Entries, Table
from datacheck.backends.shared.read_buffers import reused
from datacheck.files.retrying import preadv, retried
from datacheck.model.equal_lengths import EqualLengths

TOGETHER = 2 << 20
"""Number of bytes of blocks that are read at a time: few enough to stay in the processor's cache while in use."""
EVEN_BYTES, CHECKED_BYTES = 24 << 20, 768 << 10
"""Bytes of equally large blocks processed together, and bytes read before their checksums are computed.

The latter are then still in the processor's second-level cache.
"""
PAGE = 4096
"""Bytes of a page: the kernel copies a file page by page."""
RESTART = struct.Struct("<II")
"""The end of a block with one record: the offset of that record, and the number of restart points, one."""
_STORED = struct.Struct("<I")
_TAG = struct.Struct("<Q")
LEAST = 16
"""Smallest size of a plain block, in bytes."""


class Single(NamedTuple):
    """The only record of a block."""

    user: bytes
    tag: int
    value: Value


def singles(table: Table, file: Callable[[], int], blocks: range) -> Iterator[tuple[int, Entries] | tuple[int, int]]:
    """Yield the count of neighbouring plain blocks and their records, or 1 and the number of a block that is not plain.

    `file` returns the descriptor, or raises Damaged.
    """
    begin, last = table.offsets[blocks[0]], blocks[-1]
    size = table.offsets[last] + table.sizes[last] + TRAILER - begin
    raw = _memory_for(begin, size)
    octets = np.frombuffer(raw.toreadonly(), np.uint8)
    if len(blocks) > 1 and table.sizes[blocks[0]] >= LEAST and are_even(table, blocks):
        checked = _read_evenly(file, raw, begin, len(blocks))
        is_read = checked is not None
        entries = None if checked is None else _even_blocks(table, blocks, octets.reshape(len(blocks), -1), checked)
        if entries is not None:
            yield len(blocks), entries
            return
    else:
        is_read = _read(file, raw, begin)
    raw = raw.toreadonly()
    plain: list[Single] = []
    for block in blocks:
        at, size = table.offsets[block] - begin, table.sizes[block]
        single = None
        if (
            is_read
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


def _memory_for(begin: int, size: int) -> memoryview[Any]:
    """Return `size` bytes to read from `begin` of a file, aligned as there, so that the kernel copies whole pages."""
    ahead = begin % PAGE
    return reused(ahead + size)[ahead:]


def _read(file: Callable[[], int], raw: memoryview, begin: int) -> bool:
    """Fill memory from a place in the file on; return False if that is not possible."""
    try:
        return preadv(file(), [raw], begin) == len(raw)
    except (Damaged, OSError):
        return False


def are_even(table: Table, blocks: range) -> bool:
    """Return whether blocks have equal sizes and lie back to back."""
    first, size = table.offsets[blocks.start], table.sizes[blocks.start]
    step, count = size + TRAILER, len(blocks)
    return tuple(table.sizes[blocks.start : blocks.stop]) == (size,) * count and tuple(
        table.offsets[blocks.start : blocks.stop]
    ) == (*range(first, first + count * step, step),)


def _read_evenly(file: Callable[[], int], raw: memoryview, begin: int, count: int) -> NDArray[np.uint64] | None:
    """Fill memory with `count` equally large blocks and return their checksums, or None if the file lacks some of it.

    The blocks are checked while they are in the processor's cache.
    """
    step = len(raw) // count
    checked = np.frombuffer(raw.toreadonly(), np.uint8).reshape(count, step)[:, : step - TRAILER + 1]
    at_once = max(1, CHECKED_BYTES // step)

    def checksums(descriptor: int) -> list[int] | None:
        found: list[int] = []
        for first in range(0, count, at_once):
            piece = raw[first * step : (first + at_once) * step]
            if os.preadv(descriptor, [piece], begin + first * step) < len(piece):
                return None
            found += map(google_crc32c.value, checked[first : first + at_once])
        return found

    try:
        descriptor = file()
        found = retried(lambda: checksums(descriptor))
    except (Damaged, OSError):
        return None
    return None if found is None else np.array(found, np.uint64)


def _even_blocks(table: Table, blocks: range, rows: NDArray[np.uint8], checksums: NDArray[np.uint64]) -> Entries | None:
    """Return the records of equally large blocks, or None if any differs from the first.

    `rows` has shape (blocks, size and trailer).
    """
    size = rows.shape[1] - TRAILER
    first = _single(rows[0].data, 0, size)
    stored = np.ascontiguousarray(rows[:, size + 1 :]).view("<u4")[:, 0]
    rotated = (checksums >> np.uint64(15) | checksums << np.uint64(17)) & np.uint64(0xFFFFFFFF)
    if first is None or ((rotated + np.uint64(0xA282EAD8) & np.uint64(0xFFFFFFFF)) != stored).any():
        return None
    end = size - RESTART.size
    value = end - len(first.value)
    key = value - TAG - len(first.user)
    if (rows[:, :key] != rows[0, :key]).any() or (rows[:, end : size + 1] != rows[0, end : size + 1]).any():
        return None
    keys = rows[:, key : value - TAG].tobytes()
    width = len(first.user)
    users = [keys[at : at + width] for at in range(0, len(keys), width)] if width else [b""] * len(rows)
    if not _are_in_bounds(table.bounds[blocks.start : blocks.stop + 1], users, blocks.start):
        return None
    tags = np.ascontiguousarray(rows[:, value - TAG : value]).view("<i8")[:, 0] & LARGEST_TAG
    return users, tags, EqualLengths(rows[:, value:end])


def _are_in_bounds(bounds: Sequence[bytes], users: list[bytes], first: int) -> bool:
    """Return whether the keys of neighbouring blocks, from block `first` on, agree with the index."""
    if not (bounds[0] < users[0] if first else bounds[0] <= users[0]):
        return False
    return all(map(lt, islice(bounds, 1, None), users[1:])) and all(map(le, users, islice(bounds, 1, None)))


def _entries(plain: list[Single]) -> Entries:
    tags = np.array([it.tag for it in plain], np.int64)
    return [it.user for it in plain], tags, [it.value for it in plain]


def _single(raw: memoryview, at: int, size: int) -> Single | None:
    """Return the only record of a block of `size` bytes, or None if it has others or is not plain otherwise."""
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
    """Return whether the key of a block agrees with the index and differs from that of the block before."""
    low, high = table.bounds[block], table.bounds[block + 1]
    return (low < user if block else low <= user) and user <= high
