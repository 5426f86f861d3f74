"""Read long pickled lists of keys that hold only bytes and text, without a complete pickle machine.

A list of a million keys is read in a fraction of a second. Each key is an opcode, its length and its bytes
(pickletools: SHORT_BINBYTES, BINBYTES, SHORT_BINUNICODE, BINUNICODE), followed by an opcode that memoizes it.
"""

from __future__ import annotations

_LENGTHS = {0x43: 1, 0x42: 4, 0x8C: 1, 0x58: 4}
"""Number of bytes that encode the length, by opcode: of bytes (C, B) and of text (0x8c, X)."""
_TEXTS = frozenset({0x8C, 0x58})
_MEMOIZE, _BINPUT, _LONG_BINPUT = 0x94, 0x71, 0x72
_PASSED = {_MEMOIZE: 0, _BINPUT: 1, _LONG_BINPUT: 4}
"""Opcodes that do not affect the list, with the number of bytes that follow them."""
_FRAME = 0x95
_EMPTY_LIST, _MARK, _APPENDS, _APPEND = b"](ea"
STOP = b"."
"""The last byte of every pickle."""


def pickled_list(raw: bytes) -> list[bytes | str] | None:
    """Return the items of a pickled list of only bytes and text, or None if the pickle has another form."""
    if len(raw) < 3 or raw[0] != 0x80 or not 2 <= raw[1] <= 5 or raw[-1:] != STOP:
        return None
    try:
        return _keys(raw)
    except (IndexError, UnicodeDecodeError):
        return None


def _keys(raw: bytes) -> list[bytes | str] | None:
    at, end = 2, len(raw) - 1
    keys: list[bytes | str] = []
    begun = marked = False
    unmarked = 0
    while at < end:
        code = raw[at]
        at += 1
        if code in _LENGTHS and begun:
            count = _LENGTHS[code]
            begin = at + count
            at = begin + int.from_bytes(raw[at:begin], "little")
            keys.append(raw[begin:at].decode() if code in _TEXTS else raw[begin:at])
            unmarked += not marked
        elif code in _PASSED:
            at += _PASSED[code]
        elif code == _FRAME and int.from_bytes(raw[at : at + 8], "little") <= end + 1 - at - 8:
            at += 8
        elif code == _MARK and begun and not marked:
            marked = True
        elif code == _APPENDS and marked:
            marked = False
        elif code == _APPEND and unmarked == 1 and not marked:
            unmarked = 0
        elif code == _EMPTY_LIST and not begun:
            begun = True
        else:
            return None
    return keys if begun and at == end and not marked and not unmarked else None
