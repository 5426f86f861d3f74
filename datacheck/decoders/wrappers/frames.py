"""Recognise and unpack lz4 frames, zstd frames and snappy. Their outline is walked first to bound the unpacked size.

Sources: lz4_Frame_format.md 1.6, RFC 8878 (zstd), google/snappy framing_format.txt and format_description.txt.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import msgspec

from datacheck import compression
from datacheck.decoders.wrappers.interface import Peeled, Value, broken, too_large, trailing_data, truncated
from datacheck.model.finding import Finding, found

LZ4, ZSTD = b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd"
SNAPPY = b"\xff\x06\0\0sNaPpY"
ZSTD_BLOCK = 1 << 17
"""Maximum unpacked size of a zstd block, in bytes."""
SNAPPY_CHUNK = 1 << 16
LZ4_BLOCKS = {4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22}
"""Maximum size of a block of an lz4 frame in bytes, by the number in the frame's header."""
DENSEST = {"snappy": 32, "lz4": 256}
"""Maximum number of bytes that one compressed byte can unpack to, by format."""
FRAMES = 1 << 16
"""Maximum number of frames in a value that are walked."""
RESERVED = 3


class _Cut(Exception):
    """The data ends inside a frame."""


class _Odd(Exception):
    """The bytes cannot be part of a frame, for the reason given."""


class Outline(msgspec.Struct):
    """The offset where the frames end, and the number of bytes that they declare or can unpack to at most."""

    end: int = 0
    most: int = 0


def is_lz4(value: Value) -> bool:
    return bytes(value[:4]) == LZ4 and (len(value) < 5 or value[4] >> 6 == 1)


def is_zstd(value: Value) -> bool:
    return bytes(value[:4]) == ZSTD


def is_framed_snappy(value: Value) -> bool:
    return bytes(value[:10]) == SNAPPY


def peel_lz4(value: Value, limit: int) -> Peeled:
    """Unpack lz4 frames; their checksums, if any, are verified."""
    parts: list[bytes] = []
    view, start, remaining = memoryview(value), 0, limit
    for _ in range(FRAMES):
        peeled, end = _unpacked("lz4", view[start:], remaining, _lz4_outline, compression.lz4_into)
        parts.append(peeled.value)
        if peeled.finding is not None:
            return Peeled(b"".join(parts), peeled.finding)
        start, remaining = start + end, remaining - len(peeled.value)
        if not is_lz4(view[start:]):
            break
    return Peeled(b"".join(parts) if len(parts) > 1 else parts[0], trailing_data("lz4", start, value))


def peel_zstd(value: Value, limit: int) -> Peeled:
    """Unpack zstd frames; their checksums, if any, are verified."""
    peeled, end = _unpacked("zstd", value, limit, _zstd_outline, compression.zstd_into)
    return peeled if peeled.finding is not None else Peeled(peeled.value, trailing_data("zstd", end, value))


def peel_framed_snappy(value: Value, limit: int) -> Peeled:
    """Unpack framed snappy; the CRC32C of each chunk is verified."""
    peeled, end = _unpacked("snappy", value, limit, _snappy_outline, compression.snappy_frames_into)
    return peeled if peeled.finding is not None else Peeled(peeled.value, trailing_data("snappy", end, value))


def _unpacked(
    name: str, value: Value, limit: int, outlined: Callable[[Value, Outline], None],
    unpack: Callable[[Value, bytearray], int],
) -> tuple[Peeled, int]:  # fmt: skip
    """Return the unpacked frames and the offset of their end; of frames that are cut, only their beginning."""
    outline = Outline()
    finding: Finding | None = None
    try:
        outlined(value, outline)
    except _Cut:
        finding = truncated(name, len(value))
    except _Odd as odd:
        return Peeled(b"", broken(name, str(odd))), 0
    if outline.most > limit:
        return Peeled(b"", too_large(name, limit)), 0
    if finding is not None:
        return Peeled(_beginning(value, outline, unpack), finding), 0
    buffer = bytearray(outline.most)
    try:
        count = unpack(value[: outline.end], buffer)
    except compression.Broken as error:
        reason = str(error)
        code = "checksum" if "hecksum" in reason else "undecodable"
        return Peeled(b"", broken(name, reason, code)), 0
    return Peeled(bytes(memoryview(buffer)[:count])), outline.end


def _beginning(value: Value, outline: Outline, unpack: Callable[[Value, bytearray], int]) -> bytes:
    """Return the part of cut frames that could be unpacked: what the library wrote before it stopped."""
    buffer = bytearray(outline.most)
    with suppress(*compression.Broken):  # expected for cut frames; `buffer` holds what was unpacked until then
        unpack(value, buffer)
    return bytes(buffer).rstrip(b"\0")


def _lz4_outline(value: Value, outline: Outline) -> None:
    flags, sizes = _byte_at(value, 4), _byte_at(value, 5)
    largest = LZ4_BLOCKS.get(sizes >> 4)
    if flags >> 6 != 1 or largest is None:
        raise _Odd(f"the frame's header says {flags:#04x} {sizes:#04x}")
    if flags & 1:
        raise _Odd("it needs a dictionary")
    at = 7 + (8 if flags & 8 else 0)
    while True:
        _need(value, at + 4)
        size = int.from_bytes(value[at : at + 4], "little")
        at += 4
        if not size:
            break
        stored, size = size >> 31, size & 0x7FFFFFFF
        if size > largest:
            raise _Odd(f"a block of {size} bytes, where at most {largest} are allowed")
        outline.most += size if stored else min(largest, DENSEST["lz4"] * size)
        at += size + (4 if flags & 16 else 0)
        _need(value, at)
    at += 4 if flags & 4 else 0
    _need(value, at)
    outline.end = at


