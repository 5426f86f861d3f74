"""Numbers that an enumerated type has no name for."""

import h5py
import numpy as np
import pytest

import datacheck

ANIMALS = {"cat": 0, "dog": 1, "bird": 2}


def found(path, name, values, names, **options):
    values = np.asarray(values, "i2")
    with h5py.File(path, "w") as file:
        file["data"] = np.random.default_rng(1).normal(size=(len(values), 4))
        file.create_dataset(name, data=values, dtype=h5py.enum_dtype(names, basetype="i2"), **options)
    return [(it.code, it.verdict, it.key) for it in datacheck.scan(path, workers=1).findings]


def test_a_label_without_a_name_is_bad(tmp_path):
    made = found(tmp_path / "x.h5", "label", [0, 1, 2, 9, 1, 0, -1, 2] * 2, ANIMALS)
    assert made == [("label", "bad", f"/[{row}]") for row in (3, 6, 11, 14)]


def test_another_number_without_a_name_is_suspicious(tmp_path):
    assert found(tmp_path / "x.h5", "state", [0, 1, 2, 9] * 4, ANIMALS) == [
        ("dangling", "suspicious", f"/[{row}]") for row in (3, 7, 11, 15)
    ]


def test_of_several_numbers_in_a_row_the_first_is_named(tmp_path):
    values = np.arange(45).reshape(9, 5) % 3
    values[4, 2:] = 7, 8, 1
    assert found(tmp_path / "x.h5", "state", values, ANIMALS) == [("dangling", "suspicious", "/[4]")]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([0, 1, 2, 1] * 4, ANIMALS),
        ([0, 10, 20, 10] * 4, {"low": 0, "mid": 10, "high": 20}),
        ([0, 3, 5, 7] * 4, {"seen": 1, "held": 2, "moved": 4}),
        ([0, 1, 0, 1] * 4, {"FALSE": 0, "TRUE": 1}),
    ],
)
def test_numbers_with_names_and_bits_together_are_sound(tmp_path, values, names):
    assert found(tmp_path / "x.h5", "state", values, names) == []


def test_bits_that_have_no_name_are_none(tmp_path):
    made = found(tmp_path / "x.h5", "state", [0, 3, 5, 8] * 4, {"seen": 1, "held": 2, "moved": 4})
    assert [it for _, _, it in made] == ["/[3]", "/[7]", "/[11]", "/[15]"]


def test_rows_that_were_never_written_are_that_alone(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        kind = h5py.enum_dtype({"cat": 1, "dog": 2}, basetype="i2")
        data = file.create_dataset("state", (64,), kind, chunks=(16,))
        data[:48] = 1
        file["data"] = np.random.default_rng(1).normal(size=(64, 4))
    assert {it.code for it in datacheck.scan(path, workers=1).findings} == {"unwritten"}


def test_what_a_file_declares_to_be_missing_is_no_number(tmp_path):
    path = tmp_path / "x.h5"
    assert found(path, "state", [0, 1, 2, 1] * 4, ANIMALS) == []
    with h5py.File(path, "a") as file:
        file["state"][3] = 255
        file["state"].attrs["_FillValue"] = np.int16(255)
    assert not [it for it in datacheck.scan(path, workers=1).findings if it.code == "dangling"]
