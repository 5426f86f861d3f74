"""An encoded picture: its magic bytes, what is known of it, and the bounds it must keep."""

from __future__ import annotations

from math import ceil
from typing import Any

import msgspec
from numpy.typing import NDArray

from datacheck.decoders.interface import Value
from datacheck.model.finding import Finding, found

LIMIT = 1 << 29
"""A picture that declares more decoded bytes is not decoded; Pillow by itself refuses as many RGB pixels."""
MOST_SHOWN = 1 << 26
"""Pixels of a broken picture that is still decoded to be shown."""
DEFLATE = 1032
"""A byte of a deflate stream makes at most about so many (zlib's technical notes)."""
LZW = 2731
"""A byte of LZW makes at most about so many: a code of 12 bits stands for at most 4096."""
BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
"""The sizes of BMP's information headers; its magic alone, the letters BM, would claim too much text."""
FORMATS = frozenset({"JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF"})
"""What a picture's format is, or begins with."""
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


class Picture(msgspec.Struct, frozen=True):
    """A decoded picture: `pixels` has shape (channels, height, width), uint8 or uint16 (other numbers in some TIFF).

    `format` is "JPEG", "PNG", "WebP", "GIF", "BMP" or "TIFF", and what surprises who trains on it: "JPEG CMYK",
    "PNG 16-bit", "PNG palette", "PNG 1-bit", "GIF animated". With `pixels_skipped` the pixels stand for
    their shape and dtype alone.
    """

    pixels: NDArray[Any]
    format: str
    pixels_skipped: bool = False


def sniff(value: Value) -> str | None:
    """Return the format of a picture by its first bytes, or None where they are not a picture's."""
    head = bytes(value[:18])
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return "BMP"
    return next((name for magic, name in MAGIC if head.startswith(magic)), None)


def trailing(name: str, value: bytes, end: int) -> list[Finding]:
    """Return the finding of what lies behind the end of a picture, if anything does."""
    rest = value[end:]
    if not rest:
        return []
    other = sniff(rest)
    what = f", which begin another {other}" if other else "" if rest.strip(b"\0") else ", all zero"
    return [
        found(
            "trailing-data", f"{len(rest)} bytes after the end of the {name}{what}", field="data",
            offset=end, size=len(rest),
        )
    ]  # fmt: skip


def too_large(name: str, width: int, height: int, size: int, stored: int, least: float | None) -> Finding:
    """Return the finding of a picture that declares `size` decoded bytes, for which `stored` bytes are there.

    It is bad where its pixels take `least` bytes, which are more than those; without, it is only more than we decode.
    """
    text = f"the {name} declares {width} x {height} pixels, {size} bytes when decoded; at most {LIMIT} are"
    if least is not None and stored < least:
        text += f", and the {stored} bytes stored cannot be so many"
        return found("too-large", text, field="data", found=size, expected=LIMIT, stored=stored, least=ceil(least))
    return found("too-large", text, field="data", verdict="unverifiable", found=size, expected=LIMIT, stored=stored)
