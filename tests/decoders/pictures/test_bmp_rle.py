"""Test run lengths of BMP files, and the sound ones that look most like damaged ones."""

import struct

import numpy as np
import pytest

from datacheck.decoders.pictures import bmp_rle
from datacheck.decoders.pictures.decoder import read_picture

WIDTH, HEIGHT = 18, 20
ROW, END_OF_ROW, END = bytes([10, 1, 8, 2]), b"\0\0", b"\0\1"


def bmp(codes, *, bits=8, size=None, height=HEIGHT):
    colours = bytes(4 << bits)
    start = 54 + len(colours)
    header = struct.pack(
        "<IiiHHIIiiII", 40, WIDTH, height, 1, bits, 1 if bits == 8 else 2, size or len(codes), 1, 1, 0, 0
    )
    return b"BM" + struct.pack("<IHHI", start + len(codes), 0, 0, start) + header + colours + codes


def rows(*instead, at=5, row=ROW):
    """Return equal rows, of which those from `at` on are replaced."""
    made = [row] * HEIGHT
    made[at : at + len(instead)] = instead
    return END_OF_ROW.join(made)


ABSOLUTE = b"\0\x0b" + bytes(range(11)) + b"\0" + b"\7\1"
SOUND = {
    "runs": rows() + END,
    "runs and an end of the last row": rows() + END_OF_ROW + END,
    "no end": rows(),
    "values one by one": rows(ABSOLUTE) + END,
    "filled up to four": rows() + END + b"\0\0\0",
    "rows filled up to four": rows(bytes([20, 1])) + END,
    "background left out": rows(bytes([9, 1]), bytes([8, 1])) + END,
    "rows passed over": ROW + b"\0\2\0\3" + END_OF_ROW.join([b"", *[ROW] * (HEIGHT - 4)]) + END,
    "a move to the end": rows() + END_OF_ROW + b"\0\2\0\0" + END,
}
ODD = {
    "a run past the row": (rows(bytes([10, 1, 11, 2])) + END, "a run leads past the end of row 6 from the bottom, to"),
    "a row too short": (rows(bytes([10, 1, 7, 2])) + END, "row 6 from the bottom ends after 17 of 18 pixels"),
    "a row too many": (rows() + END_OF_ROW + ROW + END, "its codes make more than 20 rows"),
    "bytes behind the end": (rows() + END + bytes(4), "4 bytes follow the end of the pixels"),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_run_lengths_have_no_finding(name):
    picture, findings = read_picture(bmp(SOUND[name]))
    assert picture is not None
    assert findings == []


@pytest.mark.parametrize("name", ODD)
def test_what_a_decoder_cuts_off_or_fills_up_is_suspicious(name):
    codes, said = ODD[name]
    picture, [finding] = read_picture(bmp(codes))
    assert picture is not None
    assert (finding.code, finding.verdict) == ("corrupt-image", "suspicious")
    assert finding.message.startswith(f"BMP: {said}")


def test_two_pixels_may_share_a_byte():
    row = bytes([0, 5, 0x12, 0x34, 0x50, 0, 13, 0x12])
    assert read_picture(bmp(rows(row=row) + END, bits=4))[1] == []
    [finding] = read_picture(bmp(rows(row[:6] + b"\x12\x12", row=row) + END, bits=4))[1]
    assert "row 6 from the bottom ends after" not in finding.message
    assert "a run leads past the end of row 6 from the bottom, to pixel 23 of 18" in finding.message


def test_a_picture_upside_down_is_walked_too():
    assert bmp_rle.damage(bmp(rows() + END, height=-HEIGHT)) is None
    assert bmp_rle.damage(bmp(rows(bytes([30, 1])) + END, height=-HEIGHT)) is not None


def test_any_bytes_can_be_walked():
    chance = np.random.default_rng(1)
    for number in range(2000):
        value = bytearray(bmp(chance.bytes(int(chance.integers(0, 80))), bits=8 if number & 1 else 4))
        for _ in range(number % 4):
            value[int(chance.integers(14, 54))] = int(chance.integers(256))
        bmp_rle.damage(bytes(value))
