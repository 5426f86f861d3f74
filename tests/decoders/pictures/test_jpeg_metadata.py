"""Test EXIF and colour profiles of JPEG and TIFF files: what stops a loader is reported, and the pixels stay sound."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from datacheck.decoders.pictures.decoder import read_picture

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
TURNED = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
PROFILE = (200).to_bytes(4, "big") + bytes(32) + b"acsp" + bytes(160)


def encode(name="JPEG", **options):
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, name, **options)
    return out.getvalue()


def with_segment(value, marker, body):
    return value[:2] + bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body + value[2:]


LONG = PROFILE[:4].replace((200).to_bytes(4, "big"), (70_000).to_bytes(4, "big")) + PROFILE[4:] + bytes(69_800)
SOUND = {
    "EXIF": encode(exif=TURNED),
    "empty EXIF": with_segment(encode(), 0xE1, b"Exif\0\0"),
    "EXIF in two segments": with_segment(with_segment(encode(), 0xE1, b"Exif\0\0more"), 0xE1, TURNED),
    "other data": with_segment(encode(), 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
    "profile": encode(icc_profile=PROFILE),
    "profile in two segments": encode(icc_profile=LONG),
    "profile of a TIFF": encode("TIFF", icc_profile=PROFILE),
    "TIFF": encode("TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_metadata_has_no_finding(name):
    for pixels in (True, False):
        assert read_picture(SOUND[name], pixels=pixels)[1] == []


def test_exif_that_stops_a_loader_is_named():
    value = with_segment(encode(dpi=(72, 72)), 0xE1, b"Exif\0\0junk instead of EXIF")
    with Image.open(io.BytesIO(value)) as image, pytest.raises(SyntaxError, match="not a TIFF file"):
        ImageOps.exif_transpose(image)
    for pixels in (True, False):
        picture, [finding] = read_picture(value, pixels=pixels)
        assert picture is not None
        assert (finding.code, finding.verdict) == ("corrupt-image", "suspicious")
        assert "the segment at byte 2 holds EXIF that does not begin with a TIFF header" in finding.message


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
@pytest.mark.parametrize(
    ("profile", "reason"),
    [(b"x" * 200, "has no header of a profile"), (PROFILE[:140], "declares 200 bytes and has 140")],
)
def test_a_profile_that_stops_a_loader_is_named(name, profile, reason):
    picture, [finding] = read_picture(encode(name, icc_profile=profile), pixels=False)
    assert picture is not None
    assert (finding.code, finding.verdict) == ("corrupt-image", "suspicious")
    assert finding.message == f"{name}: holds a colour profile that {reason}"


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("parts", [[b"\1\2"], [b"\1\1", b"\1\1"], [b"\0\1"], [b"\2\2", b"\1\3"]])
def test_parts_of_a_profile_that_do_not_fit_together_leave_the_pixels_sound(parts, progressive):
    whole = encode(progressive=progressive)
    value = whole
    for numbers in parts:
        value = with_segment(value, 0xE2, b"ICC_PROFILE\0" + numbers + PROFILE)
    for behind in (b"", b"more"):
        for pixels in (True, False):
            picture, [finding, *others] = read_picture(value + behind, pixels=pixels)
            assert (picture.pixels == read_picture(whole, pixels=pixels)[0].pixels).all()
            assert (finding.code, finding.verdict) == ("corrupt-image", "suspicious")
            assert finding.message == "JPEG: holds a colour profile of which parts are missing, or come twice"
            assert [it.details["offset"] for it in others] == ([len(value)] if behind else [])
    assert read_picture(value[:-9] + value[-2:])[0] is None
