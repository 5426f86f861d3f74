"""Numbers as protobuf and LevelDB both write them: seven bits a byte, the least first."""

from __future__ import annotations


def varint(value: int) -> bytes:
    """Return a number that is not negative as a varint.

    >>> varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
