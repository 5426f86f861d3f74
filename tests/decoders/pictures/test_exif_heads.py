"""Test how a block of EXIF begins, compared with what Pillow can read, which turns pictures by it."""

import io
import struct
import warnings

import pytest
from PIL import Image, ImageOps

from datacheck.decoders.pictures.decoder import read_picture

NAME = b"Exif\0\0"
TURNED = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"


def with_exif(*segments):
    out = io.BytesIO()
    Image.new("RGB", (9, 5), (200, 100, 50)).save(out, "JPEG", dpi=(72, 72))  # else Pillow looks for it in EXIF
    value = out.getvalue()
    made = b"".join(b"\xff\xe1" + (len(it) + 2).to_bytes(2, "big") + it for it in segments)
    return value[:2] + made + value[2:]


SOUND = {
    "one name": with_exif(NAME + TURNED),
    "the name twice": with_exif(NAME + NAME + TURNED),
    "nothing but the name twice": with_exif(NAME + NAME),
    "a header alone": with_exif(NAME + TURNED[:8]),
    "a header in two segments": with_exif(NAME + TURNED[:5], NAME + TURNED[5:]),
    "all in the second segment": with_exif(NAME, NAME + TURNED),
}
BROKEN = {
    "the name three times": with_exif(NAME * 3 + TURNED),
    "half a header": with_exif(NAME + TURNED[:5]),
    "BigTIFF": with_exif(NAME + struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) + bytes(16)),
    "junk in the second segment": with_exif(NAME, NAME + b"junk instead of EXIF"),
}


def turned(value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tags that are missing
        return ImageOps.exif_transpose(Image.open(io.BytesIO(value)))


@pytest.mark.parametrize("name", SOUND)
def test_what_a_loader_can_read_has_no_finding(name):
    turned(SOUND[name])
    assert read_picture(SOUND[name])[1] == []


@pytest.mark.parametrize("name", BROKEN)
def test_what_stops_a_loader_is_named(name):
    with pytest.raises((SyntaxError, struct.error)):
        turned(BROKEN[name])
    picture, [finding] = read_picture(BROKEN[name])
    assert picture is not None
    assert (finding.code, finding.verdict) == ("corrupt-image", "suspicious")
    assert "the segment at byte 2 holds EXIF that does not begin with a TIFF header" in finding.message
