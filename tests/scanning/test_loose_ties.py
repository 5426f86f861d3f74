"""Test arrays whose lengths naturally agree in nearly all records, and may differ in the rest."""

import pickle

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 200
ODD = frozenset(range(11, COUNT, 25))
"""Eight records, which are four percent."""


def found_in(path):
    return [(it.key, it.field, it.code, it.verdict) for it in scan(path, workers=1).findings if it.code != "constant"]


def write(path, make, count=COUNT):
    return write_lmdb(path, {key(at): pickle.dumps(make(at)) for at in range(count)})


def values(number, *shape):
    return np.random.default_rng(number).normal(size=shape)


def test_an_array_that_is_padded_in_some_records_may_be_meant(tmp_path):
    def record(number):
        frames = 30 + number % 40
        return {"mel": values(number, frames, 4), "units": np.arange(frames + 9 * (number in ODD))}

    found = found_in(write(tmp_path / "env", record))
    assert len(found) == len(ODD)
    assert {it[1:] for it in found} == {("units", "shape", "suspicious")}


def test_one_array_that_may_differ_does_not_loosen_the_others(tmp_path):
    def record(number, more=0):
        count = 5 + number % 9
        return {
            "numbers": np.arange(count),
            "positions": values(number, count + more, 3),
            "forces": values(number + 1, count, 3),
            "charges": values(number, count - 2 * (number in ODD)),
        }

    found = found_in(write(tmp_path / "env", lambda number: record(number, more=number == 100)))
    assert ("00000100", "positions", "shape", "bad") in found
    assert {it[1:] for it in found} == {("positions", "shape", "bad"), ("charges", "shape", "suspicious")}


def test_arrays_that_are_not_there_in_some_records_do_not_loosen_a_tie(tmp_path):
    def record(number):
        count = 2 + number % 7
        ids = 0 if number in ODD else count + (number == 100)
        return {"boxes": values(number, count, 4), "ids": np.arange(ids)}

    found = found_in(write(tmp_path / "env", record))
    assert [it for it in found if it[3] == "bad"] == [("00000100", "ids", "shape", "bad")]


def test_of_few_sampled_records_a_difference_is_no_proof(tmp_path):
    def record(number):
        return {"a": values(number, 2 + number % 5), "b": values(number, 2 + number % 5 + (number == 7))}

    assert found_in(write(tmp_path / "env", record, 20)) == [("00000007", "b", "shape", "suspicious")]
    assert found_in(write(tmp_path / "more", record, 60)) == [("00000007", "b", "shape", "bad")]


def test_of_many_large_records_few_are_looked_at(tmp_path):
    """That the arrays of the sampled records agree does not mean that those of the others must."""

    def record(number):
        count = 5000 + number % 50
        return {"a": values(number, count), "b": np.arange(count + 40 * (number % 40 == 11))}

    path = write(tmp_path / "env", record, 400)
    found = found_in(path)
    assert len(found) == 10
    assert {it[1:] for it in found} == {("b", "shape", "suspicious")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tokens", "words"),
        ("tokenIds", "word_boxes"),
        ("phoneme_ids", "mel_frames"),
        ("x", "edge_index"),
        ("atom_features", "bonds"),
        ("vertices", "faces"),
    ],
)
def test_names_that_count_different_things_are_not_compared(one, other, tmp_path):
    def record(number):
        count = 3 + number % 9
        return {one: values(number, count, 2), other: values(number, count + (number == 50), 2)}

    assert found_in(write(tmp_path / "env", record)) == []


@pytest.mark.parametrize(
    ("one", "other"), [("edge_index", "edge_attr"), ("tokens", "tags"), ("x", "atoms"), ("frames", "frame_ids")]
)
def test_names_that_count_the_same_are(one, other, tmp_path):
    def record(number):
        count = 3 + number % 9
        return {one: values(number, count, 2), other: values(number, count + (number == 50))}

    [(name, _, code, verdict)] = found_in(write(tmp_path / "env", record))
    assert (name, code, verdict) == ("00000050", "shape", "bad")


def test_the_extent_that_agrees_best_is_the_one_that_is_compared(tmp_path):
    """Nearly all pictures are square, so the sums of columns are nearly always as long as the sums of rows."""

    def record(number):
        height = 8 + number % 9
        width = height + 3 * (number in ODD)
        return {
            "picture": values(number, height, width),
            "by_column": values(number, width),
            "by_row": values(number, height),
        }

    assert [it for it in found_in(write(tmp_path / "env", record)) if it[3] == "bad"] == []
