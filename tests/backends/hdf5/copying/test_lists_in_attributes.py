"""Attributes that list the names of samples: checked, and without the names of dropped samples in a copy."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT, BAD = 12, 4
VARYING = h5py.string_dtype()


def names(first, last):
    return [f"image_{it}" for it in range(first, last)]


def home(name):
    return "data" if name.startswith("data") else "/"


def write(path, listed, name="image_{}", dtype=VARYING, bad=(BAD,)):
    """Write pictures, and attributes that list them."""
    with h5py.File(path, "w") as file:
        for number in range(COUNT):
            values = np.random.default_rng(number).normal(size=(8, 8 + number % 3, 3))
            values[0, 0, 0] = np.nan if number in bad else 0
            file[name.format(number)] = values
        for key, its in listed.items():
            file[home(name)].attrs.create(key, its, dtype=dtype)
    return path


@pytest.mark.parametrize("name", ["image_{}", "data/image_{}", "image_{}/rgb"])
@pytest.mark.parametrize("dtype", [VARYING, "S9"])
def test_a_copy_lists_the_samples_that_it_has(tmp_path, name, dtype):
    listed = {"train": names(2, 8), "val": names(8, COUNT)}
    source = write(tmp_path / "a.h5", listed, name, dtype)
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as copy:
        for key, its in listed.items():
            held = copy[home(name)].attrs[key].astype("U").tolist()
            assert held == [it for it in its if it != f"image_{BAD}"]
            assert all(it in copy[home(name)] for it in held)
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean


def test_names_that_lead_nowhere_are_bad_and_left_out_of_the_copy(tmp_path):
    source = write(tmp_path / "a.h5", {"train": names(5, COUNT + 1)}, bad=())
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.code, finding.verdict, finding.details["missing"]) == ("dangling", "bad", [f"image_{COUNT}"])
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as copy:
        assert copy.attrs["train"].tolist() == names(5, COUNT)


@pytest.mark.parametrize("listed", [{"cameras": ["left", "right", "image_1"]}, {"about": ["image_400"]}])
def test_other_texts_are_no_lists_of_samples(tmp_path, listed):
    source = write(tmp_path / "a.h5", listed)
    assert {it.code for it in datacheck.scan(source, workers=1).findings} == {"nan"}
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as copy:
        assert {key: it.tolist() for key, it in copy.attrs.items()} == listed
