"""Lists of keys in pickles are read as pickle reads them, or left to the machine for all of pickle."""

import pickle
import random

import pytest
from covering import seeds

from datacheck.conventions.values.pickled_lists import pickled_list
from datacheck.conventions.values.stored_values import stored


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 999, 1000, 1001, 3001])
@pytest.mark.parametrize("text", [True, False])
def test_lists_of_keys(protocol, count, text):
    keys = [f"kéy {number}" if text else b"%d" % number for number in range(count)]
    raw = pickle.dumps(keys, protocol)
    assert pickled_list(raw) == keys
    assert stored(raw).value == keys


@pytest.mark.parametrize("long", [b"k" * 300, "k" * 300, b"k" * (1 << 17)])
def test_long_keys(long):
    for protocol in (3, 4, 5):
        assert pickled_list(pickle.dumps([long, long[:-1]], protocol)) == [long, long[:-1]]


@pytest.mark.parametrize(
    "value",
    [{"a": [b"b"]}, [[b"a"]], [b"a", 3], (b"a",), b"a", [b"a", None], 3, [bytearray(b"a")], {b"a"}],
    ids=repr,
)
def test_anything_else_is_left_to_the_machine(value):
    assert pickled_list(pickle.dumps(value)) is None


def test_a_key_that_is_there_twice():
    key = b"0001"
    keys = [key, b"0002", key]
    assert stored(pickle.dumps(keys)).value == keys


@pytest.mark.parametrize("seed", seeds(40))
def test_damaged_ones_are_read_as_pickle_reads_them(seed):
    """What is returned, if anything, is what pickle makes of it; every opcode that is read is a harmless one."""
    draw = random.Random(seed)
    raw = bytearray(pickle.dumps([b"key%d" % number for number in range(draw.randrange(6))], draw.choice((3, 4, 5))))
    for _ in range(draw.randrange(1, 3)):
        raw[draw.randrange(len(raw))] = draw.choice((*b"(]ea.CBX\x94\x8cq", draw.randrange(256)))
    if draw.random() < 0.3:
        del raw[draw.randrange(len(raw)) :]
    made = pickled_list(bytes(raw))
    if made is not None:
        assert all(isinstance(it, (bytes, str)) for it in made)
        assert pickle.loads(bytes(raw)) == made
