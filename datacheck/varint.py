"""Encode and decode varints, the numbers of protobuf and LevelDB: seven bits per byte, least significant first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST = 10
"""Maximum number of bytes of a 64-bit number."""


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


def decoded(raw: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Return the numbers that follow each other in `raw`, and the number of bytes of each.

    A last number that is cut is left out. Of a number of more than LONGEST bytes only the first LONGEST count.

    >>> import numpy as np
    >>> values, lengths = decoded(np.frombuffer(varint(300) + varint(7), np.uint8))
    >>> values.tolist(), lengths.tolist()
    ([300, 7], [2, 1])
    """
    import numpy as np  # imported here because a caller that only encodes starts without it

    ends = np.flatnonzero(raw < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    lengths = ends - starts + 1
    values = np.zeros(len(ends), np.uint64)
    for place in range(min(int(lengths.max(initial=0)), LONGEST)):
        chosen = lengths > place
        digits = raw[starts[chosen] + place].astype(np.uint64) & np.uint64(0x7F)
        values[chosen] |= digits << np.uint64(min(7 * place, 63))
    return values, lengths
