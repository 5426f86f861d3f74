"""Test turning columns of HDF5 tables into batches of plain numbers."""

import numpy as np
import pytest

from datacheck.decoders import decoder
from datacheck.decoders.rows import RowsDecoder
from datacheck.model.blocks import RowBlock
from datacheck.model.profile import FamilyProfile, FieldProfile


def block(columns, **kwargs):
    return RowBlock("/", range(10, 10 + len(next(iter(columns.values()), ()))), columns, **kwargs)


def batches(it, rows=None, profile=None):
    return list(RowsDecoder().decode(it, range(len(it)) if rows is None else rows, profile))


def test_each_column_is_a_batch():
    data, label = np.zeros((3, 2, 2), "f4"), np.arange(3.0)
    first, second = batches(block({"data": data, "label": label}, labels=("label",)))
    assert (first.field, first.label, first.shape, list(first.rows)) == ("data", False, (2, 2), [0, 1, 2])
    assert (second.field, second.label, second.shape, second.format) == ("label", True, (), "")
    assert first.values is data


def test_rows_that_were_not_read_are_left_out_of_that_column_alone():
    made = block({"data": np.arange(4), "label": np.arange(4)}, unread={"data": [1, 2]})
    data, label = batches(made)
    assert (list(data.rows), data.values.tolist()) == ([0, 3], [0, 3])
    assert len(label.rows) == 4


def test_a_column_of_which_nothing_was_read_is_no_batch():
    assert batches(block({"data": np.arange(2)}, unread={"data": [0, 1]})) == []


def test_only_the_rows_asked_for_are_decoded():
    (batch,) = batches(block({"data": np.arange(5)}, unread={"data": [3]}), rows=[1, 3, 4])
    assert (list(batch.rows), batch.values.tolist()) == ([1, 4], [1, 4])


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (np.array([True, False]), "uint8", [1, 0]),
        (np.array([1 + 2j, 3], "c8"), "float32", [[1, 2], [3, 0]]),
        (np.array([[1j], [2]], "c16"), "float64", [[[0, 1]], [[2, 0]]]),
        (np.array([1.5, 2], "g"), "float64", [1.5, 2]),
        (np.array([1.5, 2], "f2"), "float16", [1.5, 2]),
        (np.array([-1, 2], "i8"), "int64", [-1, 2]),
    ],
)
def test_numbers_become_plain(values, dtype, expected):
    (batch,) = batches(block({"data": values}))
    assert batch.values.dtype == dtype
    assert batch.values.tolist() == expected


def test_members_of_a_compound_that_lie_apart_become_plain():
    values = np.zeros(3, [("on", "?"), ("c", "c8")])
    values["on"][1] = True
    values["c"][2] = 1 - 1j
    on, pair = batches(block({"p.on": values["on"], "p.c": values["c"]}))
    assert on.values.tolist() == [0, 1, 0]
    assert pair.values.tolist() == [[0, 0], [0, 0], [1, -1]]


def test_a_wide_float_beyond_float64_is_infinite():
    (batch,) = batches(block({"data": np.array([np.longdouble(10) ** 400, 1])}))
    assert batch.values.tolist() in ([float("inf"), 1], [np.inf, 1])


def test_the_profile_comes_with_each_field():
    expected = FieldProfile(shape=(), dtype="int64", format="", share=1.0)
    profile = FamilyProfile("rows", 3, {"data": expected})
    data, other = batches(block({"data": np.arange(3), "other": np.arange(3)}), profile=profile)
    assert (data.expected, other.expected) == (expected, None)


def test_no_value_of_a_key_value_store_is_taken_for_rows():
    assert decoder("rows").knows(b"anything") is False
