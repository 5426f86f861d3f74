"""Recognise and decode base64, standard or URL-safe, in which pictures and arrays are stored as text."""

from __future__ import annotations

import base64
import binascii
import re

from datacheck.decoders.wrappers.interface import Peeled, Value, broken, too_large, truncated

_LINES = re.compile(rb"[ \t\r\n]+")
_HEAD = re.compile(rb"(?:data:[a-z]+/[a-z0-9.+-]+;base64,)?([A-Za-z0-9+/_-]{16,})")
_OF_URLS = bytes.maketrans(b"-_", b"+/")


def base64_beginning(value: Value) -> bytes:
    """Return the first decoded bytes of a value that may be base64, or b"" if it cannot be."""
    head = _HEAD.match(bytes(value[:128]))
    if head is None:
        return b""
    letters = head[1][: len(head[1]) // 4 * 4]
    return base64.b64decode(letters.translate(_OF_URLS))


def peel_base64(value: Value, limit: int) -> Peeled:
    """Decode a base64 text; it has no checksum."""
    raw = bytes(value)
    if raw.startswith(b"data:"):
        raw = raw.partition(b",")[2]
    if len(raw) > 2 * limit:
        return Peeled(b"", too_large("base64", limit))
    letters = _LINES.sub(b"", raw)
    if b"+" not in letters and b"/" not in letters:
        letters = letters.translate(_OF_URLS)
    try:
        return Peeled(base64.b64decode(letters, validate=True))
    except binascii.Error as error:
        digits = letters.rstrip(b"=")
        if not re.fullmatch(rb"[A-Za-z0-9+/]*", digits):
            return Peeled(b"", broken("base64", str(error)))
        decoded = base64.b64decode(digits[: len(digits) // 4 * 4])
        return Peeled(decoded, truncated("base64", len(raw)))
