"""Compressed bytes, unpacked into memory whose size is known before: the one place where their library is loaded."""

from __future__ import annotations

import cramjam

Packed = bytes | memoryview
Broken: tuple[type[Exception], ...] = (cramjam.DecompressionError, IndexError)
"""What the functions below raise of bytes that cannot be unpacked, or not into so much memory."""


def snappy_block(packed: Packed) -> bytes:
    """Return what a raw snappy block, whose declared length was found to be right, unpacks to."""
    return bytes(cramjam.snappy.decompress_raw(packed))


def snappy_block_into(packed: Packed, room: memoryview | bytearray) -> int:
    """Unpack a raw snappy block; return the number of bytes."""
    count: int = cramjam.snappy.decompress_raw_into(packed, room)
    return count


def snappy_frames_into(packed: Packed, room: bytearray) -> int:
    """Unpack framed snappy, whose chunks have a CRC32C each; return the number of bytes."""
    count: int = cramjam.snappy.decompress_into(packed, room)
    return count


def zstd_into(packed: Packed, room: bytearray) -> int:
    """Unpack zstd frames; return the number of bytes."""
    count: int = cramjam.zstd.decompress_into(packed, room)
    return count


def zstd(plain: Packed) -> bytes:
    """Return bytes as one zstd frame."""
    return bytes(cramjam.zstd.compress(plain, 3))


def lz4_into(packed: Packed, room: bytearray) -> int:
    """Unpack one lz4 frame; return the number of bytes."""
    count: int = cramjam.lz4.decompress_into(packed, room)
    return count
