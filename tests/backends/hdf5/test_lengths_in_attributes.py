"""Attributes of samples that state how long these are, as Wave-U-Net has them."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

import datacheck
from datacheck import open_store

SONGS = 20


def songs(path, length=lambda at, rows: rows, name="length", count=SONGS):
    with h5py.File(path, "w") as file:
        for at in range(count):
            rows = int(np.random.default_rng(at).integers(90, 200))
            file[f"{at}/inputs"] = np.random.default_rng(at).normal(size=(2, rows)).astype("f4")
            file[f"{at}/targets"] = np.random.default_rng(at + 50).normal(size=(8, rows)).astype("f4")
            file[str(at)].attrs[name] = length(at, rows)
    return path


def told(path):
    forget_walks()
    findings = open_store(path).layout().findings
    return [(it.code, it.verdict, it.details["sample"]) for it in findings]


@pytest.mark.parametrize(
    "length",
    [
        lambda _, rows: rows,
        lambda at, rows: rows + at,  # in the source, before it was cut
        lambda *_: 44100,
    ],
)
def test_sound_attributes_have_no_finding(tmp_path, length):
    assert told(songs(tmp_path / "a.h5", length)) == []


def test_a_length_that_is_wrong_is_named_and_its_sample_dropped(tmp_path):
    assert told(songs(tmp_path / "a.h5", lambda at, rows: rows - 3 * (at == 5))) == [("count", "bad", "/5")]
    source = songs(tmp_path / "a.h5", lambda at, rows: rows + 7 * (at == 5))
    assert told(source) == [("count", "bad", "/5")]
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    assert told(tmp_path / "b.h5") == []
    with h5py.File(tmp_path / "b.h5") as copy:
        assert len(copy) == SONGS - 1


def test_attributes_of_another_name_are_not_compared(tmp_path):
    assert told(songs(tmp_path / "a.h5", lambda at, rows: rows + (at == 7), name="tempo")) == []


@pytest.mark.parametrize(("wrong", "expected"), [(1, [("count", "suspicious", "/5")]), (0, []), (2, [])])
def test_one_of_eight_samples_may_be_wrong(tmp_path, wrong, expected):
    assert told(songs(tmp_path / "a.h5", lambda at, rows: rows + (5 <= at < 5 + wrong), count=8)) == expected