def _zstd_outline(value: Value, outline: Outline) -> None:
    """Walk all consecutive frames, including skippable ones."""
    at = 0
    for _ in range(FRAMES):
        magic = bytes(value[at : at + 4])
        if at and magic[1:] == b"\x2a\x4d\x18" and magic[0] >> 4 == 5:
            _need(value, at + 8)
            at += 8 + int.from_bytes(value[at + 4 : at + 8], "little")
            _need(value, at)
        elif magic == ZSTD:
            at = _zstd_frame(value, at, outline)
        else:
            break
        outline.end = at


def _zstd_frame(value: Value, at: int, outline: Outline) -> int:
    """Walk the blocks of a frame, and return the offset behind it."""
    flags = _byte_at(value, at + 4)
    single, checksum = flags >> 5 & 1, flags >> 2 & 1
    if flags & 3 or flags & 8:
        raise _Odd("it needs a dictionary" if flags & 3 else "its header has a bit that is reserved")
    width = (1 if single else 0, 2, 4, 8)[flags >> 6]
    head = at + 5 + (not single)
    _need(value, head + width)
    declared = int.from_bytes(value[head : head + width], "little") + (256 if width == 2 else 0)
    at, max_size = head + width, 0
    last = 0
    while not last:
        _need(value, at + 3)
        header = int.from_bytes(value[at : at + 3], "little")
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        if kind == RESERVED:
            raise _Odd(f"a block of a reserved type at byte {at}")
        if size > ZSTD_BLOCK:
            raise _Odd(f"a block of {size} bytes at byte {at}")
        at += 3 + (1 if kind == 1 else size)
        max_size += size if kind in (0, 1) else ZSTD_BLOCK
        outline.most += size if kind in (0, 1) else ZSTD_BLOCK
        _need(value, at)
    if width:
        if declared > max_size:
            raise _Odd(f"it declares {declared} bytes, and cannot hold more than {max_size}")
        outline.most += declared - max_size
    at += 4 * checksum
    _need(value, at)
    return at


def _snappy_outline(value: Value, outline: Outline) -> None:
    at = 0
    while at < len(value):
        kind = value[at]
        if at and 2 <= kind < 0x80:
            break
        _need(value, at + 4)
        size = int.from_bytes(value[at + 1 : at + 4], "little")
        if kind < 2:
            if size < 4:
                raise _Odd(f"a chunk of {size} bytes at byte {at}")
            outline.most += min(SNAPPY_CHUNK, DENSEST["snappy"] * size + 64 if kind == 0 else size - 4)
        at += 4 + size
        _need(value, at)
        outline.end = at


def _byte_at(value: Value, at: int) -> int:
    _need(value, at + 1)
    return value[at]


def _need(value: Value, size: int) -> None:
    if size > len(value):
        raise _Cut


def snappy_length(value: Value) -> tuple[int, int] | None:
    """Return the length that a raw snappy block declares and the offset behind it, or None if it is not valid."""
    length = shift = 0
    for at in range(min(5, len(value))):
        length |= (value[at] & 0x7F) << shift
        if value[at] < 0x80:
            return length, at + 1
        shift += 7
    return None


def snappy_beginning(value: Value) -> bytes:
    """Return the first unpacked bytes of a raw snappy block, which must begin with a literal; b"" if it does not."""
    head = snappy_length(value)
    if head is None or not head[0]:
        return b""
    length, at = head
    if at >= len(value) or value[at] & 3 or length > DENSEST["snappy"] * len(value) + 64:
        return b""
    size = (value[at] >> 2) + 1
    width = max(0, size - 60)
    start = at + 1 + width
    if width:
        size = int.from_bytes(value[at + 1 : start], "little") + 1
    return bytes(value[start : start + min(size, 64)]) if size <= length else b""


def peel_snappy_block(value: Value, limit: int) -> Peeled:
    """Unpack a raw snappy block; it has no checksum."""
    head = snappy_length(value)
    if head is None:
        return Peeled(b"", broken("snappy", "it declares no length"))
    if head[0] > limit:
        return Peeled(b"", too_large("snappy", limit))
    if head[0] > DENSEST["snappy"] * len(value) + 64:
        message = f"the snappy data declares {head[0]} bytes, which {len(value)} cannot unpack to"
        return Peeled(b"", found("truncated", message, found=len(value)))
    buffer = bytearray(head[0])
    try:
        count = compression.snappy_block_into(value, buffer)
    except compression.Broken as error:
        reason = str(error)
        ends = ("expected literal", "unexpected end", "EOF", "expected copy", "header mismatch", "copy read")
        early = any(it in reason for it in ends)
        finding = truncated("snappy", len(value)) if early else broken("snappy", reason)
        return Peeled(bytes(buffer).rstrip(b"\0"), finding)
    return Peeled(bytes(memoryview(buffer)[:count]))
