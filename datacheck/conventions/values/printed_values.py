"""Read values in Python's notation, as `str(keys).encode()` writes them and `eval` or `ast.literal_eval` reads them."""

from __future__ import annotations

import ast
import re
from typing import Any

DEEPEST = 4
"""Maximum depth of nested lists, tuples and mappings."""
CLOSING = {"[": "]", "(": ")", "{": "}"}
_TOKEN = re.compile(
    r"""(?P<text>b?(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"))"""
    r"|(?P<float>-?[0-9]+(?:\.[0-9]+(?:e[-+]?[0-9]+)?|e[-+]?[0-9]+))"
    r"|(?P<int>-?[0-9]{1,64})"
    r"|(?P<word>None|True|False)"
    r"|(?P<sign>[\[\](){}]|, |,|: )",
    re.ASCII,
)
_WORDS = {"None": None, "True": True, "False": False}


def printed_value(raw: bytes) -> Any:
    """Return the list, tuple or mapping of plain values that Python prints as these bytes, or None.

    >>> printed_value(b"[b'0001', b'0002']"), printed_value(b'["0001"]')
    ([b'0001', b'0002'], None)
    """
    if raw[:1] not in (b"[", b"(", b"{") or raw[-1:] not in (b"]", b")", b"}"):
        return None
    try:
        text = raw.decode()
        if (items := _texts(text)) is not None:
            return items
        value, at = _value(text, 0, 0)
    except ValueError:
        return None
    return value if at == len(text) and repr(value) == text else None


def _texts(text: str) -> list[str] | list[bytes] | None:
    """Return the items of a list of only texts or only bytes, which may be long, or None."""
    texts = text[2:-2].split("', '")
    if repr(texts) == text:
        return texts
    encoded = [it.encode() for it in text[3:-2].split("', b'")]
    return encoded if repr(encoded) == text else None


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    """Return the value that begins at an offset, and the offset after it. Raises ValueError for any other text."""
    token = _TOKEN.match(text, at)
    if token is None or depth > DEEPEST:
        raise ValueError("no plain value")
    literal, kind = token[0], token.lastgroup
    if kind == "sign":
        return _items(text, token.end(), literal, depth)
    if kind == "text":
        if "\\" in literal:
            return ast.literal_eval(literal), token.end()
        return literal[2:-1].encode() if literal[0] == "b" else literal[1:-1], token.end()
    return (int(literal) if kind == "int" else float(literal) if kind == "float" else _WORDS[literal]), token.end()


def _items(text: str, at: int, opening: str, depth: int) -> tuple[Any, int]:
    """Return the list, tuple or mapping whose items begin at an offset, and the offset after it."""
    closing = CLOSING.get(opening)
    if closing is None:
        raise ValueError("no value begins so")
    items: list[Any] = []
    names: list[Any] = []
    while not text.startswith(closing, at):
        item, at = _value(text, at, depth + 1)
        if opening == "{" and len(names) == len(items):
            if isinstance(item, (list, dict, tuple)) or not text.startswith(": ", at):
                raise ValueError("no name of a mapping")
            names.append(item)
            at += 2
            continue
        items.append(item)
        at += 2 if text.startswith(", ", at) else 1 if text.startswith(",)", at) else 0
    at += 1
    if opening == "{":
        return dict(zip(names, items, strict=True)), at
    return (tuple(items) if opening == "(" else items), at
