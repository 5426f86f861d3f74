"""A file of a folder that has fractions where the others have bytes is said, once, and nothing of it is dropped."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck


def write(folder, odd=(), files=6, label="i8"):
    folder.mkdir()
    for number in range(files):
        data = np.random.default_rng(number).integers(0, 256, (9, 3, 8, 8), np.uint8)
        with h5py.File(folder / f"shard_{number}.h5", "w") as file:
            file["data"] = (data / 255).astype("f4") if number in odd else data
            file["label"] = (np.arange(9) % 3).astype(label if number % 2 else "f4")  # flat: either is a number
    return folder


def said(folder):
    return [(it.file, it.code, it.verdict) for it in datacheck.scan(folder, workers=1).findings]


def test_fractions_among_bytes_are_said_once(tmp_path):
    assert said(write(tmp_path / "sound")) == []
    assert said(write(tmp_path / "a", odd=[4])) == [("shard_4.h5", "fields", "suspicious")]


@pytest.mark.parametrize(("odd", "files"), [((0, 1, 2), 6), ((1,), 3)], ids=["half of them", "of three"])
def test_where_nothing_is_usual_nothing_is_said(tmp_path, odd, files):
    assert said(write(tmp_path / "a", odd=odd, files=files)) == []


def test_the_size_of_whole_numbers_may_differ(tmp_path):
    with h5py.File(write(tmp_path / "a") / "shard_2.h5", "a") as file:
        values = file["data"][:].astype("i4")
        del file["data"]
        file["data"] = values
    assert said(tmp_path / "a") == []


def test_of_many_files_the_first_are_named_and_the_others_counted(tmp_path):
    folder = write(tmp_path / "a", odd=[1, 4, 6, 9, 11], files=24)
    assert [it[0] for it in said(folder)] == ["shard_1.h5", "shard_11.h5", "shard_4.h5"]
    assert all("(2 more are like this one)" in it.message for it in datacheck.scan(folder, workers=1).findings)
