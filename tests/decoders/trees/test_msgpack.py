"""Test msgpack as trees: what the library and msgpack-numpy write, built by hand, and records with one thing broken."""

import random

import numpy as np
import pytest
from msgpack_building import packed
from tree_values import codes, plain_value

from datacheck.decoders.trees.msgpack import DEPTH, is_msgpack, parse_msgpack
from datacheck.decoders.trees.msgpack_decoder import MsgpackDecoder


def tree(it, raw=False):
    parsed = parse_msgpack(packed(it, raw))
    assert codes(parsed) == []
    return plain_value(parsed.tree)


def floats(*shape, dtype="<f4"):
    return np.random.default_rng(3).normal(size=shape).astype(dtype)


RECORD = {
    "name": "chair é", "cloud": floats(64, 3), "half": floats(5, dtype="<f2"), "label": 7, "none": None, "yes": True,
    "ids": list(range(40)), "list": [0.5] * 20, "mixed": [1, 2.5, "a"], "deep": [[1, 2], [3, 4]], "raw": b"\xff" * 100,
}  # fmt: skip


@pytest.mark.parametrize(
    "number",
    [0, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1, -1, -32, -33, -128, -129, -32769, -(2**63)],
)
def test_whole_numbers_of_every_width(number):
    assert tree({"n": number}) == {"n": number}
    assert tree([number, 1.5, None]) == [number, 1.5, None]


@pytest.mark.parametrize("count", [1, 3, 8, 15, 16, 100, 70_000])
def test_lists_of_numbers_have_one_dtype_however_they_are_written(count):
    for number in (1.5, 3, 200, 300, 70_000, 2**40, -3, -100, -300, -70_000, 2**63):
        read = parse_msgpack(packed([number] * count)).tree
        assert plain_value(read) == [number] * count
        if count >= 8:
            assert read.items[0].values.dtype == ("<f8" if number in (1.5, 2**63) else "<i8")
    read = parse_msgpack(packed([np.float32(1.5)] * count)).tree
    assert plain_value(read) == [1.5] * count
    assert read.items[0].values.dtype == "<f4"
    assert tree([5, 300, 70_000][:count]) == [5, 300, 70_000][:count]


def test_texts_bytes_and_containers():
    assert tree({"t": "é" * 300, "b": b"\xff" * 300, "l": [], "m": {}, 5: None, "f": False}) == {
        "t": "é" * 300, "b": b"\xff" * 300, "l": [], "m": {}, 5: None, "f": False,
    }  # fmt: skip


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    "array",
    [floats(3, 4), floats(2, dtype=">f8"), floats(36, 100, dtype="<f2"), np.arange(6).reshape(2, 3), np.zeros((0, 3)),
     np.array(2.5), np.array([True, False]), np.array([1 + 2j]), np.array(["a", "bc"]),
     np.array([(1.5, [1, 2])], [("a", "<f4"), ("b", "<i2", (2,))]), floats(3, dtype="<i1")],
    ids=lambda it: f"{it.dtype} {it.shape}",
)  # fmt: skip
def test_arrays_of_msgpack_numpy(array, raw):
    parsed = parse_msgpack(packed([array, "x"], raw))
    assert codes(parsed) == []
    read = parsed.tree.items[0]
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    assert read.tobytes() == array.tobytes()


def test_the_values_of_a_large_array_are_a_view():
    value = packed({"a": floats(1000)})
    assert np.shares_memory(parse_msgpack(value).tree.pairs[0][1], np.frombuffer(value, np.uint8))


def test_scalars_and_complex_numbers_of_msgpack_numpy():
    assert tree({b"nd": False, b"type": "<f4", b"data": b"\0\0\xc0\x7f"})[0] == "<f4"
    assert tree({"nd": False, "type": "<i4", "data": b"\7\0\0\0"}) == ("<i4", 7)
    assert tree({b"complex": True, b"data": "(1+2j)"}) == 1 + 2j
    assert tree({b"complex": True, b"data": "no"}) == {b"complex": True, b"data": "no"}


def test_arrays_of_objects_are_pickles_and_nothing_in_them_is_called():
    held = {b"nd": True, b"type": "|O", b"kind": b"O", b"shape": [1], b"data": b"\x80\x04cos\nsystem\n."}
    (finding,) = MsgpackDecoder().read(packed({"x": held}), None).findings
    assert (finding.field, finding.code, finding.details["name"]) == ("x", "unsafe-pickle", "os.system")


