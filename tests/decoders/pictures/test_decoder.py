"""Test pictures of every format: sound ones have no finding, broken ones have one; nothing is raised or printed."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageFile

from datacheck.decoders.pictures import decoder as pictures
from datacheck.decoders.pictures.decoder import PictureDecoder, read_picture
from datacheck.decoders.pictures.picture import sniff
from datacheck.model.blocks import Block

RNG = np.random.default_rng(0)
PIXELS = np.asarray(
    Image.fromarray(RNG.integers(0, 256, (5, 5, 3), np.uint8)).resize((40, 24), Image.Resampling.BICUBIC)
)
FORMATS = ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF")


@cache
def encode(name: str, mode: str = "RGB", size: tuple[int, int] = (40, 24), frames: int = 1, **options) -> bytes:
    image = Image.fromarray(PIXELS).resize(size)
    image = Image.fromarray(np.asarray(image.convert("L")) * np.uint16(257)) if mode == "I;16" else image.convert(mode)
    if frames > 1:
        others = [Image.fromarray(np.roll(np.asarray(image), step, 0)) for step in range(1, frames)]
        options |= {"save_all": True, "append_images": others}
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def codes(value: bytes) -> list[str]:
    picture, findings = read_picture(value)
    assert (picture is None) == any(finding.verdict != "suspicious" for finding in findings)
    return [finding.code for finding in findings]


KINDS = [
    # name, mode, options, format, channels, dtype
    ("JPEG", "L", {}, "JPEG", 1, "uint8"),
    ("JPEG", "RGB", {"progressive": True}, "JPEG", 3, "uint8"),
    ("JPEG", "CMYK", {}, "JPEG CMYK", 4, "uint8"),
    ("PNG", "RGBA", {}, "PNG", 4, "uint8"),
    ("PNG", "P", {}, "PNG palette", 3, "uint8"),
    ("PNG", "I;16", {}, "PNG 16-bit", 1, "uint16"),
    ("PNG", "RGB", {"frames": 3}, "PNG animated", 3, "uint8"),
    ("WebP", "RGB", {}, "WebP", 3, "uint8"),
    ("WebP", "RGB", {"lossless": True}, "WebP", 3, "uint8"),
    ("WebP", "RGB", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}, "WebP", 3, "uint8"),
    ("WebP", "RGB", {"frames": 3}, "WebP animated", 3, "uint8"),
    ("GIF", "L", {}, "GIF", 1, "uint8"),
    ("GIF", "RGB", {"comment": b"hello"}, "GIF", 3, "uint8"),
    ("GIF", "P", {"transparency": 2}, "GIF", 4, "uint8"),
    ("GIF", "RGB", {"frames": 3}, "GIF animated", 3, "uint8"),
    ("BMP", "1", {}, "BMP 1-bit", 1, "uint8"),
    ("BMP", "L", {}, "BMP", 1, "uint8"),
    ("BMP", "P", {}, "BMP palette", 3, "uint8"),
    ("BMP", "RGB", {}, "BMP", 3, "uint8"),
    ("BMP", "RGBA", {}, "BMP", 3, "uint8"),  # Pillow drops the fourth byte
    ("TIFF", "1", {"compression": "group4"}, "TIFF 1-bit", 1, "uint8"),
    ("TIFF", "RGB", {}, "TIFF", 3, "uint8"),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}, "TIFF", 3, "uint8"),
    ("TIFF", "RGB", {"big_tiff": True}, "TIFF", 3, "uint8"),
    ("TIFF", "P", {}, "TIFF palette", 3, "uint8"),
    ("TIFF", "CMYK", {"compression": "tiff_adobe_deflate"}, "TIFF CMYK", 4, "uint8"),
    ("TIFF", "I;16", {}, "TIFF 16-bit", 1, "uint16"),
    ("TIFF", "I", {}, "TIFF 32-bit", 1, "int32"),
    ("TIFF", "F", {}, "TIFF float", 1, "float32"),
    ("TIFF", "RGB", {"frames": 3}, "TIFF of several pages", 3, "uint8"),
]


@pytest.mark.parametrize(("name", "mode", "options", "kind", "channels", "dtype"), KINDS)
@pytest.mark.parametrize("size", [(40, 24), (1, 1), (17, 9)])
def test_sound_pictures_have_no_finding(name, mode, options, kind, channels, dtype, size):
    if size == (1, 1) and "frames" in options:
        size = (2, 2)
    value = encode(name, mode, size, **options)
    picture, findings = read_picture(memoryview(value))
    assert findings == []
    assert sniff(value) == name
    if not (size != (40, 24) and kind in ("GIF animated", "WebP animated")):  # equal frames are written as one
        assert picture.format == kind
    assert picture.pixels.shape[1:] == size[::-1]
    assert picture.pixels.dtype == dtype
    if name != "GIF":
        assert picture.pixels.shape[0] == channels


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF"])
def test_lossless_pixels_come_back(name):
    picture, _ = read_picture(encode(name))
    assert (picture.pixels == PIXELS.transpose(2, 0, 1)).all()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_a_cut_is_truncated(name, share):
    value = encode(name)
    assert codes(value[: int(len(value) * share)]) == ["truncated"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_byte_less_is_truncated(name):
    options = {"compression": "tiff_lzw"} if name == "TIFF" else {}
    assert codes(encode(name, **options)[:-1]) == ["truncated"]


@pytest.mark.parametrize("name", FORMATS[:-1])
@pytest.mark.parametrize("behind", [b"x" * 100, bytes(2), b"\xff\xd9"])
def test_bytes_behind_the_end_are_suspicious(name, behind):
    value = encode(name)
    picture, [finding] = read_picture(value + behind)
    assert picture.pixels.shape == (3, 24, 40)
    assert (finding.code, finding.details) == ("trailing-data", {"offset": len(value), "size": len(behind)})


def replaced(value: bytes, at: int, new: bytes) -> bytes:
    return value[:at] + new + value[at + len(new) :]


GIF, WEBP, BMP, TIFF = (encode(name) for name in ("GIF", "WebP", "BMP", "TIFF"))
ANIMATED = encode("WebP", frames=3)
BROKEN = {
    "GIF: a frame's size": (replaced(GIF, GIF.index(b"\x2c\0\0\0\0") + 5, b"\xff\0"), "corrupt-image"),
    "GIF: noise in the pixels": (replaced(GIF, GIF.index(b"\x2c\0\0\0\0") + 20, b"\xff" * 99), "corrupt-image"),
    "GIF: an unknown block": (GIF[:-1] + b"\x99;", "corrupt-image"),
    "GIF: no image": (GIF[: GIF.index(b"\x2c\0\0\0\0")] + b";", "truncated"),
    "GIF: huge": (replaced(GIF, 6, b"\xff\xff\xff\xff"), "too-large"),
    "WebP: noise in the header of the frame": (replaced(WEBP, 20, b"\x12\x34\x56"), "corrupt-image"),
    "WebP: a chunk's size": (replaced(WEBP, 16, b"\xff\xff"), "corrupt-image"),
    "WebP: no pixels": (b"RIFF\x0c\0\0\0WEBPEXIF\0\0\0\0", "corrupt-image"),
    "WebP: a canvas that no frame fills": (replaced(ANIMATED, 24, b"\xff\xff\xff"), "too-large"),
    "BMP: no width": (replaced(BMP, 18, bytes(4)), "corrupt-image"),
    "BMP: wide": (replaced(BMP, 18, b"\xff\xff\xff\x0f"), "truncated"),
    "BMP: 7 bits": (replaced(BMP, 28, b"\x07"), "unknown-payload"),
    "TIFF: a directory far away": (replaced(TIFF, 4, b"\xff\xff\xff\x0f"), "truncated"),
    "nothing like a picture": (b"hello world", "undecodable"),
    "zeros": (bytes(1000), "undecodable"),
    "a beginning overwritten": (bytes(4) + encode("JPEG")[4:], "undecodable"),
    "AVIF": (b"\0\0\0\x1cftypavif\0\0\0\0", "unknown-payload"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", "unknown-payload"),
    "JPEG XL": (b"\xff\x0a\x12", "unknown-payload"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pictures_have_one_finding(name):
    value, expected = BROKEN[name]
    assert codes(value) == [expected]


def test_damage_in_a_compressed_tiff_is_explained_and_nothing_is_printed(capfd):
    value = encode("TIFF", compression="tiff_adobe_deflate")
    at = value.index(b"\x78\x9c")
    _, [finding] = read_picture(replaced(value, at + 20, b"\xff" * 20))
    assert finding.code == "corrupt-image"
    assert re.search(r"ZIPDecode: Decoding error at scanline \d+, ", finding.message)
    assert capfd.readouterr().err == ""


def test_a_broken_later_frame_is_found():
    value = encode("WebP", frames=3)
    assert codes(value) == []
    _, [finding] = read_picture(replaced(value, value.rindex(b"VP8 ") + 8, b"\xff" * 10))
    assert finding.code == "corrupt-image"


def test_text_that_begins_like_a_bmp():
    assert sniff(b"BMW and other manufacturers") is None


@pytest.mark.parametrize("name", FORMATS[:4])
def test_bytes_stored_as_their_repr(name):
    value = str(encode(name)).encode()
    assert sniff(value) is None
    assert PictureDecoder().knows(value)
    _, [finding] = read_picture(value)
    assert finding.code == "undecodable"
    assert "written out as text" in finding.message


def test_pictures_too_large_to_decode(monkeypatch):
    values = {name: encode(name) for name in FORMATS}
    monkeypatch.setattr(pictures, "LIMIT", 1000)
    for module in ("jpeg", "png", "pillow"):
        monkeypatch.setattr(f"datacheck.decoders.pictures.{module}.LIMIT", 1000)
    for value in values.values():
        picture, [finding] = read_picture(value)
        assert (picture, finding.code) == (None, "too-large")


def test_many_pixels_are_no_bomb(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    for name in FORMATS:
        assert codes(encode(name)) == []
        assert codes(encode(name)[:-9]) == ["truncated"]
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES) == (10, True)


def test_a_small_file_that_declares_a_large_picture_is_refused_at_once():
    header = struct.pack(">IIBBBBB", 15000, 10000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(9000))), (b"IEND", b"")]
    png = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    assert codes(b"\x89PNG\r\n\x1a\n" + png) == ["truncated"]


def corrupted(value: bytes, rng: np.random.Generator) -> bytes:
    out = bytearray(value)
    at, size = int(rng.integers(len(out))), int(rng.integers(1, 64))
    match rng.integers(5):
        case 0:
            del out[at:]
        case 1:
            out[at] ^= 1 << int(rng.integers(8))
        case 2:
            out[at : at + size] = rng.bytes(size)
        case 3:
            out[at : at + size] = rng.bytes(int(rng.integers(64)))
        case _:
            out[at % 64] = int(rng.integers(256))
    return bytes(out)


@pytest.mark.parametrize("name", FORMATS)
def test_random_damage_is_a_finding_and_never_an_error(name, capfd):
    rng = np.random.default_rng(1)
    sound = [encode(name, mode, **options) for it, mode, options, *_ in KINDS if it == name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for trial in range(500):
            value = corrupted(sound[trial % len(sound)], rng)
            picture, findings = read_picture(value)
            bad = [finding for finding in findings if finding.verdict != "suspicious"]
            assert len(bad) == (picture is None)
            assert len(findings) <= 2
            for finding in findings:
                assert finding.message.isprintable()
                assert finding.field == "data"
    assert capfd.readouterr() == ("", "")


def test_the_decoder_yields_batches_and_findings():
    decoder = PictureDecoder()
    values = [encode("JPEG"), encode("PNG"), b"no picture", encode("JPEG") + b"x", memoryview(encode("JPEG"))]
    assert [decoder.knows(value) for value in values] == [True, True, False, True, True]
    items = list(decoder.decode(Block([b"k"] * 5, values), [0, 1, 2, 3, 4], None))
    findings = [(row, finding.code) for row, finding in (it for it in items if isinstance(it, tuple))]
    batches = [it for it in items if not isinstance(it, tuple)]
    assert findings == [(2, "undecodable"), (3, "trailing-data")]
    assert [(list(batch.rows), batch.format, batch.shape) for batch in batches] == [
        ([0, 3, 4], "JPEG", (3, 24, 40)),
        ([1], "PNG", (3, 24, 40)),
    ]
    assert all(batch.encoded and batch.field == "data" for batch in batches)


def test_large_pictures_are_handed_on_without_a_copy():
    value = encode("JPEG", size=(256, 256))
    [batch] = PictureDecoder().decode(Block([b"k"], [value]), [0], None)
    assert batch.values.shape == (1, 3, 256, 256)
    assert not batch.values.flags.owndata
