"""Read the superblock of an HDF5 file without the library: where the file ends, and whether it is open or damaged.

HDF5 File Format Specification 3.0, II.A (superblocks), IV.A.1 (object headers), III.A (B-trees), III.D (heaps).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec

from datacheck.files.regular import open_descriptor
from datacheck.files.retrying import pread
from datacheck.model.finding import Finding, found

SIGNATURE = b"\x89HDF\r\n\x1a\n"
WRITING, SWMR = 1, 4
"""Bits of the consistency flags that a writer sets while it has the file open."""
READ_BYTES = 256
"""Number of bytes read of a superblock; none with 8-byte addresses is longer."""
CONTINUATION, SYMBOL_TABLE = 0x10, 0x11
"""Types of object header messages: the place of another piece of the header, and of an old-style group's links."""
CONTINUATIONS = 16
"""Maximum number of pieces of a header that are followed."""
ROOT_OF_OLD, ROOT_OF_NEW = 96, 48
"""Address where HDF5 puts the header of the root group, directly after a superblock of version 0, or of 2 and 3."""


class Superblock(msgspec.Struct, frozen=True):
    """The contents of the superblock at `offset` of a file, and its bytes (`raw`).

    `base` is its offset when it was written, `end` the offset where the file should end, `flags` the consistency flags
    (0 in versions that have none). `sound` is false if its checksum is wrong, or if the whole superblock was lost and
    reconstructed from what follows it (`lost`).
    """

    offset: int
    version: int
    base: int
    end: int
    flags: int
    raw: bytes
    sound: bool = True
    lost: bool = False

    def mended(self, size: int) -> bytes:
        """Return the superblock's bytes without flags, with a correct checksum and with an end no smaller than `size`.

        A writer that died may have added data beyond the end that its last superblock gives.
        """
        end = max(self.end, size)
        raw = bytearray(self.raw)
        if self.version < 2:
            at = 40 if self.version == 0 else 44
            raw[at : at + 8] = self._stored(end)
            return bytes(raw)
        raw[11] &= ~(WRITING | SWMR) & 0xFF
        raw[28:36] = self._stored(end)
        raw[44:48] = struct.pack("<I", lookup3(bytes(raw[:44])))
        return bytes(raw)

    @property
    def root(self) -> int | None:
        """Address of the root group's header, or None if it is not known."""
        at = _ROOT[self.version]
        return int.from_bytes(self.raw[at : at + 8], "little") if len(self.raw) >= at + 8 else None

    def rooted(self, address: int) -> bytes:
        """Return the superblock's bytes with another root, without the cached symbol table places of the old root."""
        raw, at = bytearray(self.raw), _ROOT[self.version]
        raw[at : at + 8] = address.to_bytes(8, "little")
        if self.version < 2:
            raw[at + 8 : at + 32] = bytes(24)
        return bytes(raw)

    @property
    def nodes(self) -> tuple[int, int]:
        """Half the number of entries of a symbol table node, and half the number of children of a node of its tree."""
        leaf, inner = struct.unpack_from("<HH", self.raw, 16) if self.version < 2 else (4, 16)
        return leaf or 4, inner or 16

    def _stored(self, end: int) -> bytes:
        return struct.pack("<Q", end - self.offset + self.base & _NOWHERE)

    def findings(self, size: int) -> Iterator[Finding]:
        """Yield the findings about the file as a whole, whose length is `size` bytes."""
        if self.lost:
            yield found(
                "damaged-store",
                "the superblock is destroyed; the file is read from the root group, which stands behind it",
            )
        elif not self.sound:
            yield found(
                "checksum",
                f"the checksum of the superblock at offset {self.offset} does not match; the file is read nevertheless",
                offset=self.offset,
            )
        if self.flags & (WRITING | SWMR):
            yield found(
                "not-closed",
                "HDF5 refuses the file: its writer still has it open, or never closed it; it is read nevertheless, "
                "but what had not been written yet is missing",
                flags=self.flags,
            )
        if size < self.end and self.sound:
            yield found(
                "truncated-store",
                f"the file ends at {size} of {self.end} bytes, {self.end - size} are lost",
                size=size,
                expected=self.end,
            )

    def damaged(self, size: int) -> bool:
        """Check whether the library refuses a file of `size` bytes because of its superblock."""
        return not self.sound or bool(self.flags & (WRITING | SWMR)) or size < self.end


