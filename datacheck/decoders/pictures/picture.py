"""An encoded picture: its magic bytes, what is known about it, and the size limits."""

from __future__ import annotations

from math import ceil
from typing import Any

import msgspec
from numpy.typing import NDArray

from datacheck.decoders.interface import Value
from datacheck.model.finding import Finding, found

LIMIT = 1 << 29
"""Maximum number of decoded bytes of a picture; larger ones are not decoded.

Pillow refuses as many RGB pixels by itself.
"""
MOST_SHOWN = 1 << 26
"""Maximum number of pixels of a broken picture that is still decoded to be shown."""
DEFLATE = 1032
"""Maximum number of bytes that a byte of a deflate stream makes, approximately (zlib's technical notes)."""
LZW = 2731
"""Maximum number of bytes that a byte of LZW makes, approximately: a code of 12 bits stands for at most 4096."""
BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
"""The sizes of BMP's information headers. The magic alone, the letters BM, would match too much text."""
FORMATS = frozenset({"JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF"})
"""The possible formats of a picture, or the first word of its format."""
JPEG = b"\xff\xd8\xff"
MAGIC = (
    (JPEG, "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0\x08\0\0\0", "TIFF"),
    (b"MM\0+\0\x08\0\0", "TIFF"),
)
_FIRST_BYTES = frozenset([b"R", b"B", *(magic[:1] for magic, _ in MAGIC)])


class Picture(msgspec.Struct, frozen=True):
    """A decoded picture: `pixels` has shape (channels, height, width), uint8 or uint16 (other numbers in some TIFF).

    `format` is "JPEG", "PNG", "WebP", "GIF", "BMP" or "TIFF", plus what may surprise whoever trains on the picture:
    "JPEG CMYK", "PNG 16-bit", "PNG palette", "PNG 1-bit", "GIF animated". With `pixels_skipped`, only the shape and
    dtype of the pixels are meaningful.
    """

    pixels: NDArray[Any]
    format: str
    pixels_skipped: bool = False


def sniff(value: Value) -> str | None:
    """Return the format of a picture from its first bytes, or None if they are not a picture's."""
    head = bytes(value[:18])
    if head[:1] not in _FIRST_BYTES:
        return None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return "BMP"
    return next((name for magic, name in MAGIC if head.startswith(magic)), None)


def trailing(name: str, value: bytes, end: int) -> list[Finding]:
    """Return a list with the finding about what lies after the end of a picture, empty if nothing does."""
    rest = value[end:]
    if not rest:
        return []
    other = sniff(rest)
    content = f", which begin another {other}" if other else "" if rest.strip(b"\0") else ", all zero"
    return [
        found(
            "trailing-data", f"{len(rest)} bytes after the end of the {name}{content}", field="data",
            offset=end, size=len(rest),
        )
    ]  # fmt: skip


def too_large(name: str, width: int, height: int, size: int, stored: int, least: float | None) -> Finding:
    """Return the finding for a picture that declares `size` decoded bytes and has `stored` bytes.

    The picture is bad if its pixels take at least `least` bytes and fewer are stored. If `least` is None, it is only
    larger than what is decoded here.
    """
    text = f"the {name} declares {width} x {height} pixels, {size} bytes when decoded; at most {LIMIT} are"
    if least is not None and stored < least:
        text += f", and the {stored} bytes stored cannot be so many"
        return found("too-large", text, field="data", found=size, expected=LIMIT, stored=stored, least=ceil(least))
    return found("too-large", text, field="data", verdict="unverifiable", found=size, expected=LIMIT, stored=stored)
