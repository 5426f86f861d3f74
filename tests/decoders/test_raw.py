"""Test raw arrays: they have as many bytes as dtype and shape require, and their values are views."""

import numpy as np
import pytest
from building import floats

from datacheck.decoders import decoder, kind
from datacheck.decoders.raw import array_text
from datacheck.model.batch import Batch, SeparateArrays
from datacheck.model.blocks import Block
from datacheck.model.equal_lengths import EqualLengths
from datacheck.model.profile import FamilyProfile
from datacheck.model.settings import Array


def decoded(values, dtype, shape=None, *, label=False):
    keys = [b"%d" % number for number in range(len(values))]
    family = FamilyProfile("raw", 0, label=label, array=Array(dtype, shape))
    return list(decoder("raw").decode(Block(keys, values), range(len(values)), family))


def batch(values, dtype, shape=None, **options):
    (made,) = decoded(values, dtype, shape, **options)
    assert isinstance(made, Batch)
    return made


@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">f4", ">u2", ">i8"]
)
def test_values_come_out_as_they_went_in(dtype):
    arrays = [(floats(number, (3, 4)) * 50).astype(dtype) for number in range(4)]
    made = batch([it.tobytes() for it in arrays], dtype, (3, 4))
    assert made.values.dtype == np.dtype(dtype)
    assert np.array_equal(made.values, np.stack(arrays))


def test_truth_values_complex_numbers_and_bfloat16_become_real_numbers():
    assert batch([b"\x00\x01\x01"], "b1").values.tolist() == [[0, 1, 1]]
    assert batch([np.array([1 + 2j, 3], "c8").tobytes()], "c8", (2,)).values.tolist() == [[[1, 2], [3, 0]]]
    bits = np.array([0x3F80, 0x7F80, 0x7FC0], "<u2").tobytes()
    assert batch([bits], "bf16", (3,)).values.astype(str).tolist() == [["1.0", "inf", "nan"]]


def test_a_wrong_number_of_bytes_says_what_was_found_and_expected():
    sound = floats(1, (2, 8)).tobytes()
    (made, (row, short), (other, long)) = decoded([sound, sound[:-4], sound, sound + b"\0"], "f4", (2, 8))
    assert (list(made.rows), row, other) == ([0, 2], 1, 3)
    assert (short.code, short.verdict) == ("size-mismatch", "bad")
    assert (short.details["found"], short.details["expected"]) == (60, 64)
    assert (long.details["found"], long.details["expected"]) == (65, 64)
    assert "60 bytes" in short.message
    assert "f4:2,8" in short.message


def test_without_a_shape_any_whole_number_of_items_is_right():
    values = [floats(number, (number,)).tobytes() for number in (3, 5, 3)]
    made = decoded([*values, values[0][:-1]], "f4")
    batches = [it for it in made if isinstance(it, Batch)]
    assert sorted((list(it.rows), it.shape) for it in batches) == [([0, 2], (3,)), ([1], (5,))]
    ((row, finding),) = [it for it in made if not isinstance(it, Batch)]
    assert (row, finding.code, finding.details["found"], finding.details["item"]) == (3, "size-mismatch", 11, 4)


def test_a_family_of_labels_has_labels():
    made = batch([np.array([number], "i8").tobytes() for number in (4, 5)], "i8", label=True)
    assert (made.field, made.label, made.values.tolist()) == ("label", True, [[4], [5]])


def test_large_values_and_blocks_of_one_length_are_views():
    large = np.full(20_000, 1.5, "f4")
    made = batch([memoryview(large).cast("B"), memoryview(large).cast("B")], "f4", (100, 200))
    assert isinstance(made.values, SeparateArrays)
    assert all(np.shares_memory(it, large) for it in made.values)
    rows = np.arange(4 * 40, dtype=np.uint8).reshape(4, 40)[:, :32]  # they lie apart, as in the pages of a store
    stacked = batch(EqualLengths(rows), "u2", (4, 4))
    assert np.shares_memory(stacked.values, rows)
    assert np.array_equal(stacked.values, np.ascontiguousarray(rows).view("u2").reshape(4, 4, 4))


def test_some_rows_of_a_block_are_what_they_are_alone():
    rows = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8)
    family = FamilyProfile("raw", 0, array=Array("u4", (2,)))
    for values in (EqualLengths(rows), [it.tobytes() for it in rows]):
        (made,) = decoder("raw").decode(Block([b"k"] * 6, values), [1, 4], family)
        assert list(made.rows) == [1, 4]
        assert np.array_equal(made.values, rows[[1, 4]].view("u4"))


def test_nothing_is_recognised_as_a_raw_array():
    for value in (floats(1, (4, 4)).tobytes(), bytes(64), b"\xff" * 32):
        assert not decoder("raw").knows(value)
        assert kind(value) != "raw"


def test_an_array_is_spelled_as_it_is_given():
    assert array_text(Array(">u2", (3, 4))) == ">u2:3,4"
    assert array_text(Array("bf16")) == "bf16"
