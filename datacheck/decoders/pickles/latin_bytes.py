"""Write pickles of protocol 2, in which Python 3 holds bytes as a text of latin-1, as if they held the bytes.

The text is UTF-8, so that records of one layout differ in their lengths, and have nothing in common. With the bytes as
they are, in the opcode that protocol 3 has for them, they have.
"""

from __future__ import annotations

import struct

from datacheck.decoders.interface import Value

ENCODE = b"c_codecs\nencode\nq"
FIRST = 1 << 12
"""The function is asked for the first time within so many bytes."""
SHORTEST = 32
"""Shorter texts are left as they are."""
MOST = 64
"""Of more texts than these in one record nothing is gained."""
TEXT, BYTES, TUPLE, REDUCE, PUT, LONG_PUT, GET = b"XB\x86Rqrh"
POP = b"0"
LATIN = b"X\x06\x00\x00\x00latin1"


def holds_latin(value: Value) -> bool:
    return len(value) > len(ENCODE) and value[0] == 0x80 and value[1] == 2 and ENCODE in bytes(value[:FIRST])


def rewritten(value: Value) -> bytes | None:
    """Return a pickle with bytes for the texts that it makes bytes of; None where it is not written as expected.

    What is left out of it says nothing else: the numbers under which things are remembered follow each other. Whether
    what comes out is a pickle of the same values is for who reads it to see: a number that is asked for and not there
    breaks it.
    """
    raw = bytes(value)
    at = raw.find(ENCODE, 0, FIRST)
    if at < 0 or at + len(ENCODE) >= len(raw):
        return None
    function = raw[at + len(ENCODE)]
    asked = bytes((GET, function, TEXT))
    begins, text = at, at + len(ENCODE) + 1
    latin: int | None = None
    kept: list[bytes] = []
    done = 0
    for _ in range(MOST):
        found = _text(raw, text, function + 1 if latin is None else None, latin)
        if found is None:
            return None
        held, behind = found
        if len(held) >= SHORTEST:
            # the function stays where it is asked for the first time, as others may ask for it again
            kept += [raw[done:text] + POP if latin is None else raw[done:begins], _bytes(held)]
            done = behind
        latin = function + 2 if latin is None else latin
        begins = raw.find(asked, behind)
        if begins < 0:
            break
        text = begins + 2
    else:
        return None
    return b"".join([*kept, raw[done:]]) if kept else None


def _bytes(held: bytes) -> bytes:
    return struct.pack("<BI", BYTES, len(held)) + held


def _text(raw: bytes, at: int, number: int | None, latin: int | None) -> tuple[bytes, int] | None:
    """Return the bytes that the text at a place stands for, and where the call ends that makes them of it.

    The text is remembered under a `number`, if that is known; the name of the encoding is asked for as `latin`, or
    written out where that is None.
    """
    if raw[at : at + 1] != bytes((TEXT,)):
        return None
    end = at + 5 + int.from_bytes(raw[at + 1 : at + 5], "little")
    try:
        held = raw[at + 5 : end].decode().encode("latin-1")
    except UnicodeError:
        return None
    put = _put(raw, end)
    if put is None or (number is not None and put[0] != number):
        return None
    number, behind = put
    if latin is None:
        if not raw.startswith(LATIN, behind) or (put := _put(raw, behind + len(LATIN))) is None or put[0] != number + 1:
            return None
        number, behind = put
    elif raw[behind : behind + 2] == bytes((GET, latin)):
        behind += 2
    else:
        return None
    put = _put(raw, behind + 1)
    if raw[behind : behind + 1] != bytes((TUPLE,)) or put is None or put[0] != number + 1:
        return None
    number, behind = put
    put = _put(raw, behind + 1)
    if raw[behind : behind + 1] != bytes((REDUCE,)) or put is None or put[0] != number + 1:
        return None
    return held, behind + 1


def _put(raw: bytes, at: int) -> tuple[int, int] | None:
    """Return the number under which something is remembered, and what is behind that opcode."""
    if raw[at : at + 1] == bytes((PUT,)) and at + 1 < len(raw):
        return raw[at + 1], at + 2
    if raw[at : at + 1] == bytes((LONG_PUT,)):
        return int.from_bytes(raw[at + 1 : at + 5], "little"), at + 5
    return None
