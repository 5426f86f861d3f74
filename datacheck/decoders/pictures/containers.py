"""Find where GIF, WebP, BMP and TIFF files end and what they declare, which decoders do not check closely.

The formats are those of the GIF89a specification, RFC 9649 (WebP), Microsoft's BITMAPFILEHEADER and TIFF 6.0.
"""

from __future__ import annotations

from math import ceil, prod
from typing import Literal, NamedTuple

from datacheck.decoders.pictures.picture import LZW
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found

WEBP_SIDE = 16383
"""Largest side of a WebP frame, in pixels.

A canvas may declare 16 million, and takes minutes to clear for each frame.
"""


class Outline(NamedTuple):
    """The end of a picture's data, its size in pixels, and its number of frames."""

    end: int
    width: int
    height: int
    frames: int = 1


def gif(value: bytes) -> Outline | Finding:
    """Walk the blocks of a GIF up to its trailer; return its outline, or a finding if that fails."""
    try:
        return _gif(value)
    except IndexError:
        return truncated("GIF", value, "before its trailer")


def _gif(value: bytes) -> Outline | Finding:
    width, height = int.from_bytes(value[6:8], "little"), int.from_bytes(value[8:10], "little")
    at = 13 + colours(value[10])
    frames = 0
    while (kind := value[at]) != 0x3B:
        if kind == 0x2C:
            frames += 1
            at += 11 + colours(value[at + 9])
        elif kind == 0x21:
            at += 2
        else:
            return found(
                "corrupt-image", f"GIF: a block of type {kind:#04x} at byte {at}", field="data", offset=at
            )  # fmt: skip
        while (size := value[at]) > 0:
            at += 1 + size
        at += 1
    if not frames:
        return found("truncated", "GIF: no image before the trailer", field="data")
    return Outline(at + 1, width, height, frames)


