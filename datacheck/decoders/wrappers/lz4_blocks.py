"""Recognise and unpack lz4 blocks behind their size, as Python's `lz4.block.compress` writes them: there is no magic.

Source: lz4_Block_format.md. The size is an unsigned 32-bit little-endian number.
"""

from __future__ import annotations

from datacheck import compression
from datacheck.decoders.wrappers.interface import Peeled, Value, broken, too_large, truncated

DENSEST = 255
"""Maximum number of bytes that one compressed byte can unpack to."""
HEAD = 4
LOOKED_AT = 64
SEQUENCES = 1 << 16
"""Maximum number of sequences that are walked to tell if a block that cannot be unpacked is cut."""


def declared_size(value: Value) -> int:
    """Return the size that a block declares, or 0 if it cannot unpack to as much."""
    size = int.from_bytes(value[:HEAD], "little")
    return size if len(value) > HEAD and size <= DENSEST * (len(value) - HEAD) else 0


def lz4_block_beginning(value: Value) -> bytes:
    """Return the first unpacked bytes of a block, its literals before the first match; b"" if it can be no block."""
    if not declared_size(value):
        return b""
    start, count = _length(value, HEAD + 1, value[HEAD] >> 4)
    return bytes(value[start : start + min(count, LOOKED_AT)])


def peel_lz4_block(value: Value, limit: int) -> Peeled:
    """Unpack an lz4 block; it has no checksum."""
    if len(value) <= HEAD:
        return Peeled(b"", truncated("lz4", len(value)))
    size = int.from_bytes(value[:HEAD], "little")
    if size > limit:
        return Peeled(b"", too_large("lz4", limit))
    if not declared_size(value):
        return Peeled(b"", broken("lz4", f"it declares {size} bytes, and {len(value)} cannot unpack to as many"))
    buffer = bytearray(size)
    try:
        count = compression.lz4_block_into(value[HEAD:], buffer)
    except compression.Broken:
        if _is_cut(value):
            return Peeled(b"", truncated("lz4", len(value)))
        return Peeled(b"", broken("lz4", "its sequences are not valid"))
    if count != size:
        return Peeled(b"", broken("lz4", f"it holds {count} bytes and declares {size}"))
    return Peeled(bytes(buffer))


def _is_cut(value: Value) -> bool:
    """Check whether the sequences of a block end inside a sequence, or before the declared size is reached."""
    at, made, size = HEAD, 0, int.from_bytes(value[:HEAD], "little")
    for _ in range(SEQUENCES):
        if at >= len(value):
            return made < size
        token = value[at]
        at, count = _length(value, at + 1, token >> 4)
        at, made = at + count, made + count
        if at >= len(value):
            return at > len(value) or made < size
        at, count = _length(value, at + 2, token & 15)
        made += count + 4
        if made > size:
            return False
    return False


def _length(value: Value, at: int, count: int) -> tuple[int, int]:
    """Return the offset behind a length, and the length, which goes on in further bytes if it is 15 or more."""
    if count == 15:
        while at < len(value):
            more = value[at]
            at, count = at + 1, count + more
            if more != 255:
                break
    return at, count
