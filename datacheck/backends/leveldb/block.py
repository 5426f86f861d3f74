"""Read a block of a LevelDB table: its CRC32C, its compression, and its records with shared prefixes.

Source: google/leveldb doc/table_format.md, table/format.cc, table/block.cc, util/crc32c.h.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import Any, Literal

import google_crc32c
import numpy as np

from datacheck import compression
from datacheck.backends.shared.read_buffers import reused
from datacheck.errors import DENIED
from datacheck.files.retrying import pread, preadv
from datacheck.model.codes import CODES, Verdict
from datacheck.model.finding import errno_details
from datacheck.model.slips import ENVIRONMENT
from datacheck.varint import LONGEST, decoded

TRAILER = 5
LIMIT = 1 << 30
"""Largest unpacked size of a block that is read, in bytes; the content of larger ones is not checked."""
KEY_BUDGET = 64 << 20
"""Maximum number of bytes that the long keys of one block may share with their predecessors for it to be read."""
SNAPPY_RATIO, ZSTD_RATIO = 32, 1 << 15
"""Upper limits of the unpacked bytes per stored byte.

The densest element of snappy makes 64 bytes of 3 (google/snappy format_description.txt), that of zstd a block of 128
KiB of 4 (RFC 8878, sections 3.1.1.2.2 and 3.1.1.2.3).
"""
SPARE = 64
LARGE = 128 << 10
"""Smallest block that is read into reused memory, in bytes: page faults on new memory cost more than reading."""
SMALL = 1 << 10
"""Values shorter than this, in bytes, are copied: a memoryview costs more and burdens the garbage collector."""
SNAPPY, ZSTD = 1, 2
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_U32 = struct.Struct("<I")


Bytes = bytes | memoryview
Value = bytes | memoryview


Toll = Literal["lost", "not checked", "nothing"]
"""The consequence of damage for what lies there: it is lost, datacheck cannot tell, or everything was read."""


class Damaged(Exception):
    """A part of the store that cannot be read: the code of the reason, its place in the file, and what is wrong.

    `toll` is "not checked" if one of datacheck's own limits prevents reading, which says nothing about the store.
    """

    def __init__(
        self,
        code: str,
        why: str,
        offset: int | None = None,
        size: int | None = None,
        errno: int | None = None,
        toll: Toll = "lost",
    ) -> None:
        super().__init__(code, why, offset, size, errno, toll)
        self.code, self.why, self.offset, self.size, self.errno = code, why, offset, size, errno
        undecided = self.by_machine or CODES[code][0] == "unverifiable"
        self.toll: Toll = "not checked" if undecided else toll

    def __str__(self) -> str:
        return self.why

    @property
    def by_machine(self) -> bool:
        """Whether a disk, a network or this machine failed, which says nothing about the store."""
        return self.errno in ENVIRONMENT

    @property
    def details(self) -> dict[str, Any]:
        """The details of a finding: the place, and the system's error if the machine failed."""
        place = {"offset": self.offset, "size": self.size}
        details: dict[str, Any] = {name: number for name, number in place.items() if number is not None}
        return details | (errno_details(self.errno) if self.by_machine else {})

    @property
    def verdict(self) -> Verdict:
        return "unverifiable" if self.toll == "not checked" else CODES[self.code][0]

    def with_text(self, why: str) -> Damaged:
        """Return the same damage with another text."""
        return Damaged(self.code, why, self.offset, self.size, self.errno, self.toll)

    def at(self, offset: int | None, size: int | None = None) -> Damaged:
        """Return the same damage with its place."""
        return Damaged(self.code, self.why, offset, size, self.errno, self.toll)


def read_failure(error: OSError, what: str = "", offset: int | None = None, size: int | None = None) -> Damaged:
    """Return the damage for a system error in reading `what`, or the file that the finding names."""
    subject = f"{what} " if what else ""
    if isinstance(error, PermissionError):
        return Damaged("unsupported", f"{subject}{DENIED}", offset, size)
    why = f"{subject}cannot be read: {error.strerror or error}"
    return Damaged("unreadable", why, offset, size, error.errno)