def colours(flags: int) -> int:
    """Return the size in bytes of the colour table that the flags of a GIF's screen or image declare."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def webp(value: bytes) -> Outline | Finding:
    """Walk the chunks of a WebP up to the end that its RIFF header declares; return its outline, or a finding."""
    end = 8 + int.from_bytes(value[4:8], "little")
    if end > len(value):
        return truncated("WebP", value, f"{end} bytes are declared")
    size: tuple[int, int] | None = None
    kinds: set[bytes] = set()
    frames, at = 0, 12
    while at + 8 <= end:
        kind, length = value[at : at + 4], int.from_bytes(value[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            return found(
                "corrupt-image",
                f"WebP: a chunk of {length} bytes at byte {at} leads past the end at {end}",
                field="data",
                offset=at,
            )
        size = size or _webp_size(kind, value[at + 8 : at + 18])
        kinds.add(kind)
        frames += kind in (b"VP8 ", b"VP8L", b"ANMF")
        at += 8 + length + (length & 1)
    if size is None or not frames:
        return found("corrupt-image", "WebP: no chunk with pixels", field="data")
    if max(size) > WEBP_SIDE:
        message = f"the WebP declares {size[0]} x {size[1]} pixels, its frames have at most {WEBP_SIDE} a side"
        # Frames that lie side by side can fill such a canvas: then the picture is only larger than what we decode.
        legal = b"ANMF" in kinds and prod(size) < 1 << 32
        verdict: Verdict | None = "unverifiable" if legal and frames * WEBP_SIDE**2 >= prod(size) else None
        return found("too-large", message, field="data", verdict=verdict, found=list(size), expected=WEBP_SIDE)
    # Some writers leave the padding byte of the last chunk out of the size, or out of the file.
    return Outline(min(max(at, end), len(value)) if at == end + 1 else end, *size, frames)


def _webp_size(kind: bytes, data: bytes) -> tuple[int, int] | None:
    if kind == b"VP8X" and len(data) == 10:
        return 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
    if kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
    if kind == b"VP8L" and data[:1] == b"\x2f":
        bits = int.from_bytes(data[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None


def bmp(value: bytes) -> Outline | Finding:
    """Compare the length of a BMP with its declared size and its rows; return its outline, or a finding.

    Many writers leave the declared size wrong or 0.
    """
    declared, pixels = int.from_bytes(value[2:6], "little"), int.from_bytes(value[10:14], "little")
    header = int.from_bytes(value[14:18], "little")
    if 14 + header > len(value):
        return truncated("BMP", value, "inside its header")
    if header == 12:
        width, height, bits, compression = _little(value, 18, 2), _little(value, 20, 2), _little(value, 24, 2), 0
    else:
        width, height = _signed(value, 18), abs(_signed(value, 22))
        bits, compression = _little(value, 28, 2), _little(value, 30, 4)
    if width <= 0 or height == 0:
        return found("corrupt-image", f"BMP: declares {width} x {height} pixels", field="data")
    stored = _little(value, 34, 4) if compression not in (0, 3, 6) else ceil(width * bits / 32) * 4 * height
    if pixels + stored > len(value):
        return truncated("BMP", value, f"its pixels take up to byte {pixels + stored}")
    return Outline(min(len(value), max(declared, pixels + stored)), width, height)


def bmp_oddity(value: bytes) -> Finding | None:
    """Return a finding if the header of a BMP contradicts its pixels, which are all there, or None.

    No writer has been seen to do so.
    """
    header = _little(value, 14, 4)
    if header < 40:
        return None
    pixels, width, height = _little(value, 10, 4), _signed(value, 18), abs(_signed(value, 22))
    planes, bits, compression = _little(value, 26, 2), _little(value, 28, 2), _little(value, 30, 4)
    stored, colours = _little(value, 34, 4), _little(value, 46, 4) or (1 << bits if 0 < bits <= 8 else 0)
    size = ceil(width * bits / 32) * 4 * height
    reason = None
    if planes != 1:
        reason = f"declares {planes} planes, expected 1"
    elif compression in (0, 3, 6) and 0 < stored < size:
        reason = f"declares {stored} bytes of pixels, {width} x {height} of {bits} bits take {size}"
    elif pixels < 14 + header + 4 * colours:
        colours_end = 14 + header + 4 * colours
        reason = f"declares that its pixels begin at byte {pixels}, its colours end at byte {colours_end}"
    return None if reason is None else found("corrupt-image", f"BMP: {reason}", field="data", verdict="suspicious")


def tiff(value: bytes) -> Finding | None:
    """Return a finding if a TIFF ends before its first directory does, which writers often put last, or None."""
    order: Literal["little", "big"] = "little" if value[:2] == b"II" else "big"
    big = value[2:4] in (b"+\0", b"\0+")
    at = int.from_bytes(value[8:16] if big else value[4:8], order)
    counted = 8 if big else 2
    end = at + counted + int.from_bytes(value[at : at + counted], order) * (20 if big else 12)
    return truncated("TIFF", value, f"its directory takes up to byte {end}") if end > len(value) else None


def least_bytes(name: str, value: bytes, outline: Outline) -> float | None:
    """Return the minimum number of bytes that the pixels of a sound picture take, or None if that is not known."""
    pixels = outline.width * outline.height
    if name == "GIF":
        return pixels / LZW
    if name == "WebP" and _is_lossy(value, outline.end):
        return pixels / 2048  # more than a bit for each block of 16 x 16 pixels
    return None


def _is_lossy(value: bytes, end: int) -> bool:
    """Check whether a WebP is one lossy frame; a lossless one of a single colour has no bits for its pixels."""
    at = 12
    while at + 8 <= end and (kind := value[at : at + 4]) != b"VP8 ":
        if kind in (b"VP8L", b"ANMF"):
            return False
        length = int.from_bytes(value[at + 4 : at + 8], "little")
        at += 8 + length + (length & 1)
    return at + 8 <= end


def _little(value: bytes, at: int, size: int) -> int:
    return int.from_bytes(value[at : at + size], "little")


def _signed(value: bytes, at: int) -> int:
    return int.from_bytes(value[at : at + 4], "little", signed=True)


def truncated(name: str, value: bytes, where: str) -> Finding:
    """Return the finding for a picture that ends early."""
    return found("truncated", f"the {name} ends at byte {len(value)}, {where}", field="data", size=len(value))
