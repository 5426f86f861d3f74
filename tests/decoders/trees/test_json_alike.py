"""Test JSON texts of one structure: decoded together, they give the same as one by one."""

import json
import random

import pytest
from covering import seeds

from datacheck.decoders.trees.json_text import JsonDecoder
from datacheck.model.blocks import Block
from datacheck.scanning.profile.profiling import sums_of_values
from datacheck.testing.decoders import flipped, spread

DECODER = JsonDecoder()


def compared(values, profile=None):
    """Assert that decoding values together and one by one gives the same; return how many were decoded together."""
    block = Block([b""] * len(values), values)
    together = spread(DECODER.decode(block, range(len(values)), profile))
    single = []
    for row in range(len(values)):
        single += spread(DECODER.decode(block, [row], profile))
    assert together == sorted(single, key=repr)
    batches, left = DECODER.decode_together(lambda it: DECODER.read(it, profile), block, range(len(values)), profile)
    assert {row for batch in batches for row in batch.rows} <= set(range(len(values))) - set(left)
    return len(values) - len(left)


STRUCTURES = {
    "records": lambda at: {
        "x": [at / 3] * (5 + at % 2),
        "pos": [[at / 3, 1.5], [at / 7, float("nan") if at == 3 else 2]],
        "label": at % 10,
        "text": f"a dog {at}",
        "tags": ["a", "b"] * (1 + at % 2),
        "none": None,
        "empty": [],
        "yes": at % 2 == 0,
        "deep": {"a": {"b": [{"c": at}, {"c": 1.5}]}},
    },
    "lists": lambda at: [at, at / 2, "x"],
    "whole and broken numbers": lambda at: {
        "v": [1, at if at % 2 else at / 2],
        "b": [True, at % 3 == 0],
        "m": [at, True],
    },
    "one object of scalars": lambda at: {
        "n": at,
        "x": float("inf") if at == 5 else at / 3,
        "yes": at % 2 == 0,
        "none": None,
        "text": f"a dog {at}",
        "either": at if at % 2 else at / 2,
        "maybe": None if at % 3 else at,
    },
    "scalars beyond 64 bits": lambda at: {"n": 2**62 * (at % 4), "digits": 10 ** (at * 40), "x": 1.5},
    "many scalars": lambda at: {f"k{it}": at + it for it in range(300)},
    "an array's name alone": lambda at: {"__ndarray__": at},
    "beyond 64 bits": lambda at: {"v": [2**62 * (at % 4)] * 2, "n": 10 ** (at * 40), "x": 1.5},
    "ragged": lambda at: {"v": [[1.5] * (1 + at % 3), [2.5]], "e": [[]] * (at % 3), "s": [["a"], ["b"]]},
    "boxes": lambda at: {"boxes": [{"b": [1.5, at, 3.5, 4.5], "name": "cat"}] * (at % 4)},
    "arrays of ase": lambda at: {"x": {"__ndarray__": [[2, 2], "float64", [at / 2] * (4 if at % 5 else 3)]}, "y": at},
    "many keys": lambda at: {f"k{it}": at / (it + 1) for it in range(300)},
    "many objects": lambda at: [{"a": at / (it + 1)} for it in range(70)],
    "five axes": lambda at: {"v": [[[[[at / 2, 1]]]]]},
    "quotes": lambda at: {"t": 'he said "no"' if at % 2 else "no", "v": at},
    "keys like kinds": lambda at: {"text": {"f8": at}, "empty": [], "1": at / 2, "-1": [None, at]},
}
ODD = [
    b'{"a": 1, "a": 2}', b'{"a": 1, "b": "c"}', b'{"a": [1, 2]}\n{"a": [1, 2]}', b'\xef\xbb\xbf{"a": 1}',
    b'{"a": "\\u0041"}',
    b'{"a": "\xff"}', b'{"a": 1} x', b' {"a": 1}\n', b'{"a": 1} \n\t', b'{"a": 1}\xc2\xa0', b'{"a": 1}\x0c',
    b'{"a": 1, "b": 2, "a": 3}',
    b'{"a": null}', b'{"a": true}', b'{"a": 1, "": 2}', b'{"a": Infinity}', b'{"a": 1e999}',
    b'{"a": ' + b"9" * 500 + b"}",
    b"[" * 2000, b'{"a": ' + b"9" * 5000 + b"}", b"{}", b"[]", b'"text"', b"17", b'{"a":' * 60 + b"1" + b"}" * 60,
]  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURES)
def test_together_and_one_by_one_the_same_is_said(name):
    values = [json.dumps(STRUCTURES[name](at)).encode() for at in range(24)]
    compared(values)
    compared(values, sums_of_values(values, "json", pixels=True).profile("json", len(values)))
    compared([memoryview(it) for it in values])


@pytest.mark.parametrize("name", ["records", "lists", "one object of scalars", "five axes"])
def test_records_of_one_structure_are_decoded_together(name):
    values = [json.dumps(STRUCTURES[name](at)).encode() for at in range(24)]
    assert compared(values) == (0 if name == "five axes" else 24)


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_what_only_looks_like_the_others(odd):
    values = [b'{"a": %d}' % at for at in range(10)]
    compared([*values, odd])
    compared([odd] * 6)
    compared([odd, *values, odd], sums_of_values(values, "json", pixels=True).profile("json", len(values)))


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize("name", STRUCTURES)
def test_flipped_bits_are_found_as_one_by_one(name, seed):
    chance = random.Random(seed)
    values = [json.dumps(STRUCTURES[name](at), ensure_ascii=chance.random() < 0.5).encode() for at in range(12)]
    values += [it for value in values[:4] for it in flipped(value, 12)]
    chance.shuffle(values)
    compared(values, sums_of_values(values, "json", pixels=True).profile("json", len(values)))
    compared(values)