@pytest.mark.parametrize("change", [-4, 4])
def test_an_array_whose_bytes_are_not_as_many_as_its_shape_says(change):
    data = b"\0" * (24 + change)
    held = {b"nd": True, b"type": "<f4", b"kind": b"", b"shape": [2, 3], b"data": data}
    assert tree([1, held]) == [1, "size-mismatch"]
    (finding,) = MsgpackDecoder().read(packed({"x": held}), None).findings
    assert (finding.field, finding.code) == ("x", "size-mismatch")
    assert f"2 x 3 float32 takes 24 bytes, and has {24 + change}" in finding.message


@pytest.mark.parametrize(
    "change",
    [{b"type": "no"}, {b"type": "|O"}, {b"shape": [-1]}, {b"shape": 3}, {b"nd": 1}, {b"data": 5}, {b"type": [["a"]]}],
)
def test_what_only_looks_like_an_array_stays_a_map(change):
    held = {b"nd": True, b"type": "<f4", b"kind": b"", b"shape": [1], b"data": b"\0" * 4, **change}
    assert isinstance(tree(held), dict)


def test_keys_that_are_lists_or_occur_twice():
    assert parse_msgpack(b"\x82\x91\x01\x02\x91\x01\x03").tree.pairs[1][1] == 3
    assert [key for key, _ in parse_msgpack(b"\x82\xa1a\x02\xa1a\x03").tree.pairs] == ["a", "a"]
    assert codes(parse_msgpack(b"\x85\xc4\x02nd\xc3\x91\x01\x02\x01\x02\x03\x04\x05\x06")) == []


def test_timestamps_are_named_and_other_extensions_are_their_bytes():
    tree = parse_msgpack(b"\x93\xd6\xff\0\0\0\1\xc7\x02\x05ab\xd4\x09a").tree
    assert plain_value(tree) == ["opaque datetime.datetime", b"ab", b"a"]


def test_a_record_cut_anywhere_is_truncated():
    for raw in (False, True):
        value = packed(RECORD, raw)
        for at in (*range(1, 400), *range(400, len(value), 37), len(value) - 1):
            assert codes(parse_msgpack(value[:at])) == ["truncated"], at
            assert not is_msgpack(value[:at])


def test_bytes_behind_the_end():
    parsed = parse_msgpack(packed(RECORD) + b"\0\0")
    assert codes(parsed) == ["trailing-data"]
    assert parsed.tree.pairs[3] == ("label", 7)
    assert codes(parse_msgpack(b"\x7fELF and more")) == ["undecodable"]
    assert codes(parse_msgpack(b"\x91\xc1")) == ["undecodable"]


@pytest.mark.parametrize(
    "value", [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff\x01", b"\xc6\xff\xff\xff\xff",
              b"\xdd\x7f\xff\xff\xff" + b"\xca" * 40,
              b"\x91\xc9\xff\xff\xff\xff\x05", b"\xdb\xff\xff\xff\xffabc"],
)  # fmt: skip
def test_declared_sizes_that_are_not_there(value):
    assert codes(parse_msgpack(value)) == ["truncated"]


def test_deep_nesting_is_not_followed():
    for mark in (b"\x91", b"\x81\x01"):
        (finding,) = parse_msgpack(mark * 1_000_000 + b"\x01").findings
        assert (finding.code, finding.verdict) == ("too-large", "unverifiable")
        assert codes(parse_msgpack(mark * DEPTH + b"\x01")) == []


def test_a_million_empty_lists_are_not_followed():
    (finding,) = parse_msgpack(b"\xdd\0\x20\0\0" + b"\x90" * (1 << 21)).findings
    assert (finding.code, finding.verdict) == ("too-large", "unverifiable")


def test_flipped_bits_raise_nothing():
    chance = random.Random(14)
    for raw in (False, True):
        value = packed(RECORD, raw)
        for _ in range(3000):
            changed = bytearray(value)
            for _ in range(chance.randrange(1, 4)):
                changed[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
            is_msgpack(changed)
            parse_msgpack(changed)


def test_random_bytes_raise_nothing_and_are_seldom_known():
    chance = random.Random(15)
    values = [chance.randbytes(chance.randrange(1, 200)) for _ in range(5000)]
    for value in values:
        parse_msgpack(value)
    assert sum(map(is_msgpack, values)) < 50


@pytest.mark.parametrize("it", [RECORD, [1, 2], {"a": 1}, ["a", floats(3)], [{}], list(range(100))])
def test_what_is_known_as_msgpack(it):
    assert is_msgpack(packed(it))
    assert is_msgpack(memoryview(packed(it)))
    assert not is_msgpack(packed(it) + b"\0")


@pytest.mark.parametrize(
    "value", [b"", b"\x80", b"\x90", packed("text"), packed(5), b"\x80\x04N.", b"\x80\x02}q\0.", "Ü".encode()]
)
def test_what_is_not_known_as_msgpack(value):
    assert not is_msgpack(value)
