"""Remove and apply the compression of a whole value, by Python's own modules, in which projects keep lists of keys."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

XZ_MEMORY = 128 << 20
"""Maximum memory of a decompressor of xz, in bytes; its highest preset needs 65 MB, and a header can ask for 4 GB."""


class Wrapping(msgspec.Struct, frozen=True):
    """A compression: how values `begin`, how their content is read and written."""

    begins: Callable[[bytes], bool]
    machine: Callable[[], Any]
    wrapped: Callable[[bytes], bytes]

    def content(self, raw: bytes, largest: int) -> bytes | None:
        """Return the content of a value, or None if the value is damaged, of several parts, or too large."""
        machine = self.machine()
        try:
            content: bytes = machine.decompress(raw, largest)
        except (OSError, ValueError, zlib.error, lzma.LZMAError):
            return None
        return content if machine.eof and not machine.unused_data else None


def _begins_like_zlib(raw: bytes) -> bool:
    """Check the two bytes of a zlib header (RFC 1950): the method, and a checksum of both."""
    return len(raw) > 2 and raw[0] & 15 == 8 and raw[0] >> 4 < 8 and int.from_bytes(raw[:2], "big") % 31 == 0


WRAPPINGS = {
    "gzip": Wrapping(
        lambda raw: raw.startswith(b"\x1f\x8b\x08"),
        partial(zlib.decompressobj, 16 + zlib.MAX_WBITS),
        partial(gzip.compress, mtime=0),
    ),
    "zlib": Wrapping(_begins_like_zlib, zlib.decompressobj, zlib.compress),
    "bz2": Wrapping(lambda raw: raw.startswith(b"BZh"), bz2.BZ2Decompressor, bz2.compress),
    "xz": Wrapping(
        lambda raw: raw.startswith(b"\xfd7zXZ\0"),
        partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, memlimit=XZ_MEMORY),
        lzma.compress,
    ),
}


def unwrapped(raw: bytes, largest: int) -> tuple[str, bytes] | None:
    """Return the name of a value's compression and its content, or None if it has none of these.

    >>> unwrapped(zlib.compress(b"[]"), 100), unwrapped(b"[]", 100)
    (('zlib', b'[]'), None)
    """
    for name, wrapping in WRAPPINGS.items():
        if wrapping.begins(raw):
            content = wrapping.content(raw, largest)
            return None if content is None else (name, content)
    return None