def masked(crc: int) -> int:
    """Return a CRC32C as LevelDB stores it: rotated, and with a constant added."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def checksum(data: Bytes, start: int, stop: int) -> int:
    """Return the masked CRC32C of a stretch of `data`, without copying more than a few bytes."""
    if stop - start < LARGE and isinstance(data, bytes):
        crc: int = google_crc32c.value(data[start:stop])
    else:
        crc = google_crc32c.value(np.frombuffer(memoryview(data).toreadonly(), np.uint8, stop - start, start))
    return masked(crc)


def varint(data: Bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at `at`, and where it ends. Raises IndexError at the end of the data."""
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7
        if shift > 63:
            raise Damaged("damaged-store", "a number runs on beyond 64 bits")


def read_block(file: int, offset: int, size: int) -> tuple[Bytes, int]:
    """Read a block, verify its CRC32C and unpack it; return bytes that begin with its content, and its length.

    Raises Damaged.
    """
    raw: Bytes
    try:
        if size < LARGE:
            raw = pread(file, size + TRAILER, offset)
            length = len(raw)
        else:
            raw = reused(size + TRAILER)
            length = preadv(file, [raw], offset)
    except MemoryError as exc:
        if offset + size + TRAILER <= os.fstat(file).st_size:
            raise  # it may really be that large, and only this process lacks memory
        raise Damaged("truncated-store", "lies beyond the end of the file", offset, size) from exc
    except OSError as exc:
        raise read_failure(exc, "", offset, size) from exc
    except OverflowError as exc:
        raise Damaged("unreadable", f"cannot be read: {exc}", offset, size) from exc
    if length < size + TRAILER:
        raise Damaged("truncated-store", "lies beyond the end of the file", offset, size)
    return verified(raw, offset, size)


def verified(raw: Bytes, offset: int, size: int) -> tuple[Bytes, int]:
    """Return what `read_block` returns, for a block already read with its trailer, from `offset` of its file."""
    stored, actual = _U32.unpack_from(raw, size + 1)[0], checksum(raw, 0, size + 1)
    if stored != actual:
        raise Damaged("checksum", f"CRC32C is {actual:08x}, expected {stored:08x}", offset, size)
    try:
        return _unpacked(raw, size)
    except Damaged as exc:
        raise exc.at(offset, size) from exc
    except compression.Broken as exc:
        why = f"passes its CRC32C but cannot be unpacked: {exc}"
        raise Damaged("damaged-store", why, offset, size) from exc


def _unpacked(raw: Bytes, size: int) -> tuple[Bytes, int]:
    kind = raw[size]
    if kind == 0:
        return raw, size
    packed = memoryview(raw)[:size]
    if kind == SNAPPY:
        length, _ = varint(raw, 0)
        _require_bounded(length, SNAPPY_RATIO * size + SPARE)
        if length >= LARGE:
            room = reused(length)
            return room, compression.snappy_block_into(packed, room)
        data = compression.snappy_block(packed)
        return data, len(data)
    if kind == ZSTD and raw[:4] == ZSTD_MAGIC:
        length = _zstd_length(raw)
        _require_bounded(length, ZSTD_RATIO * size + SPARE)
        unpacked = bytearray(length)
        if compression.zstd_into(packed, unpacked) != length:
            raise Damaged("damaged-store", f"unpacks to less than the {length:,} bytes it declares")
        return bytes(unpacked), length
    raise Damaged("unsupported", f"is compressed in a way that datacheck does not know (type {kind})")


