"""Test ancillary chunks of PNG files that a program wrote wrong, with correct checksums."""

import io
import struct
import zlib

import pytest
from PIL import Image

from datacheck.decoders.pictures import png
from datacheck.decoders.pictures.decoder import read_picture


def chunk(kind, data=b""):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def build(*extra, colour=2, depth=8, size=(9, 5), behind=()):
    width, height = size
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    row = bytes(1 + (width * CHANNELS[colour] * depth + 7) // 8)
    return b"".join([png.SIGNATURE, head, *extra, chunk(b"IDAT", zlib.compress(row * height)), *behind, png.END])


PALETTE = chunk(b"PLTE", bytes(range(12)))
EXIF = b"II*\0\x08\0\0\0\0\0"
PROFILE = struct.pack(">I32x4s", 200, b"acsp").ljust(200, b"\0")
SOUND = {
    "every length": build(
        chunk(b"cHRM", bytes(32)), chunk(b"gAMA", struct.pack(">I", 45455)), chunk(b"sBIT", b"\x08\x08\x08"),
        chunk(b"sRGB", b"\x03"), chunk(b"bKGD", bytes(6)), chunk(b"tRNS", bytes(6)), chunk(b"pHYs", bytes(8) + b"\x01"),
        chunk(b"tIME", bytes(7)), chunk(b"eXIf", EXIF), chunk(b"zTXt", b"name\0\0" + zlib.compress(b"text")),
    ),
    "a profile": build(chunk(b"iCCP", b"name\0\0" + zlib.compress(PROFILE))),
    "a palette": build(PALETTE, chunk(b"tRNS", b"\0\1"), chunk(b"bKGD", b"\1"), chunk(b"hIST", bytes(8)), colour=3),
    "a suggested palette": build(PALETTE),
    "a private chunk": build(chunk(b"prVt", b"anything")),
    "EXIF as JPEG has it": build(chunk(b"eXIf", b"Exif\0\0" + EXIF)),
    "text of no known kind": build(chunk(b"tEXt", b"\0")),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_sound_chunks_have_no_finding(name):
    picture, findings = read_picture(SOUND[name])
    assert picture is not None
    assert findings == []


WRONG = {
    "pHYs": (build(chunk(b"pHYs", bytes(8))), "bad", "pHYs at byte 33 has 8 bytes, expected 9: Pillow refuses"),
    "sRGB": (build(chunk(b"sRGB")), "bad", "sRGB at byte 33 has 0 bytes, expected 1: Pillow refuses"),
    "gAMA": (build(chunk(b"gAMA", b"\1")), "bad", "gAMA at byte 33 has 1 bytes, expected 4: Pillow refuses"),
    "cHRM": (build(chunk(b"cHRM", bytes(31))), "bad", "cHRM at byte 33 has 31 bytes, expected 32: Pillow refuses"),
    "tRNS": (build(chunk(b"tRNS", b"\1")), "bad", "tRNS at byte 33 has 1 bytes, expected 6: Pillow refuses"),
    "zTXt": (build(chunk(b"zTXt", b"a\0\1abc")), "bad", "has the compression method 1, expected 0: Pillow refuses"),
    "iCCP method": (build(chunk(b"iCCP", b"a\0\1abc")), "bad", "has the compression method 1, expected 0"),
    "no colours": (build(chunk(b"PLTE"), colour=3), "bad", "PLTE at byte 33 has 0 bytes, expected three for each"),
    "palette": (build(chunk(b"PLTE", bytes(4)), colour=3), "bad", "PLTE at byte 33 has 4 bytes, expected three"),
    "long pHYs": (build(chunk(b"pHYs", bytes(10))), "suspicious", "has 10 bytes, expected 9"),
    "time": (build(chunk(b"tIME", bytes(6))), "suspicious", "tIME at byte 33 has 6 bytes, expected 7"),
    "intent": (build(chunk(b"sRGB", b"\x09")), "suspicious", "has the rendering intent 9, expected 0 to 3"),
    "unit": (build(chunk(b"pHYs", bytes(8) + b"\x07")), "suspicious", "has the unit 7, expected 0 or 1"),
    "suggested": (build(chunk(b"PLTE", bytes(4))), "suspicious", "has 4 bytes, expected three"),
    "opacities": (
        build(PALETTE, chunk(b"tRNS", bytes(5)), colour=3),
        "suspicious",
        "has the opacity of 5 colours, the palette has 4",
    ),
    "opacity twice": (build(chunk(b"tRNS", bytes(8)), colour=6), "suspicious", "every pixel has an opacity"),
    "profile": (build(chunk(b"iCCP", b"a\0\0junk")), "suspicious", "holds a colour profile that does not inflate"),
    "no profile": (
        build(chunk(b"iCCP", b"a\0\0" + zlib.compress(b"x" * 200))),
        "suspicious",
        "holds a colour profile that has no header of a profile",
    ),
    "profile cut": (
        build(chunk(b"iCCP", b"a\0\0" + zlib.compress(PROFILE[:150]))),
        "suspicious",
        "holds a colour profile that declares 200 bytes and has 150",
    ),
    "EXIF": (build(chunk(b"eXIf", b"junk and more")), "suspicious", "holds EXIF that does not begin with a TIFF"),
    "colours beyond the bits": (
        build(chunk(b"PLTE", bytes(15)), colour=3, depth=2),
        "suspicious",
        "has 5 colours, pixels of 2 bits reach 4",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_chunks_are_named(name):
    value, verdict, message = WRONG[name]
    picture, [finding] = read_picture(value)
    assert (finding.code, finding.verdict) == ("corrupt-image", verdict)
    assert message in finding.message
    assert (picture is None) == (verdict == "bad")


@pytest.mark.parametrize("name", [name for name, (_, verdict, said) in WRONG.items() if "Pillow refuses" in said])
def test_what_pillow_is_said_to_refuse_it_refuses(name):
    with pytest.raises((OSError, ValueError, SyntaxError)):
        Image.open(io.BytesIO(WRONG[name][0])).load()


def test_the_worst_is_said():
    value = build(chunk(b"tIME", bytes(6)), chunk(b"gAMA", b"\1"))
    picture, [finding] = read_picture(value)
    assert picture is None
    assert "gAMA" in finding.message


def control(number, width=9, height=5, left=0, top=0):
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, left, top, 1, 10, 0, 0))


def frame(number):
    row = b"\0" + bytes(27)
    return chunk(b"fdAT", struct.pack(">I", number) + zlib.compress(row * 5))


def actl(frames):
    return chunk(b"acTL", struct.pack(">II", frames, 0))


def test_a_sound_animation():
    value = build(actl(2), control(0), behind=[control(1), frame(2)])
    picture, findings = read_picture(value)
    assert findings == []
    assert picture.format == "PNG animated"
    apart = build(actl(1), behind=[control(0), frame(1)])
    assert read_picture(apart)[1] == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (build(actl(3), control(0), behind=[control(1), frame(2)]), "it declares 3 frames, and has 2"),
        (build(actl(0)), "it declares 0 frames, and has 0"),
        (build(chunk(b"acTL", bytes(4)), control(0)), "its chunk acTL does not have 8 bytes, or comes twice"),
        (build(actl(1), actl(1), control(0)), "its chunk acTL does not have 8 bytes, or comes twice"),
        (build(actl(1), chunk(b"fcTL", bytes(9))), "a chunk fcTL has 9 bytes, expected 26"),
        (build(actl(1), control(0, left=3)), "a frame of 9 x 5 pixels at 3, 0 does not lie in the picture"),
        (build(actl(2), control(0), behind=[control(2), frame(3)]), "its chunks are not numbered one after the other"),
    ],
)
def test_a_broken_animation_beside_a_sound_picture_is_suspicious(value, reason):
    picture, [finding] = read_picture(value)
    assert picture.pixels.shape == (3, 5, 9)
    assert (finding.code, finding.verdict) == ("corrupt-image", "suspicious")
    assert finding.message == f"PNG: its animation is broken: {reason}; its first picture is sound"
