"""Test GIF codes in places where an encoder would have used a longer one."""

import io
from itertools import pairwise

import numpy as np
from PIL import Image

from datacheck.decoders.pictures import gif, lzw
from datacheck.decoders.pictures.decoder import read_picture
from datacheck.decoders.pictures.lzw import Lzw

EIGHT = Lzw(8)


def picture(seed=0, size=(160, 120), colours=24):
    """Return a picture with correlated neighbouring values, so that the encoder finds many matches in its table."""
    chance = np.random.default_rng(seed)
    steps = chance.integers(-1, 2, size[0] * size[1]).cumsum() % colours + 100
    pixels = Image.fromarray(steps.reshape(size[::-1]).astype(np.uint8))
    pixels.putpalette([value for value in range(256) for _ in range(3)])
    out = io.BytesIO()
    pixels.save(out, "GIF", optimize=False)
    return out.getvalue()


def codes_of(data):
    """Return the codes of GIF LZW data, read one by one."""
    bits, at, since, codes = int.from_bytes(data, "little"), 0, 0, []
    while True:
        width = min(12, max(9, (257 + since if since else 256).bit_length()))
        codes.append(bits >> at & (1 << width) - 1)
        at += width
        if codes[-1] == 257:
            return codes
        since = 0 if codes[-1] == 256 else since + 1


def packed(codes):
    bits = at = since = 0
    for code in codes:
        bits |= code << at
        at += min(12, max(9, (257 + since if since else 256).bit_length()))
        since = 0 if code == 256 else since + 1
    return bits.to_bytes((at + 7) // 8, "little")


def rewritten(value, data):
    """Return the GIF with its LZW data replaced."""
    head = value.index(b"\x08", value.index(b",", 13 + 768) + 10) + 1
    return value[:head] + b"".join(
        bytes([len(part)]) + part for part in (data[at : at + 255] for at in range(0, len(data), 255))
    ) + b"\0;"  # fmt: skip


def plainly(pixels):
    """Return the codes of an encoder that never uses a match, and clears the table before it is full."""
    return [code for at in range(0, len(pixels), 200) for code in (256, *pixels[at : at + 200])] + [257]


def test_the_codes_of_a_sound_picture_are_always_new():
    value = picture()
    [frame] = gif.frames(value)
    assert rewritten(value, packed(codes_of(frame.data))) == value
    walked = lzw.walk(frame.data, EIGHT, frame.pixels)
    assert walked.codes > 1000
    assert walked.repeats == 0
    assert read_picture(value)[1] == []


def changed(value, which):
    """Return a picture with one literal code changed to another, which gives the same number of pixels."""
    [frame] = gif.frames(value)
    codes = codes_of(frame.data)
    at = [number for number, code in enumerate(codes) if code < 256][which]
    codes[at] ^= 1
    return rewritten(value, packed(codes))


def test_a_code_that_stands_for_as_many_pixels_is_noticed_where_it_makes_a_match():
    value = picture()
    sound = np.asarray(Image.open(io.BytesIO(value)))
    said = []
    for which in range(0, 160, 5):
        other = changed(value, which)
        assert (np.asarray(Image.open(io.BytesIO(other))) != sound).any()  # a decoder does not notice it
        said += read_picture(other)[1]
    assert len(said) > 5
    assert {(it.code, it.verdict) for it in said} == {("corrupt-image", "suspicious")}
    assert "could have been longer: the table had already what" in said[0].message


def test_an_encoder_that_never_takes_a_match_is_left_alone():
    value = picture()
    pixels = np.asarray(Image.open(io.BytesIO(value))).ravel().tolist()
    assert read_picture(rewritten(value, packed(plainly(pixels))))[1] == []


def noise(seed, size=(60, 40)):
    pixels = np.random.default_rng(seed).integers(0, 256, size[::-1], np.uint8)
    image = Image.fromarray(pixels)
    image.putpalette([value for value in range(256) for _ in range(3)])
    out = io.BytesIO()
    image.save(out, "GIF", optimize=False)
    return out.getvalue(), pixels.ravel().tolist()


def test_of_an_encoder_that_never_takes_a_match_few_need_come_again():
    tables = []
    for seed in range(40):
        value, pixels = noise(seed)
        value = rewritten(value, packed(plainly(pixels)))
        tables.append(lzw.walk(next(gif.frames(value)).data, EIGHT, len(pixels)).tables)
        assert read_picture(value)[1] == []
    assert tables.count(1) > 2


def test_two_zeros_may_come_again():
    assert lzw.walk(packed([256, 0, 0, 0, 257]), EIGHT, 99).repeats == 0
    assert lzw.walk(packed([256, 1, 1, 1, 257]), EIGHT, 99).repeats == 1


def test_repeats_are_counted_alike_in_short_and_in_long_tables():
    chance = np.random.default_rng(3)
    for _ in range(50):
        codes = chance.integers(0, 3, int(chance.integers(2, 300))).tolist()
        made = packed([256, *codes, 257])
        pairs = [pair for pair in pairwise(codes) if pair != (0, 0)]
        assert lzw.walk(made, EIGHT, 1 << 20).repeats == len(pairs) - len(set(pairs))
