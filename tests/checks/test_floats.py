"""Test floats whose bytes are not floats of this kind, and pages of zeros inside arrays of floats."""

import numpy as np
import pytest

from datacheck.checks.floats import zero_pages
from datacheck.checks.validators import Constant, HalfOverflow
from datacheck.model.batch import Batch, SeparateArrays

CHANCE = np.random.default_rng(0)
SHAPE = (3, 50, 60)


def record(shape=SHAPE, dtype="f4"):
    return CHANCE.normal(size=shape).astype(dtype)


def batch(*records, apart=False):
    values = SeparateArrays(list(records)) if apart else np.stack(records)
    return Batch("data", range(len(records)), values)


def said(check, *records, **options):
    return [(at, it.code, it.verdict, it.message) for at, it in check(batch(*records, **options))]


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4"])
def test_values_of_one_scale_have_no_finding(dtype):
    for scale in (1e-4, 1, 1000):
        sound = (record() * scale).astype(dtype)
        assert said(HalfOverflow(), sound, sound) == []


def test_large_values_of_one_scale_are_only_large():
    [(_, code, _, message)] = said(HalfOverflow(), (np.abs(record()) + 1).astype("f8") * 1e20)
    assert code == "half-overflow"
    assert "as if its bytes were no float" in message  # all values lie beyond the bound
    [(*_, message)] = said(HalfOverflow(), np.where(CHANCE.random(SHAPE) < 0.01, 1e20, record()).astype("f4"))
    assert "as if" not in message
    [(*_, message)] = said(HalfOverflow(), record() * 1e6)
    assert "as if" not in message


def finite(values):
    """Replace NaN and infinity by 1e30, since they have findings of their own."""
    return np.where(np.isfinite(values), values, np.float32(1e30)).astype(values.dtype)


READINGS = {
    "byte order": ((record() + 8).astype("f4").byteswap(), "in the other byte order they are between "),
    "float64": (record((3, 50, 30), "f8").view("f4"), "as float64 they are between "),
    "shifted": (
        np.frombuffer(b"\0" + (record() + 8).astype("f4").tobytes()[:-1], "f4").reshape(SHAPE),
        "shifted by 1 byte they are between ",
    ),
}


@pytest.mark.parametrize("name", READINGS)
def test_how_the_bytes_were_meant_is_said(name):
    values, message = READINGS[name]
    assert np.abs(values[np.isfinite(values)]).max() > 1e15
    sound = record()
    found = said(HalfOverflow(), sound, finite(values) if name != "byte order" else values, sound)
    [(at, code, verdict, text)] = found
    assert (at, code, verdict) == (1, "half-overflow", "suspicious")
    assert "% of its values lie beyond 1e+15 or below 1e-15" in text
    if np.isfinite(values).all():
        assert message in text


def test_a_buffer_shifted_from_the_middle_on_is_seen():
    raw = bytearray((record() + 8).astype("f4").tobytes())
    values = np.frombuffer(bytes(raw[:18_000] + b"\1\2" + raw[18_000:-2]), "f4").reshape(SHAPE)
    [(*_, text)] = said(HalfOverflow(), finite(values))
    assert "as if its bytes were no float" in text


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_whole_numbers_in_the_other_byte_order_are_all_next_to_nothing(dtype):
    swapped = np.arange(1, 1 + 9000, dtype=dtype).byteswap().reshape(3, 50, 60)
    small = np.full(SHAPE, 1, dtype).byteswap()
    small[0, 0, 0] = 0
    assert (np.abs(swapped) < 1e-30).any()
    sound = record(dtype=dtype)
    [(at, code, verdict, text)] = said(HalfOverflow(), sound, small, np.zeros(SHAPE, dtype))
    assert (at, code, verdict) == (1, "half-overflow", "suspicious")
    assert text.endswith("which float16 makes 0: were the bytes in the other order?")


def with_zeros(start, length, shape=SHAPE, dtype="f4"):
    values = record(shape, dtype)
    values.reshape(-1)[start : start + length] = 0
    return values


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(("dtype", "length"), [("f4", 1024), ("f4", 2048), ("f4", 1023), ("f8", 512), ("f8", 513)])
def test_a_page_of_zeros_is_suspicious(apart, dtype, length):
    shape = (3, 90, 91)
    values = with_zeros(5007, length, shape, dtype)
    [(at, code, verdict, text)] = said(Constant(), record(shape, dtype), values, apart=apart)
    assert (at, code, verdict) == (1, "unwritten", "suspicious")
    assert text == f"{length} values in a row are 0 from [0, 55, 2] on, nearly no others are: was a page lost?"


SOUND = {
    "no zeros": record(),
    "padding at the end": with_zeros(6001, 2999),
    "padding at the beginning": with_zeros(0, 1024),
    "whole rows": with_zeros(3000, 1500),
    "a run that begins with a row": with_zeros(3000, 1024),
    "a whole channel": with_zeros(3000, 3000),
    "zeros everywhere": np.maximum(record(), 0),
    "zeros elsewhere too": np.where(CHANCE.random(SHAPE) < 0.01, 0, with_zeros(4007, 1024)).astype("f4"),
    "two runs": with_zeros(5007, 1024) * (np.arange(9000).reshape(SHAPE) > 1500),
    "a run of another length": with_zeros(4007, 1100),
    "a page and an eighth": with_zeros(4007, 1152),
    "less than a page": with_zeros(4007, 896),
    "mostly zeros": with_zeros(1001, 7168),
}


@pytest.mark.parametrize("name", SOUND)
def test_zeros_that_are_no_lost_page(name):
    assert said(Constant(), SOUND[name]) == []


def test_silence_of_any_length_in_sound_is_hardly_ever_taken_for_lost_pages():
    rng = np.random.default_rng(12)
    sounds = rng.normal(size=(300, 16000)).astype("f4")
    for sound in sounds:
        start = rng.integers(500, 9000)
        sound[start : start + rng.integers(1000, 5000)] = 0
    assert len(list(zero_pages(batch(*sounds)))) <= 3


@pytest.mark.parametrize("size", [3071, 3072, 9000])
def test_the_same_is_said_of_records_that_lie_apart(size):
    values = CHANCE.normal(size=size).astype("f4")
    values[1007:2031] = 0
    said_of = [list(zero_pages(batch(values, apart=apart))) for apart in (True, False)]
    assert said_of[0] == said_of[1]
    assert len(said_of[0]) == (size * 4 >= 3 * 4096)
