"""Change numbers and shorten arrays inside a pickle without unpickling it, by replacing single opcodes.

Frames are left out of the result: they only say how much may be read at once.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

_TEXTS = frozenset(["UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"])
_NUMBERS = frozenset(["BININT", "BININT1", "BININT2", "LONG1"])
_BYTES = frozenset(["BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"])
REACH = 256
"""Maximum number of opcodes between the length of an array and its bytes."""
_MEMO = frozenset(["MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "FRAME"])


class _Opcode(NamedTuple):
    name: str
    argument: Any
    raw: bytes


def edited(raw: bytes, numbers: Mapping[str, tuple[int, int]], length: int, kept: Sequence[int]) -> bytes | None:
    """Return a pickle with other numbers in its mapping, and with the `kept` items of its arrays of this length.

    `numbers` are the present and the new ones by name. Return None if a number is not there once, or an array has a
    form that is not known. Arrays of other lengths, and of several dimensions, stay as they are.
    """
    try:
        opcodes = list(_opcodes(raw))
    except ValueError:
        return None
    places = [at for at, it in enumerate(opcodes) if it.name not in _MEMO]
    changes: dict[int, bytes] = {}
    for name, (old, new) in numbers.items():
        named = [after for at, after in pairwise(places) if _is_text(opcodes[at], name)]
        named = [it for it in named if opcodes[it].name in _NUMBERS and opcodes[it].argument == old]
        if len(named) != 1:
            return None
        changes[named[0]] = _plain(new)
    for position, at in enumerate(places):
        if length and opcodes[at].name in _NUMBERS and opcodes[at].argument == length:
            data = _data_of(opcodes, places, position)
            if data is not None:
                changes |= {at: _plain(len(kept)), data: _shortened(opcodes[data], length, kept)}
    return b"".join(changes.get(at, it.raw) for at, it in enumerate(opcodes) if it.name != "FRAME")


def _opcodes(raw: bytes) -> Iterator[_Opcode]:
    import pickletools

    read = [(code.name, argument, at or 0) for code, argument, at in pickletools.genops(raw)]
    ends = [*(at for _, _, at in read[1:]), len(raw)]
    yield from (_Opcode(name, it, raw[at:end]) for (name, it, at), end in zip(read, ends, strict=True))


def _is_text(opcode: _Opcode, text: str) -> bool:
    return opcode.name in _TEXTS and opcode.argument == text


def _data_of(opcodes: Sequence[_Opcode], places: Sequence[int], position: int) -> int | None:
    """Return the place of the bytes of an array whose only dimension is the number at this position, or None.

    Such a number is followed by TUPLE1. In the state of an array, the number of the version comes before it, and the
    bytes later, after the flag of the order. Behind `_frombuffer`, the bytes come first, and the letter of the order
    after it.
    """
    length = opcodes[places[position]].argument

    def name(at: int) -> str:
        return opcodes[places[at]].name if 0 <= at < len(places) else ""

    if name(position + 1) != "TUPLE1":
        return None
    if (name(position - 2), name(position - 1)) == ("MARK", "BININT1"):
        flags = (it for it in range(position, position + REACH) if name(it) in ("NEWFALSE", "NEWTRUE"))
        after = next((it + 1 for it in flags if name(it + 1) in _BYTES), None)
    elif position + 2 < len(places) and _is_order(opcodes[places[position + 2]]):
        after = next((it for it in range(position, position - REACH, -1) if name(it) in _BYTES), None)
    else:
        return None
    data = None if after is None else places[after]
    fits = data is not None and len(opcodes[data].argument) and len(opcodes[data].argument) % length == 0
    return data if fits else None


def _is_order(opcode: _Opcode) -> bool:
    """Return whether this is the letter of the order, which is remembered from another array if there is one."""
    return opcode.argument in ("C", "F") or opcode.name in ("BINGET", "LONG_BINGET")


def _shortened(opcode: _Opcode, length: int, kept: Sequence[int]) -> bytes:
    """Return the opcode with the kept items of its bytes, which are an array of this length."""
    data = opcode.argument
    size = len(data) // length
    new = b"".join(data[it * size : (it + 1) * size] for it in kept)
    widths = {"SHORT_BINBYTES": 1, "BINBYTES": 4, "BINBYTES8": 8, "BYTEARRAY8": 8}
    return opcode.raw[:1] + len(new).to_bytes(widths[opcode.name], "little") + new


def _plain(number: int) -> bytes:
    """Return the opcode of a number, as protocol 2 has it."""
    return pickle.dumps(number, 2)[2:-1]