def _require_bounded(length: int, possible: int) -> None:
    """Raise Damaged for a block that declares more bytes than its data can yield, or than datacheck unpacks."""
    if length > possible:
        raise Damaged("too-large", f"declares that it unpacks to {length:,} bytes, which cannot be right")
    if length > LIMIT:
        why = f"unpacks to {length:,} bytes, and datacheck reads no block of more than {LIMIT:,}"
        raise Damaged("too-large", why, toll="not checked")


def _zstd_length(frame: Bytes) -> int:
    """Return the content size in a zstd frame's header, which LevelDB always writes (RFC 8878, section 3.1.1.1)."""
    flags = frame[4]
    single = flags >> 5 & 1
    width = (single, 2, 4, 8)[flags >> 6]
    if not width:
        raise Damaged("damaged-store", "is a zstd frame that does not declare its size")
    at = 5 + (1 - single) + (0, 1, 2, 4)[flags & 3]
    return int.from_bytes(frame[at : at + width], "little") + (256 if width == 2 else 0)


def parse_block(data: Bytes, size: int) -> tuple[list[bytes], list[Value]]:
    """Return the keys of a block of `size` bytes, and its values: views into `data`, or copies of SMALL ones.

    Raises Damaged.
    """
    restarts = _U32.unpack_from(data, size - 4)[0] if size >= 4 else size
    end = size - 4 - 4 * restarts
    if end < 0:
        raise Damaged("damaged-store", "is too short for its restart points")
    view = memoryview(data).toreadonly()
    small = data if isinstance(data, bytes) else view
    keys: list[bytes] = []
    values: list[Value] = []
    key = b""
    at = 0
    budget = KEY_BUDGET
    while at < end:
        shared, fresh, length = data[at], data[at + 1], data[at + 2]
        if (shared | fresh | length) < 0x80 and shared <= len(key):
            split = at + 3 + fresh
            key = key[:shared] + data[at + 3 : split]
            at = split + length
            values.append(small[split:at])
        else:
            shared, fresh, length, at = _entry(data, at)
            budget -= shared
            split = at + fresh
            if split + length > end or shared > len(key):
                at = size
                break
            if budget < 0:
                why = (
                    f"has keys that repeat more than {KEY_BUDGET:,} bytes of one another, the most that datacheck reads"
                )
                raise Damaged("too-large", why, toll="not checked")
            key = key[:shared] + data[at:split]
            at = split + length
            values.append(small[split:at] if length < SMALL else view[split:at])
        keys.append(key)
    if at != end:
        raise Damaged("damaged-store", "passes its CRC32C, but its records do not fit in it")
    return keys, values


def _entry(data: Bytes, at: int) -> tuple[int, int, int, int]:
    try:
        shared, at = varint(data, at)
        fresh, at = varint(data, at)
        length, at = varint(data, at)
    except IndexError:
        raise Damaged("damaged-store", "passes its CRC32C, but ends within a record") from None
    return shared, fresh, length, at


def handle(value: Value) -> tuple[int, int] | None:
    """Return the offset and size of the block that an index entry points to, or None if it is no such entry.

    Zero bytes may follow: LevelDB ignores what follows, and the Java port pads each entry to 20 bytes.
    """
    data = bytes(value[:21])
    try:
        offset, at = varint(data, 0)
        size, at = varint(data, at)
    except (IndexError, Damaged):
        return None
    return None if any(data[at:]) else (offset, size)


def handles(values: Sequence[Value]) -> list[tuple[int, int] | None]:
    """Return what `handle` returns for each of the entries of an index."""
    raw = np.frombuffer(b"".join(values), np.uint8)
    numbers, lengths = decoded(raw)
    sizes = np.fromiter(map(len, values), np.int64, len(values))
    plain = len(lengths) == 2 * len(values) and lengths.max(initial=0) < LONGEST
    if not plain or (lengths.reshape(-1, 2).sum(axis=1) != sizes).any():
        return [handle(value) for value in values]
    return list(zip(numbers[::2].tolist(), numbers[1::2].tolist(), strict=True))
