"""Test EXIF and colour profiles beside sound WebP pixels, and headers of BMP files that contradict them."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from datacheck.decoders.pictures.decoder import read_picture

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
TURNED = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
PROFILE = (200).to_bytes(4, "big") + bytes(32) + b"acsp" + bytes(160)


def encode(name, **options):
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, name, **options)
    return out.getvalue()


@pytest.mark.parametrize("options", [{"exif": TURNED}, {"exif": b"Exif\0\0"}, {"icc_profile": PROFILE}])
def test_sound_metadata_has_no_finding(options):
    assert read_picture(encode("WebP", **options))[1] == []


def test_exif_that_stops_a_loader_is_named():
    value = encode("WebP", exif=b"junk instead of EXIF")
    with Image.open(io.BytesIO(value)) as image, pytest.raises(SyntaxError, match="not a TIFF file"):
        ImageOps.exif_transpose(image)
    picture, [finding] = read_picture(value)
    assert picture is not None
    assert (finding.code, finding.verdict) == ("corrupt-image", "suspicious")
    assert "holds EXIF that does not begin with a TIFF header: Pillow cannot turn the picture by it" in finding.message


@pytest.mark.parametrize(
    ("profile", "reason"),
    [(b"x" * 200, "has no header of a profile"), (PROFILE[:140], "declares 200 bytes and has 140")],
)
def test_a_profile_that_stops_a_loader_is_named(profile, reason):
    picture, [finding] = read_picture(encode("WebP", icc_profile=profile))
    assert picture is not None
    assert finding.verdict == "suspicious"
    assert finding.message.endswith(f"holds a colour profile that {reason}")


BMP = encode("BMP")
GREY = io.BytesIO()
Image.fromarray(PIXELS[..., 0]).save(GREY, "BMP")


def changed(value, at, number, size=4):
    return value[:at] + number.to_bytes(size, "little") + value[at + size :]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (changed(BMP, 26, 3, 2), "BMP: declares 3 planes, expected 1"),
        (changed(BMP, 34, 100), "BMP: declares 100 bytes of pixels, 40 x 24 of 24 bits take 2880"),
        (
            changed(GREY.getvalue() + bytes(0), 10, 700),
            "BMP: declares that its pixels begin at byte 700, its colours end at byte 1078",
        ),
    ],
)
def test_a_header_that_contradicts_the_pixels_is_suspicious(value, message):
    picture, findings = read_picture(value)
    assert picture is not None
    assert [it.message for it in findings if it.code == "corrupt-image"] == [message]
    assert all(it.verdict == "suspicious" for it in findings)


@pytest.mark.parametrize("at", [2, 34])
def test_sizes_that_writers_leave_out_are_no_fault(at):
    assert read_picture(changed(BMP, at, 0))[1] == []
