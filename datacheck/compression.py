"""Decompress bytes into memory of known size. This is the only module that imports their library."""

from __future__ import annotations

import cramjam

Packed = bytes | memoryview
Broken: tuple[type[Exception], ...] = (cramjam.DecompressionError, IndexError)
"""Exceptions that the functions below raise for bytes that cannot be decompressed, or do not fit into the memory."""


def snappy_block(packed: Packed) -> bytes:
    """Return the content of a raw snappy block, whose declared length was checked before."""
    return bytes(cramjam.snappy.decompress_raw(packed))


def snappy_block_into(packed: Packed, room: memoryview | bytearray) -> int:
    """Decompress a raw snappy block; return the number of bytes."""
    count: int = cramjam.snappy.decompress_raw_into(packed, room)
    return count


def snappy_frames_into(packed: Packed, room: bytearray) -> int:
    """Decompress framed snappy, whose chunks have a CRC32C each; return the number of bytes."""
    count: int = cramjam.snappy.decompress_into(packed, room)
    return count


def zstd_into(packed: Packed, room: bytearray) -> int:
    """Decompress zstd frames; return the number of bytes."""
    count: int = cramjam.zstd.decompress_into(packed, room)
    return count


def zstd(plain: Packed) -> bytes:
    """Compress bytes into one zstd frame."""
    return bytes(cramjam.zstd.compress(plain, 3))


def lz4_into(packed: Packed, room: bytearray) -> int:
    """Decompress one lz4 frame; return the number of bytes."""
    count: int = cramjam.lz4.decompress_into(packed, room)
    return count


def lz4_block_into(packed: Packed, room: bytearray) -> int:
    """Decompress one lz4 block without a size before it; return the number of bytes."""
    count: int = cramjam.lz4.decompress_block_into(bytes(packed), room, output_len=len(room))
    return count
