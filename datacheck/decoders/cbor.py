"""Recognise CBOR (RFC 8949) by walking it to its end. Most writers do not put its tag before their values."""

from __future__ import annotations

from datacheck.decoders.interface import Value

DEEPEST, ITEMS = 32, 1 << 16
"""Maximum depth and number of items that are walked."""
ARRAY, MAP, TEXT = 4, 5, 3
_SIZES = {24: 1, 25: 2, 26: 4, 27: 8}


def is_cbor(value: Value) -> bool:
    """Check whether a value is one CBOR map whose first key or value is a text, or an array of maps whose first key is.

    >>> is_cbor(bytes.fromhex("a2 61 78 01 61 79 82 02 03")), is_cbor(bytes.fromhex("a2 61 78 01"))
    (True, False)
    """
    first = value[0] >> 5 if len(value) > 2 else 0
    if first not in (ARRAY, MAP) or value[0] & 31 > 27:
        return False
    left = [1]
    at = 0
    kinds: list[int] = []
    for _ in range(ITEMS):
        while left and not left[-1]:
            left.pop()
        if not left:
            return at == len(value) and MAP in kinds[:2] and TEXT in kinds[1:3]
        left[-1] -= 1
        head = _head(value, at)
        if head is None or len(left) > DEEPEST:
            return False
        kind, number, at = head
        if len(kinds) < 3:
            kinds.append(kind)
        if kind in (2, TEXT):
            at += number
            if at > len(value):
                return False
        elif kind in (ARRAY, MAP):
            left.append(number * (1 if kind == ARRAY else 2))
        elif kind == 6:
            left.append(1)
    return False


def _head(value: Value, at: int) -> tuple[int, int, int] | None:
    """Return the kind of an item, its number and the offset behind them, or None if its length is not known."""
    if at >= len(value):
        return None
    kind, short = value[at] >> 5, value[at] & 31
    if short < 24:
        return kind, short, at + 1
    size = _SIZES.get(short)
    if size is None or at + 1 + size > len(value):
        return None
    return kind, int.from_bytes(value[at + 1 : at + 1 + size], "big"), at + 1 + size
