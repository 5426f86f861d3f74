"""Test PNG files built chunk by chunk, each with one thing broken."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from datacheck.decoders.pictures import png, png_parts
from datacheck.decoders.pictures.decoder import read_picture

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width=10, height=12, depth=8, colour=2, compression=0, filters=0, interlace=0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, compression, filters, interlace))


def raw(filter_type: int = 0) -> bytes:
    return b"".join(bytes([filter_type]) + row.tobytes() for row in PIXELS)


def build(*chunks: bytes) -> bytes:
    return png.SIGNATURE + b"".join(chunks)


DATA = chunk(b"IDAT", zlib.compress(raw()))
END = chunk(b"IEND")
WHOLE = build(header(), DATA, END)
STREAM = zlib.compress(raw())


def encode(image: Image.Image, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return out.getvalue()


def codes(value: bytes) -> list[str]:
    picture, findings = read_picture(value)
    assert (picture is None) == any(finding.verdict != "suspicious" for finding in findings)
    return [finding.code for finding in findings]


def test_the_pixels_are_returned():
    picture, findings = read_picture(WHOLE)
    assert findings == []
    assert (picture.pixels == PIXELS.transpose(2, 0, 1)).all()
    assert picture.format == "PNG"


def test_large_pixel_data_goes_to_pillow_as_it_is(monkeypatch):
    monkeypatch.setattr(png, "KEPT", 0)
    for options in ({}, {"optimize": True}):
        picture, findings = read_picture(encode(Image.fromarray(PIXELS), **options))
        assert findings == []
        assert (picture.pixels == PIXELS.transpose(2, 0, 1)).all()


KINDS = {
    "1": ("PNG 1-bit", 1), "L": ("PNG", 1), "LA": ("PNG", 2), "P": ("PNG palette", 3), "RGB": ("PNG", 3),
    "RGBA": ("PNG", 4), "I;16": ("PNG 16-bit", 1),
}  # fmt: skip


@pytest.mark.parametrize("mode", KINDS)
@pytest.mark.parametrize("size", [(1, 1), (3, 1), (1, 9), (17, 31)])
def test_every_mode_and_size(mode, size):
    image = Image.fromarray(np.resize(PIXELS, (size[1], size[0], 3)))
    image = Image.fromarray(np.asarray(image.convert("L")) * np.uint16(257)) if mode == "I;16" else image.convert(mode)
    for options in ({}, {"optimize": True}, {"compress_level": 0}):
        picture, findings = read_picture(encode(image, **options))
        assert findings == []
        assert (picture.format, picture.pixels.shape) == (KINDS[mode][0], (KINDS[mode][1], size[1], size[0]))
        assert picture.pixels.dtype == ("uint16" if mode == "I;16" else "uint8")
    if mode in ("L", "RGB", "I;16"):
        assert (picture.pixels.transpose(1, 2, 0).squeeze() == np.asarray(image).squeeze()).all()


def test_a_single_bit_is_black_or_white():
    picture, _ = read_picture(encode(Image.fromarray(np.array([[True, False]]))))
    assert picture.pixels.tolist() == [[[255, 0]]]


def test_transparency():
    palette = Image.fromarray(PIXELS).quantize(16)
    assert read_picture(encode(palette, transparency=2))[0].pixels.shape[0] == 4
    assert codes(encode(Image.fromarray(PIXELS), transparency=(1, 2, 3))) == []


def interlaced(width: int, height: int) -> bytes:
    """Return a grey Adam7 picture with pixels of column + row, which Pillow cannot write."""
    grid = np.add.outer(np.arange(height), np.arange(width)).astype(np.uint8)
    data = b""
    for column, row, across, down in png_parts.ADAM7:
        part = grid[row::down, column::across]
        data += b"".join(b"\0" + line.tobytes() for line in part) if part.size else b""
    return build(header(width, height, colour=0, interlace=1), chunk(b"IDAT", zlib.compress(data)), END)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 5), (8, 8), (13, 9)])
def test_interlaced(size):
    picture, findings = read_picture(interlaced(*size))
    assert findings == []
    assert (picture.pixels[0] == np.add.outer(np.arange(size[1]), np.arange(size[0]))).all()


def test_sixteen_bit_colours():
    data = b"".join(b"\0" + row.astype(">u2").tobytes() for row in PIXELS.astype(np.uint16) * 257)
    picture, findings = read_picture(build(header(depth=16), chunk(b"IDAT", zlib.compress(data)), END))
    assert findings == []
    assert picture.format == "PNG 16-bit"
    assert (picture.pixels == PIXELS.transpose(2, 0, 1)).all()


def test_pixel_data_in_many_chunks():
    pieces = [chunk(b"IDAT", STREAM[at : at + 7]) for at in range(0, len(STREAM), 7)]
    assert codes(build(header(), *pieces, chunk(b"IDAT"), END)) == []


def test_a_large_text_is_no_fault():
    text = chunk(b"zTXt", b"workflow\0\0" + zlib.compress(bytes(3 << 20)))
    assert codes(build(header(), text, DATA, END)) == []


def animation() -> bytes:
    frames = [Image.fromarray(np.roll(PIXELS, step, 0)) for step in range(4)]
    return encode(frames[0], save_all=True, append_images=frames[1:])


def test_animation():
    picture, findings = read_picture(animation())
    assert findings == []
    assert picture.format == "PNG animated"
    assert (picture.pixels == PIXELS.transpose(2, 0, 1)).all()


def flipped(value: bytes, at: int) -> bytes:
    return value[:at] + bytes([value[at] ^ 4]) + value[at + 1 :]


BROKEN = {
    "cut in half": (WHOLE[: len(WHOLE) // 2], "truncated"),
    "no IEND": (WHOLE[:-12], "truncated"),
    "cut inside IEND": (WHOLE[:-1], "truncated"),
    "signature only": (png.SIGNATURE, "truncated"),
    "no IDAT": (build(header(), END), "truncated"),
    "an IDAT missing": (build(header(), chunk(b"IDAT", STREAM[:50]), END), "truncated"),
    "adler missing": (build(header(), chunk(b"IDAT", STREAM[:-4]), END), "truncated"),
    "too few rows": (build(header(), chunk(b"IDAT", zlib.compress(raw()[:-31])), END), "truncated"),
    "bit in IDAT": (flipped(WHOLE, 80), "checksum"),
    "bit in IHDR": (flipped(WHOLE, 19), "checksum"),
    "bit in a chunk's type": (flipped(WHOLE, 37), "checksum"),
    "bit in IEND": (flipped(WHOLE, len(WHOLE) - 1), "checksum"),
    "zeros in IDAT": (WHOLE[:100] + bytes(64) + WHOLE[164:], "checksum"),
    "adler wrong": (build(header(), chunk(b"IDAT", flipped(STREAM, -1 % len(STREAM))), END), "checksum"),
    "a text's checksum": (build(header(), flipped(chunk(b"tEXt", b"a\0b"), 9), DATA, END), "checksum"),
    "a frame's checksum": (flipped(animation(), animation().index(b"fdAT") + 12), "checksum"),
    "a chunk's length": (flipped(WHOLE, 33), "corrupt-image"),
    "not deflated": (build(header(), chunk(b"IDAT", raw()), END), "corrupt-image"),
    "too many rows": (build(header(), chunk(b"IDAT", zlib.compress(raw() * 2)), END), "corrupt-image"),
    "filter type 5": (build(header(), chunk(b"IDAT", zlib.compress(raw(5))), END), "corrupt-image"),
    "no IHDR": (build(DATA, END), "corrupt-image"),
    "two IHDR": (build(header(), header(), DATA, END), "corrupt-image"),
    "IHDR of 12 bytes": (build(chunk(b"IHDR", bytes(12)), DATA, END), "corrupt-image"),
    "IDAT apart": (
        build(header(), chunk(b"IDAT", STREAM[:50]), chunk(b"tEXt", b"a\0b"), chunk(b"IDAT", STREAM[50:]), END),
        "corrupt-image",
    ),
    "no PLTE": (build(header(colour=3), DATA, END), "corrupt-image"),
    "PLTE late": (build(header(), DATA, chunk(b"PLTE", bytes(3)), END), "corrupt-image"),
    "no width": (build(header(width=0), DATA, END), "corrupt-image"),
    "colour type 5": (build(header(colour=5), DATA, END), "corrupt-image"),
    "3 bits": (build(header(depth=3), DATA, END), "corrupt-image"),
    "interlace 2": (build(header(interlace=2), DATA, END), "corrupt-image"),
    "a bomb": (build(header(width=1 << 20, height=1 << 20), DATA, END), "too-large"),
    "a bomb in the stream": (build(header(), chunk(b"IDAT", zlib.compress(bytes(1 << 24))), END), "corrupt-image"),
    "an unknown critical chunk": (build(header(), chunk(b"CgBI"), DATA, END), "unknown-payload"),
    "bytes behind IEND": (WHOLE + b"x" * 100, "trailing-data"),
    "bytes behind the stream": (build(header(), chunk(b"IDAT", STREAM + b"abc"), END), "trailing-data"),
    "a chunk behind the stream": (build(header(), DATA, chunk(b"IDAT", b"abc"), END), "trailing-data"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_have_one_finding(name):
    value, expected = BROKEN[name]
    assert codes(value) == [expected]


def test_the_message_names_chunk_and_offset():
    _, [finding] = read_picture(BROKEN["bit in IDAT"][0])
    assert finding.message.startswith("PNG: the chunk IDAT at byte 33 has the checksum 0x")
    assert finding.details == {"offset": 33}


def test_every_single_bit_is_guarded():
    missed = [at for at in range(8, len(WHOLE)) if not codes(flipped(WHOLE, at))]
    assert missed == []
