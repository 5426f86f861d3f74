"""Encode numbers as varints, the format of protobuf and LevelDB: seven bits per byte, least significant first."""

from __future__ import annotations


def varint(value: int) -> bytes:
    """Return a non-negative number as a varint.

    >>> varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
