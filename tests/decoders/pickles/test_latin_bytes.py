"""Test Python 3 pickles of protocol 2, which store bytes as texts: decoded together they give what each gives."""

import pickle
import random
from functools import partial

import decoding_together
import numpy as np
import pytest

from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.pickles.latin_bytes import holds_latin, with_bytes

compared = partial(decoding_together.compared, PickleDecoder())


def record(number, shape=(6, 7), **more):
    draw = np.random.default_rng(number)
    return {"x": draw.normal(size=shape).astype("f4"), "y": number % 10, "z": draw.integers(0, 9, 40), **more}


def pickles(count=40, **more):
    return [pickle.dumps(record(at, **more), 2) for at in range(count)]


def same(some, other):
    return all(np.array_equal(some[name], other[name], equal_nan=True) for name in other)


@pytest.mark.parametrize("shape", [(2, 4), (6, 7), (30, 40), (0,)])
def test_what_is_rewritten_is_a_pickle_of_the_same(shape):
    for value in pickles(8, shape=shape):
        assert holds_latin(value)
        assert same(pickle.loads(with_bytes(value)), pickle.loads(value))


def test_bytes_and_texts_of_their_own_are_kept():
    value = record(1) | {"raw": bytes(range(256)) * 3, "text": "hX é" * 30, "same": [b"\xff" * 40] * 3}
    value["again"] = value["x"]
    made = pickle.loads(with_bytes(pickle.dumps(value, 2)))
    assert (made["raw"], made["text"], made["same"]) == (value["raw"], value["text"], value["same"])
    assert made["again"] is made["x"]
    value["text"] = "h\x05X" * 30
    assert with_bytes(pickle.dumps(value, 2)) is None


def test_all_of_one_layout_are_decoded_together():
    assert compared(pickles()) == 40
    assert compared([pickle.dumps(record(at)["x"], 2) for at in range(20)]) == 20


def test_what_is_wrong_is_said_of_its_record():
    values = pickles()
    broken = record(7)
    broken["x"][2, 3] = np.nan
    values[7] = pickle.dumps(broken, 2)
    values[11] = values[11][:-30]
    values[13] = values[13].replace(b"latin1", b"latin9")
    values[17] = pickle.dumps(record(17, shape=(7, 6)), 2)
    assert compared(values) >= 30


def test_random_bytes_in_the_pickles_say_the_same():
    draw = random.Random(3)
    for _ in range(60):
        values = pickles(8)
        for _ in range(3):
            raw = bytearray(values[draw.randrange(8)])
            for _ in range(draw.choice([1, 1, 4])):
                raw[draw.randrange(2, len(raw))] = draw.randrange(256)
            values[draw.randrange(8)] = bytes(raw[: draw.choice([len(raw), len(raw) - draw.randrange(60)])])
        compared(values)


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_later_protocols_are_left_as_they_are(protocol):
    assert not holds_latin(pickle.dumps(record(1), protocol))