def superblock(path: Path) -> Superblock | None:
    """Return the superblock of a file, or None if there is none that can be read here. Raises OSError."""
    descriptor = open_descriptor(path)
    try:
        size = os.fstat(descriptor).st_size
        for offset in offsets(size):
            raw = pread(descriptor, READ_BYTES, offset)
            if raw.startswith(SIGNATURE):
                return _read(raw, offset) or (_guessed(descriptor, size) if not offset else None)
        return _guessed(descriptor, size)
    finally:
        os.close(descriptor)


def offsets(size: int) -> Iterator[int]:
    """Yield the offsets where a superblock may be: 0, 512, 1024, 2048, ...; the user block precedes it."""
    offset = 0
    while offset + len(SIGNATURE) <= size:
        yield offset
        offset = offset * 2 or 512


def _read(raw: bytes, offset: int) -> Superblock | None:
    """Return the superblock in these bytes, or None if its version is unknown or its addresses are not 8 bytes long.

    Only files of long-gone machines have other addresses. If data was put before the file after it was written, all
    its addresses shift by the same amount.
    """
    version = raw[8] if len(raw) > 8 else 255
    if version < 2:
        at = 24 if version == 0 else 28
        if len(raw) < at + 32 or raw[13] != 8:
            return None
        base, _, end, _ = struct.unpack_from("<QQQQ", raw, at)
        return Superblock(offset, version, base, end - base + offset, 0, raw[: at + 72])
    if version > 3 or len(raw) < 48 or raw[9] != 8:
        return None
    base, _, end, _, checksum = struct.unpack_from("<QQQQI", raw, 12)
    flags = raw[11] if version == 3 else 0
    sound = lookup3(raw[:44]) == checksum
    return Superblock(offset, version, base, end - base + offset, flags, raw[:48], sound)


def _guessed(descriptor: int, size: int) -> Superblock | None:
    """Return the reconstructed superblock of a file whose beginning is lost, or None if the root group is not found.

    The root group is only looked for directly after the superblock, where HDF5 puts it.
    """
    header = pread(descriptor, 4096, ROOT_OF_NEW)
    length = header_bytes(header)
    if header.startswith(b"OHDR") and length is not None and length <= len(header):
        (checksum,) = struct.unpack_from("<I", header, length - 4)
        if lookup3(header[: length - 4]) == checksum:
            raw = SIGNATURE + bytes([2, 8, 8, 0]) + struct.pack("<QQQQ", 0, _NOWHERE, size, ROOT_OF_NEW) + bytes(4)
            return Superblock(0, 2, 0, size, 0, raw, sound=False, lost=True)
    places = _symbol_table(descriptor, size)
    if places is not None:
        raw = SIGNATURE + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + struct.pack("<HHI", 4, 16, 0)
        raw += struct.pack("<QQQQ", 0, _NOWHERE, size, _NOWHERE)
        raw += struct.pack("<QQIIQQ", 0, ROOT_OF_OLD, 1, 0, *places)
        return Superblock(0, 0, 0, size, 0, raw, sound=False, lost=True)
    return None


def _symbol_table(descriptor: int, size: int) -> tuple[int, int] | None:
    """Return the addresses of the B-tree and heap of an old root group, or None if its header is not in its place."""
    header = pread(descriptor, 16, ROOT_OF_OLD)
    length = header_bytes(header)
    blocks = [] if length is None or header[0] != 1 else [(ROOT_OF_OLD + 16, length - 16)]
    for _ in range(CONTINUATIONS):
        if not blocks:
            break
        start, length = blocks.pop()
        raw = pread(descriptor, min(length, 1 << 16), start)
        at = 0
        while at + 24 <= len(raw):
            kind, long = struct.unpack_from("<HH", raw, at)
            first, second = struct.unpack_from("<QQ", raw, at + 8)
            if kind == SYMBOL_TABLE and long >= 16 and max(first, second) < size:
                signs = pread(descriptor, 4, first), pread(descriptor, 4, second)
                return (first, second) if signs == (b"TREE", b"HEAP") else None
            if kind == CONTINUATION and long >= 16 and first < size:
                blocks.append((first, second))
            at += 8 + long
    return None


