"""Test records of one layout: decoded together, they get the same findings as one by one."""

import pickle
import random
from functools import partial

import decoding_together
import numpy as np
import pytest
from building import floats
from covering import seeds

from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.pickles.tracing import places
from datacheck.decoders.trees import alike
from datacheck.model.blocks import Block
from datacheck.model.equal_lengths import EqualLengths
from datacheck.scanning.profile.profiling import sums_of_values
from datacheck.testing.decoders import flipped

DECODER = PickleDecoder()


compared = partial(decoding_together.compared, DECODER)


def shapes(at):
    return {
        "x": floats(at, (3, 4)),
        "y": at,
        "pi": at / 3,
        "name": f"s{at:03d}",
        "l": [at / 7] * 20,
        "t": (at % 2 == 0,),
    }


LAYOUTS = {
    "dicts": shapes,
    "large": lambda at: {"x": floats(at, (40, 50)), "y": at, "s": "texts"},
    "dtypes": lambda at: {
        dtype: (np.arange(6) * at % 5).astype(dtype).reshape(2, 3) for dtype in ("?", "c8", ">f4", "g", "u1", "f2")
    },
    "large dtypes": lambda at: {
        dtype: (np.arange(600) * at % 5).astype(dtype).reshape(2, 300) for dtype in ("?", "c8", ">f4", "g", "i8")
    },
    "fortran": lambda at: (np.asfortranarray(floats(at, (3, 5))), floats(at, (2, 3, 4)).transpose(1, 2, 0)),
    "members": lambda at: np.full(3, at, [("a", "f4"), ("b", ">i2", (2,))]),
    "scalars": lambda at: [np.float32(at), np.int64(at), True, None, float(at)],
    "floats": lambda at: [at / 3] * 900,
    "shared": lambda at: (lambda text, x: {"a": text, "b": text, "x": x, "again": x})(f"t{at:03d}", floats(at, 3)),
    "masked": lambda at: np.ma.masked_array(floats(at, 4), [0, 1, 0, 0]),
    "objects": lambda at: np.array([1.5 * at, "a", at], object),
    "a number of its own shape": lambda at: {"x": np.full(at % 3 + 1, 1.0), "n": at % 3 + 1},
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("name", LAYOUTS)
def test_together_and_one_by_one_the_same_is_said(name, protocol):
    values = [pickle.dumps(LAYOUTS[name](at), protocol) for at in range(24)]
    compared(values)
    compared(values, sums_of_values(values, "pickle", pixels=True).profile("pickle", len(values)))
    compared([memoryview(it) for it in values])


@pytest.mark.parametrize("name", ["dicts", "large", "floats", "fortran", "dtypes"])
def test_records_of_one_layout_are_decoded_together(name):
    values = [pickle.dumps(LAYOUTS[name](at), 4) for at in range(1, 25)]
    assert compared(values) >= 20


def test_rows_of_one_array_are_decoded_together():
    values = [pickle.dumps(floats(at, (3, 4)), 4) for at in range(20)]
    rows = np.frombuffer(b"".join(values), np.uint8).reshape(20, -1)
    assert compared(values, block=Block([b""] * 20, EqualLengths(rows))) == 20


def test_a_fault_in_a_value_is_seen_where_it_is():
    values = [pickle.dumps(shapes(at)) for at in range(10, 34)]
    wrong = shapes(15)
    wrong["x"][1, 2] = np.nan
    values[5] = pickle.dumps(wrong)

    batches = [it for it in DECODER.decode(Block([b""] * 24, values), range(24), None) if it.field == "x"]
    broken = {(it.rows[at], *where) for it in batches for at, *where in np.argwhere(np.isnan(it.values)).tolist()}
    assert broken == {(5, 1, 2)}


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize("name", LAYOUTS)
def test_flipped_bits_are_found_as_one_by_one(name, seed):
    chance = random.Random(seed)
    values = [pickle.dumps(LAYOUTS[name](at), chance.choice([2, 4, 5])) for at in range(12)]
    values += [it for value in values[:3] for it in flipped(value, 10)]
    chance.shuffle(values)
    profile = sums_of_values(values, "pickle", pixels=True).profile("pickle", len(values))
    compared(values, profile)


def test_every_byte_that_is_not_a_value_is_compared():
    values = [pickle.dumps(shapes(at), 4) for at in range(20, 36, 2)]
    layout = alike.layout_of(values[0], DECODER.read(values[0], None), places)
    for at in range(len(values[0])):
        changed = bytearray(values[0])
        changed[at] ^= 1
        block = Block([b""] * 8, [*values[:7], bytes(changed)])
        batches, left = alike.decode_alike(lambda it: DECODER.read(it, None), places, block, range(8), None)
        assert (left == [7]) == bool(layout.fixed[at]), at
        assert all(set(range(7)) <= set(it.rows) for it in batches)
