"""Test PNG files of every colour type and depth in the specification, written chunk by chunk, and of others."""

import struct
import zlib

import numpy as np
import pytest

from datacheck.decoders.pictures.decoder import read_picture

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ALLOWED = {(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16)}
ALLOWED |= {(6, 8), (6, 16)}
WIDTH, HEIGHT = 13, 9


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(colour, depth, rows=HEIGHT):
    chance = np.random.default_rng(colour * 100 + depth)
    width = -(-WIDTH * CHANNELS.get(colour, 1) * depth // 8)
    body = b"".join(b"\0" + chance.bytes(width) for _ in range(rows))
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, 0)
    palette = chunk(b"PLTE", chance.bytes(3 << min(depth, 8))) if colour == 3 else b""
    chunks = chunk(b"IHDR", head) + palette + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(("colour", "depth"), sorted(ALLOWED))
def test_a_colour_type_and_depth_of_the_specification_is_sound(colour, depth):
    picture, findings = read_picture(png(colour, depth))
    assert [it.message for it in findings if it.verdict == "bad"] == []
    seen = CHANNELS | {3: 3}  # palette indexes become their colours
    assert picture.pixels.shape == (seen[colour], HEIGHT, WIDTH)


@pytest.mark.parametrize(("colour", "depth"), sorted(ALLOWED))
def test_a_row_too_few_is_found(colour, depth):
    picture, findings = read_picture(png(colour, depth, rows=HEIGHT - 1))
    assert picture is None
    assert [it.verdict for it in findings] == ["bad"]


DEPTHS = (0, 1, 2, 3, 4, 5, 8, 16, 32)


@pytest.mark.parametrize(("colour", "depth"), [(c, d) for c in range(8) for d in DEPTHS if (c, d) not in ALLOWED])
def test_a_colour_type_or_depth_that_is_not_in_the_specification_is_bad(colour, depth):
    picture, findings = read_picture(png(colour, depth))
    assert picture is None
    assert [it.verdict for it in findings] == ["bad"]
