"""Data and labels in two files of a folder: compared, and dropped together."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from commanding import datacheck as command

import datacheck


def write(folder, files):
    folder.mkdir()
    for name, values in files.items():
        with h5py.File(folder / name, "w") as file:
            file["y" if "_y" in name or "label" in name else "x"] = values
    return folder


def data(rows=30):
    return np.random.default_rng(5).normal(size=(rows, 4, 4, 3)).astype("f4")


def labels(rows=30):
    return (np.arange(rows) % 2).astype("u1").reshape(rows, 1, 1, 1)


def said(folder):
    return [it.message for it in datacheck.scan(folder, workers=1).findings if it.code == "row-count"]


def test_labels_that_are_too_few_are_named_with_their_file(tmp_path):
    files = {
        f"patch_{split}_{it}.h5": of(20) for split in ("train", "valid") for it, of in (("x", data), ("y", labels))
    }
    assert said(write(tmp_path / "sound", files)) == []
    files["patch_valid_y.h5"] = labels(19)
    message = "patch_valid_x.h5 has 20 rows and patch_valid_y.h5 has 19 rows; they belong together"
    assert said(write(tmp_path / "short", files)) == [message]


SOUND = {
    "boxes of one picture": {"image_1.h5": data(30), "label_1.h5": np.arange(5)},
    "one label of all": {"image_1.h5": data(30), "label_1.h5": np.arange(1)},
    "another split": {"train_x.h5": data(30), "test_y.h5": labels(29)},
    "other words": {"features_a.h5": data(30), "names_a.h5": data(29)},
}


@pytest.mark.parametrize("name", SOUND)
def test_files_that_are_no_pair_may_differ(tmp_path, name):
    assert said(write(tmp_path / "a", SOUND[name])) == []


@pytest.mark.parametrize("bad", ["x", "y"])
def test_a_row_goes_from_both_files(tmp_path, bad):
    files = {"train_x.h5": data(), "train_y.h5": labels().astype("f4"), "other.h5": data(30)}
    files[f"train_{bad}.h5"].reshape(30, -1)[7, 0] = np.nan
    folder = write(tmp_path / "a", files)
    receipt = datacheck.rebuild(folder, tmp_path / "copy", drop_bad=True, workers=1)
    assert (receipt.dropped, receipt.records) == (2, 90)
    for name, key in (("train_x.h5", "x"), ("train_y.h5", "y")):
        with h5py.File(tmp_path / "copy" / name) as file:
            assert np.array_equal(file[key][()], np.delete(files[name], 7, 0))
    with h5py.File(tmp_path / "copy" / "other.h5") as file:
        assert len(file["x"]) == 30


def test_what_goes_with_a_row_is_told_as_of_its_sample(tmp_path):
    files = {"train_x.h5": data(), "train_y.h5": labels().astype("f4")}
    files["train_x.h5"].reshape(30, -1)[7, 0] = np.nan
    folder = write(tmp_path / "a", files)
    told = command("rebuild", folder, tmp_path / "copy", "--drop-bad", "--workers", 1).stdout.splitlines()
    at = told.index("2 of 60 records dropped:")
    assert told[at + 1 : at + 3] == ["  train_x.h5:/[7]  nan", "  train_y.h5:/[7]  unpaired"]
