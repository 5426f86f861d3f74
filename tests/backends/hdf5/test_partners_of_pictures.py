"""Scalars beside pictures: some lack theirs, some have no picture, and all of them go with their pictures."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT = 40


def write(path, *, without_label=(), without_picture=(), spoilt=()):
    with h5py.File(path, "w") as file:
        for number in range(COUNT):
            picture = np.random.default_rng(number).normal(size=(8, 8 + number % 3, 3))
            picture[0, 0, 0] = np.nan if number in spoilt else 0
            if number not in without_picture:
                file[f"image_{number}"] = picture
            if number not in without_label:
                file[f"label_{number}"] = number % 5
    return path


def said(path):
    return [(it.key, it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


@pytest.mark.parametrize(
    ("lacking", "verdict"), [([7], "bad"), ([7, 12, 30], "suspicious"), (range(0, COUNT, 4), None)]
)
def test_pictures_without_what_the_others_have(tmp_path, lacking, verdict):
    expected = [(f"/image_{it}", "unpaired", verdict) for it in lacking if verdict]
    assert sorted(said(write(tmp_path / "a.h5", without_label=lacking))) == sorted(expected)


def test_a_label_whose_picture_is_gone_is_named(tmp_path):
    (finding,) = datacheck.scan(write(tmp_path / "a.h5", without_picture=[7]), workers=1).findings
    assert (finding.code, finding.verdict, finding.details["scalar"]) == ("unpaired", "suspicious", "/label_7")


@pytest.mark.parametrize("lacking", [[7], range(0, COUNT, 4)])
def test_a_label_goes_with_its_picture_where_others_have_none(tmp_path, lacking):
    source = write(tmp_path / "a.h5", without_label=lacking, spoilt=[13, 14])
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert {it for it in file if it.rpartition("_")[2] in ("13", "14")} == set()
        assert {"image_15", "label_15"} <= {*file}
    assert not [it for it in said(tmp_path / "b.h5") if it[2] == "bad"]
