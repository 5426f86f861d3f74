"""Encoded pictures: bare JPEG, PNG, WebP, GIF, BMP and TIFF files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

from datacheck.batch import Batch
from datacheck.decoders import Field, Reading, Value, decode_each
from datacheck.model import Block, FamilyProfile, Finding, found

LIMIT = 1 << 29
"""A picture that declares more decoded bytes is not decoded; Pillow by itself refuses as many RGB pixels."""
BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
"""The sizes of BMP's information headers; its magic alone, the letters BM, would claim too much text."""
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
FOREIGN = (
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypavis", "AVIF"),
    (4, b"ftyphei", "HEIF"),
    (4, b"ftypmif1", "HEIF"),
    (0, b"v/1\x01", "OpenEXR"),
)
"""Pictures that are recognised, at this offset, so that they are not called broken."""
_REPR = re.compile(rb"""b(['"])(?:\\xff\\xd8\\xff|\\x89PNG\\r\\n|GIF8[79]a|RIFF.{4,16}?WEBP)""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture: `pixels` has shape (channels, height, width), uint8 or uint16 (other numbers in some TIFF).

    `format` is "JPEG", "PNG", "WebP", "GIF", "BMP" or "TIFF", and what surprises who trains on it: "JPEG CMYK",
    "PNG 16-bit", "PNG palette", "PNG 1-bit", "GIF animated". `unseen` pixels stand for their shape and dtype alone.
    """

    pixels: NDArray[Any]
    format: str
    unseen: bool = False


def picture_field(picture: Picture) -> Field:
    """Return the field "data" that holds a picture."""
    return Field("data", picture.pixels, format=picture.format, encoded=True, unseen=picture.unseen)


def sniff(value: Value) -> str | None:
    """Return the format of a picture by its first bytes, or None where they are not a picture's."""
    head = bytes(value[:18])
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return "BMP"
    return next((name for magic, name in MAGIC if head.startswith(magic)), None)


def read_picture(value: Value, *, pixels: bool = True) -> tuple[Picture | None, list[Finding]]:
    """Return the picture, None where it is broken, and what is wrong with it: if broken, one finding, the most telling.

    The first frame stands for an animation, but all frames are decoded, within bounds. Without `pixels` a picture may
    come `unseen`, where that is quicker and finds the same.
    """
    name = sniff(value)
    if name is None:
        return None, [_stranger(value)]
    data = bytes(value)
    # The image libraries are loaded by the first picture: a store without any does not pay for them.
    if name == "JPEG":
        from datacheck.decoders import jpeg

        return jpeg.read(data, pixels=pixels)
    if name == "PNG":
        from datacheck.decoders import png

        return png.read(data)
    return _contained(data, name)


def _contained(data: bytes, name: str) -> tuple[Picture | None, list[Finding]]:
    """Read a format whose structure is walked here and whose pixels Pillow decodes."""
    from datacheck.decoders import containers, pillow

    if name == "TIFF":  # it points to and fro, and has no end that could be told
        problem = containers.tiff(data)
        return pillow.read(data, name) if problem is None else (None, [problem])
    outline = {"GIF": containers.gif, "WebP": containers.webp, "BMP": containers.bmp}[name](data)
    if isinstance(outline, Finding):
        return None, [outline]
    size = outline.width * outline.height * 3
    if size > LIMIT:
        return None, [too_large(name, outline.width, outline.height, size)]
    picture, findings = pillow.read(data[: outline.end], name, outline.frames)
    return picture, findings if picture is None else [*findings, *trailing(name, data, outline.end)]


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


def too_large(name: str, width: int, height: int, size: int) -> Finding:
    """Return the finding of a picture that declares `size` decoded bytes."""
    return found(
        "too-large",
        f"the {name} declares {width} x {height} pixels, {size} bytes when decoded; at most {LIMIT} are",
        field="data",
        found=size,
        expected=LIMIT,
    )


def _stranger(value: Value) -> Finding:
    """Return the finding of a value that does not begin as a picture does."""
    head = bytes(value[:32])
    if _REPR.match(head):
        text = "a picture's bytes written out as text, b'\\xff...': str() was called on them before they were stored"
        return found("undecodable", text, field="data")
    for at, magic, name in FOREIGN:
        if head[at:].startswith(magic):
            return found("unknown-payload", f"{name}, which datacheck does not decode", field="data")
    what = "all zero" if not bytes(value).strip(b"\0") else f"it begins with {head[:8].hex(' ')}"
    return found("undecodable", f"not a picture: {len(value)} bytes, {what}", field="data")


class PictureDecoder:
    """Decodes picture files into a field "data" (channels, height, width)."""

    name = "picture"

    def knows(self, value: Value) -> bool:
        return sniff(value) is not None or _REPR.match(bytes(value[:32])) is not None

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        return decode_each(partial(self.read, pixels=pixels), block, rows, profile)

    def read(self, value: Value, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
        """Read one picture file."""
        picture, findings = read_picture(value, pixels=pixels)
        if picture is None:
            return Reading(findings=findings)
        return Reading([picture_field(picture)], findings)

    def stored_picture(self, value: Value) -> bytes | None:
        """Return the value: it is a picture file."""
        return bytes(value)
