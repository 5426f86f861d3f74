"""Encoded pictures: bare JPEG, PNG, WebP, GIF, BMP and TIFF files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from datacheck.decoders import Field, Reading, Value, decode_each
from datacheck.model import Batch, Block, FamilyProfile, Finding, found

MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture: `pixels` has shape (channels, height, width), uint8 or uint16 (float32 in some TIFF).

    `format` is "JPEG", "PNG", "WebP", "GIF", "BMP" or "TIFF", and what sets it apart: "JPEG CMYK", "PNG 16-bit".
    """

    pixels: NDArray[Any]
    format: str


def sniff(value: Value) -> str | None:
    """Return the format of a picture by its first bytes, or None where they are not a picture's."""
    head = bytes(value[:12])
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((name for magic, name in MAGIC if head.startswith(magic)), None)


def read_picture(value: Value) -> tuple[Picture | None, list[Finding]]:
    """Return the picture, None where it is broken, and what is wrong with it."""
    from datacheck.decoders import pillow

    name = sniff(value)
    if name is None:
        return None, [found("undecodable", "not a picture", field="data")]
    try:
        pixels = pillow.decode(bytes(value), name)
    except Exception as error:  # noqa: BLE001 - a decoder fed with damaged bytes may raise anything
        return None, [found("corrupt-image", str(error), field="data")]
    return Picture(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1), name), []


class PictureDecoder:
    """Decodes picture files into a field "data" (channels, height, width)."""

    name = "picture"

    def knows(self, value: Value) -> bool:
        return sniff(value) is not None

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None
    ) -> Iterator[Batch | tuple[int, Finding]]:
        return decode_each(self.read, block, rows, profile)

    def read(self, value: Value, profile: FamilyProfile | None) -> Reading:
        picture, findings = read_picture(value)
        if picture is None:
            return Reading(findings=findings)
        return Reading([Field("data", picture.pixels, format=picture.format, encoded=True)], findings)
