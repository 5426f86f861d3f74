"""Test JPEG data in the strips and tiles of TIFF files."""

import io

import numpy as np
import pytest
from PIL import Image

from datacheck.decoders.pictures import jpeg, tiff, tiff_jpeg
from datacheck.decoders.pictures.decoder import read_picture

RNG = np.random.default_rng(23)
PIXELS = np.clip(
    120 + 60 * np.sin(np.arange(70) / 9)[:, None, None] + RNG.normal(size=(70, 90, 3)) * 20, 0, 255
).astype(np.uint8)


def saved(mode="RGB", **options):
    out = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(out, "TIFF", compression="jpeg", **options)
    return out.getvalue()


def places(value):
    (tags,) = tiff.pages(value)
    return list(zip(tags.all(tiff.OFFSETS), tags.all(tiff.COUNTS), strict=True))


def spoiled(value, at, data):
    return value[:at] + data + value[at + len(data) :]


@pytest.mark.parametrize("mode", ["L", "RGB", "YCbCr", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"strip_size": 3000}, {"tiffinfo": {tiff.FILL_ORDER: 2}}, {"quality": 100}])
def test_sound_files_have_no_finding(monkeypatch, mode, options):
    judged = []
    read = jpeg.read
    monkeypatch.setattr(jpeg, "read", lambda value, **how: judged.append(value) or read(value, **how))
    value = saved(mode, **options)
    assert [it for it in read_picture(value)[1] if it.verdict != "unverifiable"] == []  # Pillow lacks a fill order
    assert len(judged) == len(places(value))


def test_zeros_that_libtiff_decodes_are_found_in_their_strip():
    value = saved(strip_size=3000)
    at, size = places(value)[1]
    start = value.index(b"\xff\xda", at) + 14
    assert start + 100 < at + size
    broken = spoiled(value, start, bytes(100))
    assert Image.open(io.BytesIO(broken)).load() is not None
    picture, (finding,) = read_picture(broken)
    assert picture is None
    assert (finding.verdict, finding.code, finding.details) == ("bad", "corrupt-image", {"offset": at})
    assert finding.message.startswith(f"TIFF: strip 1 at byte {at} holds a broken JPEG: ")


def test_data_of_which_bytes_are_missing_is_found_with_its_end_in_place():
    value = saved("L")
    ((at, size),) = places(value)
    middle = at + size // 2
    kept = value[middle + 300 : at + size - 2]
    broken = value[:middle] + kept + b"\xff\xd9" + value[middle + len(kept) + 2 :]
    assert len(broken) == len(value)
    ((finding,)) = read_picture(broken)[1]
    assert finding.code == "corrupt-image"


@pytest.mark.parametrize("padding", [0, 1])
def test_damage_that_looks_like_a_marker_is_found(padding):
    value = saved("L")
    ((at, size),) = places(value)
    (tags,) = tiff.pages(value)
    strip = spoiled(value[at : at + size], size // 2, b"\xff\xe9\xff\xfe") + bytes(padding)
    assert "a segment's length leads past the end" in tiff_jpeg.jpeg_problem(tags.tables, strip, 1 << 20)
    assert tiff_jpeg.jpeg_problem(tags.tables, strip[: -2 - padding], 1 << 20) is None
    assert tiff_jpeg.jpeg_problem(tags.tables, value[at : at + size] + bytes(padding), 1 << 20) is None


def test_a_larger_picture_than_its_strip_is_left_to_the_decoder():
    value = saved("L")
    ((at, size),) = places(value)
    (tags,) = tiff.pages(value)
    strip = value[at : at + size]
    assert tiff_jpeg.jpeg_problem(tags.tables, strip, PIXELS[:, :, 0].size) is None
    frame = strip.index(b"\xff\xc0") + 5
    huge = spoiled(strip, frame, b"\xff\xff\xff\xff")
    assert tiff_jpeg.jpeg_problem(tags.tables, huge, PIXELS[:, :, 0].size) is None
    assert "cannot be so many" in tiff_jpeg.jpeg_problem(tags.tables, huge, 1 << 33)


@pytest.mark.parametrize("cut", [0, 1, 2, 20])
def test_what_is_no_whole_jpeg_is_left_to_the_decoder(cut):
    value = saved("L")
    ((at, size),) = places(value)
    (tags,) = tiff.pages(value)
    assert tiff_jpeg.jpeg_problem(tags.tables, value[at : at + cut], 1 << 20) is None
    assert tiff_jpeg.jpeg_problem(b"no tables", value[at : at + size], 1 << 20) is None


def test_mutations_end_in_findings():
    value = saved(strip_size=3000)
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(150):
        at, size = places(value)[int(rng.integers(len(places(value))))]
        broken = spoiled(value, at + int(rng.integers(size - 8)), rng.bytes(8))
        found += bool(read_picture(broken)[1])
    assert found > 50
