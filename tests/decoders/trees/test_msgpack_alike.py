"""Test msgpack records of one layout: decoded together, they give the same as one by one."""

import random
from functools import partial

import decoding_together
import numpy as np
import pytest
from building import floats
from covering import seeds
from msgpack_building import packed

from datacheck.decoders.trees.msgpack_decoder import MsgpackDecoder
from datacheck.model.blocks import Block
from datacheck.model.equal_lengths import EqualLengths
from datacheck.scanning.profile.profiling import sums_of_values
from datacheck.testing.decoders import flipped

DECODER = MsgpackDecoder()


compared = partial(decoding_together.compared, DECODER)


def shapes(at):
    return {
        "x": floats(at, (3, 4)),
        "pos": [[at / 3, 1.5, 2.5], [at / 7, 0.5, float("inf")]],
        "list": [at / 7] * 20,
        "single": [np.float32(at / 9)] * 3,
        "label": at % 10,
        "pi": at / 3,
        "wide": 1000 + at,
        "name": f"s{at:03d}",
        "yes": at % 2 == 0,
        "none": None,
    }


LAYOUTS = {
    "dicts": shapes,
    "large": lambda at: {"x": floats(at, (40, 50)), "l": [at / 3] * 900, "y": at, "s": "texts"},
    "small numbers": lambda at: {"l": [(at + it) % 128 for it in range(20)], "p": [1, at % 7]},
    "small numbers in lists": lambda at: {"q": [[at % 9, 2]] * 9, "r": [[at % 2] * 8] * 2},
    "long list of small numbers": lambda at: [(at + it) % 128 for it in range(0xD0)],
    "negative ones": lambda at: {"l": [-it % 30 - at for it in range(9)], "n": -at, "m": [-1, -at]},
    "wide numbers": lambda at: {
        "l": [300 + at * it for it in range(1, 12)],
        "u": [200 + at % 50] * 9,
        "s": [-200 - at] * 3,
    },
    "beyond 63 bits": lambda at: {"l": [(1 << 64) - 1 - at] * 9, "n": (1 << 64) - 1 - at, "m": [(1 << 63) + at] * 2},
    "around 63 bits": lambda at: {"l": [(1 << 63) - 12 + at] * 9, "n": (1 << 63) - 12 + at},
    "mixed": lambda at: {"l": [at, at / 2, 300], "m": [at / 2, 1], "b": [True, at % 2 == 0], "k": [None, at]},
    "runs in lists": lambda at: {"l": [[at / 3] * 9, [at / 5] * 9], "f": [[np.float32(at)], [np.float32(1)]]},
    "ragged": lambda at: {"l": [[at / 3] * (1 + at % 3), [at / 5]], "e": [[]] * (at % 3)},
    "words": lambda at: {"w": [f"a{at % 5}", "b"], "é": "é", "t": f"t{at % 7}", "raw": bytes([at, 255, 0]) * 3},
    "numbers as keys": lambda at: {at % 9: at / 3, 1.5: "x", (7, at % 3): 2.0, b"k": at % 5},
    "arrays": lambda at: {
        dtype: (np.arange(6) * at % 5).astype(dtype).reshape(2, 3) for dtype in ("?", "c8", ">f4", "u1", "i1", "f2")
    },
    "large arrays": lambda at: {dtype: (np.arange(3000) * at % 5).astype(dtype) for dtype in ("?", "c8", ">f4", "i1")},
    "scalars": lambda at: {b"nd": False, b"type": "<f8", b"data": np.float64(at).tobytes()},
    "complex": lambda at: {"z": {b"complex": True, b"data": f"({at}+1j)"}},
    "not an array": lambda at: {b"nd": True, b"type": "<f8", b"kind": b"", b"shape": [at % 3], b"data": bytes(16)},
    "many keys": lambda at: {f"k{it}": at / (it + 1) for it in range(300)},
    "many lists": lambda at: [[at / (it + 1), 1.0] for it in range(100)],
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_together_and_one_by_one_the_same_is_said(name):
    values = [packed(LAYOUTS[name](at)) for at in range(24)]
    compared(values)
    compared(values, sums_of_values(values, "msgpack", pixels=True).profile("msgpack", len(values)))
    compared([memoryview(it) for it in values])


@pytest.mark.parametrize("name", ["dicts", "large", "small numbers", "long list of small numbers", "runs in lists"])
def test_records_of_one_layout_are_decoded_together(name):
    values = [packed(LAYOUTS[name](at)) for at in range(2, 26, 2)]
    assert compared(values) == len(values)


def test_rows_of_one_array_are_decoded_together():
    values = [packed(floats(at, (3, 4))) for at in range(20)]
    rows = np.frombuffer(b"".join(values), np.uint8).reshape(20, -1)
    assert compared(values, block=Block([b""] * 20, EqualLengths(rows))) == 20


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize("name", LAYOUTS)
def test_flipped_bits_are_found_as_one_by_one(name, seed):
    chance = random.Random(seed)
    values = [packed(LAYOUTS[name](at)) for at in range(12)]
    values += [it for value in values[:3] for it in flipped(value, 10)]
    chance.shuffle(values)
    profile = sums_of_values(values, "msgpack", pixels=True).profile("msgpack", len(values))
    compared(values, profile)


@pytest.mark.parametrize("name", ["dicts", "small numbers", "wide numbers", "runs in lists", "words", "scalars"])
def test_every_byte_may_be_any_other(name):
    """Each byte of a record is set to several others, including the marks of all types."""
    value = packed(LAYOUTS[name](4))
    others = (0x00, 0x7F, 0x80, 0x93, 0xA1, 0xC0, 0xC4, 0xCA, 0xCC, 0xCF, 0xD0, 0xD9, 0xE0, 0xFF)
    for at in range(0, len(value), 1 + len(value) // 150):
        changed = [value[:at] + bytes([it]) + value[at + 1 :] for it in others if it != value[at]]
        compared([value] * 4 + changed)


def grown(chance, depth=0):
    """Return a random tree."""
    kind = chance.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return chance.choice([None, True, False])
    if kind == 1:
        return chance.choice([1, -1]) * chance.randrange(1 << chance.choice([5, 7, 8, 16, 32, 63]))
    if kind == 2:
        return chance.random()
    if kind == 3:
        return "".join(chance.choice("abcé") for _ in range(chance.randrange(5)))
    if kind == 4:
        return [
            chance.randrange(1 << chance.choice([4, 9])) / chance.choice([1, 2]) for _ in range(chance.randrange(12))
        ]
    if kind == 5:
        return np.arange(chance.randrange(1, 6)).astype(chance.choice(["f4", ">f8", "u1", "i8", "?"]))
    if kind == 6:
        return [grown(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice("abcdefg") + str(it): grown(chance, depth + 1) for it in range(chance.randrange(5))}


def varied(chance, thing):
    """Return a tree of roughly the same layout."""
    if isinstance(thing, dict):
        return {key: varied(chance, it) for key, it in thing.items()}
    if isinstance(thing, list):
        return [varied(chance, it) for it in thing]
    if isinstance(thing, np.ndarray):
        return (thing + chance.randrange(3)).astype(thing.dtype)
    if isinstance(thing, bool) or thing is None:
        return thing
    if isinstance(thing, int):
        return max(0, thing - chance.randrange(3)) if thing > 0 else thing
    return thing / 3 if isinstance(thing, float) else thing


@pytest.mark.parametrize("seed", seeds(20))
def test_random_trees(seed):
    chance = random.Random(seed)
    values = []
    for _ in range(4):
        like = {"top": grown(chance), "more": grown(chance)}
        values += [packed(varied(chance, like)) for _ in range(6)]
    values += [it for value in values[:4] for it in flipped(value, 6)]
    chance.shuffle(values)
    compared(values, sums_of_values(values, "msgpack", pixels=True).profile("msgpack", len(values)))
    compared(values)