_NOWHERE = (1 << 64) - 1
_ROOT = {0: 64, 1: 68, 2: 36, 3: 36}
"""Offset of the address of the root group's header in a superblock, by version."""


def header_bytes(raw: bytes) -> int | None:
    """Return the length in bytes of the first piece of the object header that begins here, or None if none does."""
    if raw.startswith(b"OHDR\x02") and len(raw) >= 6:
        flags = raw[5]
        at = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        return at + width + int.from_bytes(raw[at : at + width], "little") + 4 if len(raw) >= at + width else None
    if len(raw) >= 16 and raw[:2] == b"\x01\0":
        messages, links, length = struct.unpack_from("<HII", raw, 2)
        if messages and links and length and length % 8 == 0 and raw[12:16] == bytes(4):
            return 16 + int(length)
    return None


def heap_bytes(raw: bytes, address: int) -> int | None:
    """Return the length in bytes of the name heap that begins here, or None if none does.

    The names are included if they directly follow the heap's header. The library requests 512 bytes before it knows the
    length of a heap, as it does for object headers.
    """
    if len(raw) < 32 or raw[:8] != b"HEAP\0\0\0\0":
        return None
    size, _, names_at = struct.unpack_from("<QQQ", raw, 8)
    return 32 + int(size) if names_at == address + 32 else 32


class Beyond(OSError):
    """An error for requested bytes that lie beyond the end of a truncated file."""

    def __init__(self, start: int, stop: int, size: int) -> None:
        super().__init__(start, stop, size)
        self.errno = None  # OSError takes the first argument for an errno
        self.start, self.stop, self.size = start, stop, size

    def __str__(self) -> str:
        return f"the bytes {self.start} to {self.stop} are lost, since the file ends at {self.size}"


def lookup3(raw: bytes) -> int:
    """Return Bob Jenkins' 32-bit hash, which HDF5 stores as the checksum of its metadata.

    >>> hex(lookup3(b"Four score and seven years ago"))
    '0x17770551'
    """
    a = b = c = 0xDEADBEEF + len(raw) & _MASK
    if not raw:
        return c
    blocks = max(0, (len(raw) - 1) // 12)
    for x, y, z in struct.iter_unpack("<III", raw[: 12 * blocks]):
        a, b, c = a + x & _MASK, b + y & _MASK, c + z & _MASK
        a = (a - c & _MASK) ^ _turn(c, 4)
        c = c + b & _MASK
        b = (b - a & _MASK) ^ _turn(a, 6)
        a = a + c & _MASK
        c = (c - b & _MASK) ^ _turn(b, 8)
        b = b + a & _MASK
        a = (a - c & _MASK) ^ _turn(c, 16)
        c = c + b & _MASK
        b = (b - a & _MASK) ^ _turn(a, 19)
        a = a + c & _MASK
        c = (c - b & _MASK) ^ _turn(b, 4)
        b = b + a & _MASK
    x, y, z = struct.unpack("<III", raw[12 * blocks :].ljust(12, b"\0"))
    a, b, c = a + x & _MASK, b + y & _MASK, c + z & _MASK
    c = (c ^ b) - _turn(b, 14) & _MASK
    a = (a ^ c) - _turn(c, 11) & _MASK
    b = (b ^ a) - _turn(a, 25) & _MASK
    c = (c ^ b) - _turn(b, 16) & _MASK
    a = (a ^ c) - _turn(c, 4) & _MASK
    b = (b ^ a) - _turn(a, 14) & _MASK
    return int((c ^ b) - _turn(b, 24) & _MASK)


_MASK = 0xFFFFFFFF


def _turn(value: int, bits: int) -> int:
    return (value << bits | value >> 32 - bits) & _MASK
