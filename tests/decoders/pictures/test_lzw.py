"""Test walking LZW data by lengths: the bytes that the codes give, and the codes that stand for nothing."""

import io

import numpy as np
import pytest
from PIL import Image

from datacheck.decoders.pictures import gif, lzw
from datacheck.decoders.pictures.lzw import Lzw, Walked


def one_by_one(data, kind):
    """Decode codes one by one; return the number of bytes, the offset after the end code, and the wrong code."""
    bits = int.from_bytes(data, "big" if kind.msb_first else "little")
    at, made, lengths = 0, 0, []
    while True:
        entry = kind.clear + 1 + len(lengths) + kind.early if lengths else kind.clear
        width = min(12, max(kind.depth + 1, entry.bit_length()))
        if at + width > 8 * len(data):
            return made, None, None
        code = bits >> (8 * len(data) - at - width if kind.msb_first else at) & (1 << width) - 1
        at += width
        if code == kind.clear:
            lengths = []
            continue
        if code == kind.clear + 1:
            return made, (at + 7) // 8, None
        if code > kind.clear and code - kind.clear - 2 >= len(lengths):
            return made, None, code
        lengths.append(1 if code < kind.clear else lengths[code - kind.clear - 2] + 1)
        made += lengths[-1]


KINDS = [Lzw(depth, msb, early) for depth in (1, 2, 5, 8) for msb in (False, True) for early in (0, 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_walk_says_what_a_decoder_finds(kind):
    chance = np.random.default_rng(0)
    for number in range(120):
        size = int(chance.integers(400))
        data = bytes(chance.integers(0, 2, size, np.uint8)) if number % 3 == 0 else chance.bytes(size)
        walked = lzw.walk(data, kind, 1 << 40)
        assert (walked.size, walked.stop, walked.wrong) == one_by_one(data, kind)


def packed(codes, kind):
    """Return a stream of codes, whose widths depend on the number of codes since the table was cleared."""
    out, since = "", 0
    for code in codes:
        entry = kind.clear + 1 + since + kind.early if since else kind.clear
        bits = format(code, f"0{min(12, max(kind.depth + 1, entry.bit_length()))}b")
        out += bits if kind.msb_first else bits[::-1]
        since = 0 if code == kind.clear else since + 1
    out += "0" * (-len(out) % 8)
    parts = (out[at : at + 8] for at in range(0, len(out), 8))
    return bytes(int(part if kind.msb_first else part[::-1], 2) for part in parts)


@pytest.mark.parametrize("kind", [Lzw(8), lzw.TIFF])
def test_a_full_table_that_is_not_cleared(kind):
    codes = [256, *[7] * 9000, 257]
    assert lzw.walk(packed(codes, kind), kind, 1 << 40) == Walked(9000, stop=len(packed(codes, kind)))
    deep = [256, 7, *range(258, 258 + 5000)]
    deep = [code if code < 4096 else 4095 for code in deep]
    walked = lzw.walk(packed([*deep, 257], kind), kind, 1 << 40)
    assert walked.size == one_by_one(packed([*deep, 257], kind), kind)[0] > 1_000_000


def test_the_wrong_code_and_the_largest_right_one_are_named():
    kind = Lzw(8)
    assert lzw.walk(packed([256, 1, 2, 260, 257], kind), kind, 99) == Walked(2, wrong=260, largest=259)
    assert lzw.walk(packed([256, 300], kind), kind, 99) == Walked(0, wrong=300, largest=255)
    assert lzw.walk(packed([256, 1, 258, 257], kind), kind, 99).size == 3


def test_more_than_the_limit_is_not_walked():
    data = packed([256, *[7] * 50_000], Lzw(8))
    assert 1000 < lzw.walk(data, Lzw(8), 1000).size < 10_000


def picture(frames=1, size=(64, 50), colours=60, seed=0):
    chance = np.random.default_rng(seed)
    images = [Image.fromarray(chance.integers(0, colours, (size[1], size[0]), np.uint8)) for _ in range(frames)]
    out = io.BytesIO()
    images[0].save(out, "GIF", save_all=True, append_images=images[1:])
    return out.getvalue()


def rewritten(value, change, number=0):
    """Return a GIF in which the LZW data of one image is changed."""
    frame = list(gif.frames(value))[number]
    blocks = b"".join(
        bytes([len(part)]) + part for part in (frame.data[at : at + 255] for at in range(0, len(frame.data), 255))
    )
    data = change(frame.data)
    mended = b"".join(bytes([len(part)]) + part for part in (data[at : at + 255] for at in range(0, len(data), 255)))
    assert value.count(blocks) == 1
    return value.replace(blocks, mended)


@pytest.mark.parametrize(("frames", "colours"), [(1, 2), (1, 60), (1, 256), (3, 60)])
def test_sound_images_make_their_pixels(frames, colours):
    value = picture(frames, colours=colours)
    assert gif.damage(value) is None
    assert len(list(gif.frames(value))) == frames


def recoded(change):
    """Return a function that changes the codes of LZW data of 256 colours."""
    kind = Lzw(8)
    return lambda data: packed(change([256, *[3] * 3200, 257]), kind)


CASES = [
    # codes, verdict, message
    (lambda codes: codes[:-1], None, None),  # no end code, but all pixels
    (lambda codes: [*codes[:1], *codes[1:]], None, None),
    (lambda codes: [*codes[:-6], 257], "bad", "its codes end after 3195 of 3200 pixels"),
    (
        lambda codes: [256, 3, 3, 300, *codes[4:]],
        "bad",
        "after 2 of 3200 pixels comes the code 300, expected at most 259",
    ),
    (
        lambda codes: [*codes[:-1], 3, 3, 257],
        "suspicious",
        "its codes make more than 3200 pixels; damage may have shifted its pixels",
    ),
]


@pytest.mark.parametrize(("change", "verdict", "message"), CASES)
def test_codes_of_a_gif(change, verdict, message):
    value = rewritten(picture(colours=256), recoded(change))
    finding = gif.damage(value)
    if verdict is None:
        assert finding is None
    else:
        assert (finding.code, finding.verdict) == ("corrupt-image", verdict)
        assert finding.message.split(": ", 2)[2] == message


def test_bytes_behind_the_end_code_are_suspicious_unless_it_is_one():
    value = picture()
    assert gif.damage(rewritten(value, lambda data: data + b"\0")) is None
    finding = gif.damage(rewritten(value, lambda data: data + bytes(7)))
    assert finding.verdict == "suspicious"
    assert "7 bytes follow the code that ends it" in finding.message


def test_a_later_frame_is_named():
    value = rewritten(picture(3), lambda data: data[:-40], 2)
    finding = gif.damage(value)
    assert "(frame 2): its codes end after" in finding.message
