"""Test large records of one layout in the rows of one array, as a reader gives them: the same as one by one."""

import pickle
import random

import decoding_together
import numpy as np
import pytest
from building import floats
from covering import seeds
from msgpack_building import packed

from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.trees import alike
from datacheck.decoders.trees.msgpack_decoder import MsgpackDecoder
from datacheck.model.batch import Batch, SeparateArrays
from datacheck.model.blocks import Block
from datacheck.model.equal_lengths import EqualLengths
from datacheck.scanning.profile.profiling import sums_of_values
from datacheck.testing.decoders import flipped

FORMATS = {"pickle": (PickleDecoder(), pickle.dumps), "msgpack": (MsgpackDecoder(), packed)}
LAYOUTS = {
    "one array": lambda at: {"x": floats(at, (3, 20, 20)), "y": at},
    "a text": lambda at: {"x": floats(at, (40, 50)), "y": at, "s": f"text{at:03d}"},
    "dtypes": lambda at: {
        dtype: (np.arange(1500) * at % 5).astype(dtype).reshape(3, 500) for dtype in ("?", "c8", ">f4", "i8", "f2")
    },
    "broken values": lambda at: {"x": floats(at, 2000) * [1, np.nan][at % 2], "y": np.inf},
}


def in_rows(values, shift=0, gap=5):
    """Return values as a reader gives them: rows of one array at any offset, with something between them."""
    size = len(values[0])
    raw = np.full((len(values), shift + size + gap), 0xAB, np.uint8)
    for row, value in zip(raw, values, strict=True):
        row[shift : shift + size] = np.frombuffer(value, np.uint8)
    return Block([b""] * len(values), EqualLengths(raw[:, shift : shift + size]))


@pytest.mark.parametrize("shift", range(5))
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", LAYOUTS)
def test_together_and_one_by_one_the_same_is_said(name, kind, shift):
    decoder, made = FORMATS[kind]
    values = [made(LAYOUTS[name](at)) for at in range(1, 15)]
    assert len(values[0]) > alike.COPIED
    profile = sums_of_values(values, kind, pixels=True).profile(kind, len(values))
    for known in (None, profile):
        assert decoding_together.compared(decoder, values, known, in_rows(values, shift)) == len(values)


@pytest.mark.parametrize("kind", FORMATS)
def test_none_is_copied(kind):
    decoder, made = FORMATS[kind]
    block = in_rows([made(LAYOUTS["one array"](at)) for at in range(1, 15)])
    (array,) = [it for it in decoder.decode(block, range(14), None) if isinstance(it, Batch) and it.width > 1]
    assert isinstance(array.values, np.ndarray)
    assert np.shares_memory(array.values, block.values.rows)
    assert not array.values.flags.writeable


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", LAYOUTS)
def test_flipped_bits_are_found_as_one_by_one(name, kind, seed):
    decoder, made = FORMATS[kind]
    chance = random.Random(seed)
    values = [made(LAYOUTS[name](at)) for at in range(1, 15)]
    head = [it[:300] for it in values]
    for at in chance.sample(range(14), 3):
        (broken,) = flipped(head[at], 1)
        values[at] = broken + values[at][300:]
    profile = sums_of_values(values, kind, pixels=True).profile(kind, len(values))
    decoding_together.compared(decoder, values, profile, in_rows(values, seed % 3))


@pytest.mark.parametrize("shift", range(4))
def test_bounds_are_those_of_the_values_wherever_they_lie(shift):
    chance = np.random.default_rng(shift)
    wanted = chance.standard_normal((300, 700)).astype("f4")
    wanted[7, 3], wanted[9, 5] = np.nan, -np.inf
    raw = np.zeros((300, 2811), np.uint8)
    raw[:, shift : shift + 2800] = wanted.view(np.uint8)
    values = raw[:, shift : shift + 2800].view("f4")
    for made in (values, SeparateArrays(list(values))):
        batch = Batch("x", range(300), made)
        assert np.array_equal(batch.lows, wanted.min(axis=1), equal_nan=True)
        assert np.array_equal(batch.highs, wanted.max(axis=1), equal_nan=True)
