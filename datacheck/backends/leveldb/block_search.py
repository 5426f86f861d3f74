"""Find the blocks of a LevelDB table whose index or footer is lost, by walking through it from its start.

Only the index says how long a block is, but each block shows where it ends: an uncompressed one by its records and
restart points (table/block_builder.cc), a snappy one by the length it declares (google/snappy format_description.txt),
a zstd one by its frame (RFC 8878). The type and CRC32C that follow confirm it. Behind damage every offset where a block
could begin is tried, and the CRC32C decides again.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from datacheck.backends.leveldb.block import (
    LIMIT,
    SNAPPY,
    TRAILER,
    ZSTD,
    ZSTD_MAGIC,
    Damaged,
    Value,
    checksum,
    handle,
    parse_block,
    read_block,
    read_failure,
    varint,
)
from datacheck.backends.leveldb.table import TAG
from datacheck.files.regular import next_data
from datacheck.files.retrying import pread

WINDOW = 1 << 20
LARGEST = 256 << 20
"""Largest block that is searched for, in bytes."""
STEPS = 2_000_000
"""Maximum number of steps in a walk (a record, an element of snappy), plus one for each STEP_BYTES of the file."""
STEP_BYTES = 4
CHEAP_BYTES = 1 << 10
"""Number of bytes whose reading, or whose checksum, counts as one step."""
_U32 = struct.Struct("<I")
_BEGINNING = re.compile(
    rb"(?=\x00[\x08-\xff]"
    rb"|[\x80-\xff]{0,4}[\x01-\x7f](?:[" + bytes(range(0, 0xF0, 4)).replace(b"\\", rb"\\") + rb"]|\xf0.|\xf4..|\xf8...)"
    rb"\x00[\x08-\xff]"
    rb"|\x28\xb5\x2f\xfd)",
    re.DOTALL,
)
"""The beginning of a block: a first record that shares nothing and has a key of 8 bytes or more, or this compressed."""


class Piece(NamedTuple):
    """A block that was found: its place, and its first and last internal keys."""

    offset: int
    size: int
    first: bytes
    last: bytes


class Walked(NamedTuple):
    """The result of a walk: the blocks, where they end, and the index entries if the index was found.

    `spent` says that the walk gave up early.
    """

    pieces: list[Piece]
    end: int
    entries: tuple[list[bytes], list[Value]] | None
    spent: bool


class _Short(Exception):
    """Raised if the window of the file ends too early to decide."""


class _Spent(Exception):
    """Raised if too many steps led nowhere."""


def walk(file: int, size: int) -> Walked:
    """Walk a table of `size` bytes. Raises Damaged if the file cannot be read."""
    return _Walk(file, size).walk()


def begins_with_block(file: int, size: int) -> bool:
    """Return whether a file begins with a block whose CRC32C matches, as tables do. Raises Damaged if unreadable."""
    return _Walk(file, size).block_size(0) is not None


class _Walk:
    def __init__(self, file: int, size: int) -> None:
        self._file, self._size = file, size
        self._base, self._data = 0, b""
        self._steps = STEPS + size // STEP_BYTES

    def walk(self) -> Walked:
        pieces: list[Piece] = []
        end, spent = self._size, False
        try:
            for offset, size in self._blocks():
                try:
                    keys, values = parse_block(*read_block(self._file, offset, size))
                except Damaged as exc:
                    if exc.by_machine:
                        raise
                    continue
                if _is_metaindex(keys, values, offset):
                    end = min([end, offset, *(place[0] for place in map(handle, values) if place)])
                elif _is_index(values, offset, pieces):
                    return Walked(pieces, min(end, offset), (keys, values), spent)
                elif min(map(len, keys)) >= TAG:
                    pieces.append(Piece(offset, size, keys[0], keys[-1]))
        except _Spent:
            spent = True
        return Walked([piece for piece in pieces if piece.offset < end], end, None, spent)

    def _blocks(self) -> Iterator[tuple[int, int]]:
        """Yield the place and size of each block whose CRC32C matches."""
        at = 0
        while at + TRAILER < self._size:
            size = self.block_size(at)
            if size is not None:
                yield at, size
                at += size + TRAILER
                continue
            following = self._next(at + 1)
            if following is None:
                return
            at = following

    def _next(self, at: int) -> int | None:
        """Return the next place from `at` on where a block could begin, or None."""
        while at < self._size:
            if not self._base <= at < self._base + len(self._data) - 16:
                self._load(at, WINDOW)
            match = _BEGINNING.search(self._data, at - self._base)
            if match is not None:
                return self._base + match.start()
            reached = self._base + len(self._data)
            if reached >= self._size or not self._data:
                return None
            if not self._data.strip(b"\0"):  # a hole in the file may be of any size
                data = next_data(self._file, reached)
                if data is None:
                    return None
                reached = max(reached, data)
            at = max(at + 1, reached - 16)
        return None

    def block_size(self, at: int) -> int | None:
        """Return the size of the block at `at`, or None if there is none whose CRC32C matches."""
        if self._steps < 0:
            raise _Spent
        for measure in (_zstd_size, self._snappy_size, self._raw_size):
            window = WINDOW
            if not self._base <= at < self._base + len(self._data):
                self._load(at, window)
            while True:
                try:
                    size = measure(self._data, at - self._base)
                    if size is not None and self._has_matching_checksum(at - self._base, size):
                        return size
                    break
                except _Short:
                    if self._base + len(self._data) >= self._size or window > LARGEST:
                        break
                    self._load(at, window)
                    window *= 4
                except (IndexError, struct.error, Damaged) as exc:
                    if isinstance(exc, Damaged) and exc.by_machine:
                        raise
                    break
        return None

    def _load(self, at: int, window: int) -> None:
        self._steps -= window // CHEAP_BYTES
        try:
            self._base, self._data = at, pread(self._file, min(window, self._size - at), at)
        except OSError as exc:
            raise read_failure(exc, "", at, window) from exc

    def _has_matching_checksum(self, at: int, size: int) -> bool:
        end = at + size
        if end + TRAILER > len(self._data):
            raise _Short
        self._steps -= size // CHEAP_BYTES
        stored: int = _U32.unpack_from(self._data, end + 1)[0]
        return checksum(self._data, at, end + 1) == stored

    def _snappy_size(self, data: bytes, at: int) -> int | None:
        """Return the size of a snappy block by its elements, up to the length that it declares, or None."""
        begin, produced = at, 0
        length, at = varint(data, at)
        if not TAG <= length <= LIMIT or data[at] & 3:
            return None
        while produced < length:
            self._steps -= 1
            if at >= len(data):
                raise _Short
            tag = data[at]
            size = tag >> 2
            if tag & 3 == 0:
                wide = max(0, size - 59)
                if wide:
                    size = int.from_bytes(data[at + 1 : at + 1 + wide], "little")
                at += 2 + wide + size
                produced += size + 1
            elif tag & 3 == 1:
                produced += 4 + (size & 7)
                at += 2
            else:
                produced += 1 + size
                at += 3 if tag & 3 == 2 else 5
        if produced > length:
            return None
        if at + TRAILER > len(data):
            raise _Short
        return at - begin if data[at] == SNAPPY else None

    def _raw_size(self, data: bytes, at: int) -> int | None:
        """Return the size of an uncompressed block, or None: records up to one that is all zero, and restart points."""
        begin, length, count = at, 0, len(data)
        restarts = {0}
        while True:
            self._steps -= 1
            if at + 20 > count:
                _require_window(data, at + 20, self._base, self._size)
            record = at
            shared, at = varint(data, at)
            fresh, at = varint(data, at)
            value, at = varint(data, at)
            if not fresh:
                return None if shared or value else _size_by_restarts(data, record, begin, restarts)
            if shared > length or shared + fresh < TAG:
                return None
            if not shared:
                restarts.add(record - begin)
            length = shared + fresh
            at += fresh + value
            if at - begin > LARGEST or self._base + at > self._size:
                return None


def _require_window(data: bytes, end: int, base: int, size: int) -> None:
    """Raise _Short if the window ends before `end` although the file goes on."""
    if end > len(data) and base + len(data) < size:
        raise _Short


def _size_by_restarts(data: bytes, at: int, begin: int, records: set[int]) -> int | None:
    """Return the size of a block whose restart points begin at `at`, or None if these are not valid.

    Restart points are ascending offsets of records, followed by their number.
    """
    count, before = 0, -1
    while True:
        if at + 4 + TRAILER > len(data):
            raise _Short
        number: int = _U32.unpack_from(data, at)[0]
        at += 4
        if number > before and number in records:
            count, before = count + 1, number
        elif number != count or not count or data[at]:
            return None
        else:
            return at - begin


def _zstd_size(data: bytes, at: int) -> int | None:
    """Return the size of a zstd block, or None: a frame's header, its blocks, and the checksum it may have."""
    if data[at : at + 4] != ZSTD_MAGIC:
        return None
    begin, flags = at, data[at + 4]
    single = flags >> 5 & 1
    at += 5 + (1 - single) + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6]
    last = 0
    while not last:
        if at + 3 > len(data):
            raise _Short
        header = int.from_bytes(data[at : at + 3], "little")
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        if kind == 3:
            return None
        at += 3 + (1 if kind == 1 else size)
    at += 4 * (flags >> 2 & 1)
    if at + TRAILER > len(data):
        raise _Short
    return at - begin if data[at] == ZSTD else None


def _is_metaindex(keys: list[bytes], values: list[Value], offset: int) -> bool:
    """Return whether a block is a metaindex, without records: it is empty, or names the filter before it."""
    if not all(key.startswith(b"filter.") for key in keys):
        return False
    return all(place is not None and sum(place) + TRAILER == offset for place in map(handle, values))


def _is_index(values: list[Value], offset: int, pieces: list[Piece]) -> bool:
    """Return whether a block is the index: the places of contiguous blocks, including all those found before."""
    end, places = 0, set()
    for place in map(handle, values):
        if place is None or place[0] != end:
            return False
        places.add(place)
        end = sum(place) + TRAILER
    return end <= offset and all((piece.offset, piece.size) in places for piece in pieces)
