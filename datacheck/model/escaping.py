"""Convert keys and texts to printable ASCII, and back."""

from __future__ import annotations

import re


def escape(key: bytes) -> str:
    r"""Return a key as printable ASCII; every other byte, and the backslash, becomes ``\xNN``.

    >>> print(escape(b"img\x1b[31m\\1"))
    img\x1b[31m\x5c1
    """
    text = key.decode("latin-1")
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return _UNSAFE_BYTE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def unescape(text: str) -> bytes:
    r"""Return the key that `escape` made `text` of.

    >>> unescape(r"a\x00b")
    b'a\x00b'
    """
    raw = text.encode("utf-8", "surrogateescape")
    return re.sub(rb"\\x([0-9a-fA-F]{2})", lambda match: bytes([int(match[1], 16)]), raw)


def readable(key: str) -> str:
    r"""Return an escaped key in readable form: decoded if it is printable UTF-8, otherwise still escaped.

    >>> readable(r"f\xc3\xbcr"), print(readable(r"\xff\x1b"))
    \xff\x1b
    ('für', None)
    """
    try:
        text = unescape(key).decode()
    except UnicodeDecodeError:
        return plain(key)
    return text if text.isprintable() and "\\" not in text else plain(key)


def plain(text: str) -> str:
    r"""Return `text` with every unprintable character escaped, for messages that quote a file.

    A byte that is not UTF-8, which Python has as a surrogate in names of files, is escaped as in a key.

    >>> print(plain("a\nb"), plain("\udcff"))
    a\nb \xff
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


_UNSAFE_BYTE = re.compile(r"[^\x20-\x5b\x5d-\x7e]")
