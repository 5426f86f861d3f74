"""Rewrite pickles of protocol 2 whose bytes Python 3 stored as latin-1 texts, so that they hold the bytes themselves.

The texts are encoded as UTF-8, so records of one layout differ in length and cannot be compared byte by byte. They can
be if the bytes are stored directly, with the opcode of protocol 3.
"""

from __future__ import annotations

import struct

from datacheck.decoders.interface import Value

ENCODE = b"c_codecs\nencode\nq"
FIRST = 1 << 12
"""Number of bytes within which the function must be named for the first time."""
SHORTEST = 32
"""Minimum number of bytes in a text for it to be rewritten."""
MOST = 64
"""Maximum number of texts in a record; nothing is gained by rewriting a record with more."""
TEXT, BYTES, TUPLE, REDUCE, PUT, LONG_PUT, GET = b"XB\x86Rqrh"
POP = b"0"
LATIN = b"X\x06\x00\x00\x00latin1"


def holds_latin(value: Value) -> bool:
    return len(value) > len(ENCODE) and value[0] == 0x80 and value[1] == 2 and ENCODE in bytes(value[:FIRST])


def with_bytes(value: Value) -> bytes | None:
    """Return a pickle with bytes instead of the texts that it encodes to bytes, or None if it has an unexpected form.

    Nothing else is lost, since the memo numbers that are left out are consecutive. Whether the result is a pickle of
    the same values is for its reader to check: a reference to a memo number that is gone breaks it.
    """
    raw = bytes(value)
    at = raw.find(ENCODE, 0, FIRST)
    if at < 0 or at + len(ENCODE) >= len(raw):
        return None
    function = raw[at + len(ENCODE)]
    asked = bytes((GET, function, TEXT))
    begins, text = at, at + len(ENCODE) + 1
    latin: int | None = None
    pieces: list[bytes] = []
    done = 0
    for _ in range(MOST):
        found = _encoded_text(raw, text, function + 1 if latin is None else None, latin)
        if found is None:
            return None
        content, end = found
        if len(content) >= SHORTEST:
            # keep the function where it is named for the first time, as later references may need it
            pieces += [raw[done:text] + POP if latin is None else raw[done:begins], _bytes(content)]
            done = end
        latin = function + 2 if latin is None else latin
        begins = raw.find(asked, end)
        if begins < 0:
            break
        text = begins + 2
    else:
        return None
    return b"".join([*pieces, raw[done:]]) if pieces else None


def _bytes(content: bytes) -> bytes:
    return struct.pack("<BI", BYTES, len(content)) + content


def _encoded_text(raw: bytes, at: int, number: int | None, latin: int | None) -> tuple[bytes, int] | None:
    """Return the bytes that the text at an offset stands for and the end of the call that makes them, or None.

    The text must be memoized as `number`, unless that is None. The encoding's name must be fetched from the memo number
    `latin`, or written out if that is None.
    """
    if raw[at : at + 1] != bytes((TEXT,)):
        return None
    end = at + 5 + int.from_bytes(raw[at + 1 : at + 5], "little")
    try:
        content = raw[at + 5 : end].decode().encode("latin-1")
    except UnicodeError:
        return None
    memoized = _memo_number(raw, end)
    if memoized is None or (number is not None and memoized[0] != number):
        return None
    number, position = memoized
    if latin is None:
        if (
            not raw.startswith(LATIN, position)
            or (memoized := _memo_number(raw, position + len(LATIN))) is None
            or memoized[0] != number + 1
        ):
            return None
        number, position = memoized
    elif raw[position : position + 2] == bytes((GET, latin)):
        position += 2
    else:
        return None
    memoized = _memo_number(raw, position + 1)
    if raw[position : position + 1] != bytes((TUPLE,)) or memoized is None or memoized[0] != number + 1:
        return None
    number, position = memoized
    memoized = _memo_number(raw, position + 1)
    if raw[position : position + 1] != bytes((REDUCE,)) or memoized is None or memoized[0] != number + 1:
        return None
    return content, position + 1


def _memo_number(raw: bytes, at: int) -> tuple[int, int] | None:
    """Return the memo number of a PUT opcode and the offset behind the opcode, or None if there is no PUT."""
    if raw[at : at + 1] == bytes((PUT,)) and at + 1 < len(raw):
        return raw[at + 1], at + 2
    if raw[at : at + 1] == bytes((LONG_PUT,)):
        return int.from_bytes(raw[at + 1 : at + 5], "little"), at + 5
    return None
