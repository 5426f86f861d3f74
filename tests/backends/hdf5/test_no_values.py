"""Datasets of rows without a value in them, numbers of rows that are too many to be read whole, gaps among episodes."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5.formats import sparse
from datacheck.backends.hdf5.library import looking
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.references import row_numbers
from datacheck.backends.interface import StoreOptions

ROWS = 30


def write(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def wrong(path):
    return Hdf5Reader.recognise(path, StoreOptions()).layout().findings


def full(*shape):
    return np.random.default_rng(3).normal(size=(ROWS, *shape)).astype("f4")


@pytest.mark.parametrize(
    ("empty", "datasets"),
    [
        ("data", {"data": np.zeros((ROWS, 0)), "label": np.arange(ROWS) % 3}),
        ("label", {"data": full(4), "label": np.zeros((ROWS, 0), "i8")}),
        ("X_train", {"X_train": np.zeros((ROWS, 0, 3), "f4"), "y_train": np.arange(ROWS) % 3}),
        ("features", {"features": np.zeros((ROWS, 0), "f4"), "more": full(2)}),
        ("actions", {"actions": np.zeros((ROWS, 0), "f4"), "observations": full(7)}),
        ("vectors", {"vectors": np.zeros((ROWS, 0), "f4")}),
    ],
    ids=["data", "label", "train", "features", "actions", "alone"],
)
def test_rows_of_no_value_are_named(tmp_path, empty, datasets):
    report = datacheck.scan(write(tmp_path / "a.h5", **datasets), workers=1)
    (finding,) = [it for it in report.findings if it.code == "empty"]
    assert finding.verdict == "bad"
    assert f"/{empty} has 30 rows of no value each: its shape is ({ROWS}, 0" in finding.message
    assert report.status == 1


@pytest.mark.parametrize(
    "datasets",
    [
        {"data": full(4), "label": np.arange(ROWS) % 3, "extra": np.zeros((ROWS, 0))},
        {"data": full(4), "bias": np.zeros((ROWS, 0))},
        {"data": full(4), "flat": np.zeros((5, 0))},
        {"data": full(4), "none": np.zeros((0, 7))},
        {"data": full(4), "none": np.zeros((0, 0))},
    ],
    ids=["unused", "beside data", "of a length of its own", "no rows", "nothing"],
)
def test_an_option_that_was_not_used_is_sound(tmp_path, datasets):
    report = datacheck.scan(write(tmp_path / "a.h5", **datasets), workers=1)
    assert [it for it in report.findings if it.code == "empty"] == []


def test_what_a_matlab_file_has_of_an_empty_array_is_none(tmp_path):
    path = write(tmp_path / "a.mat", X=full(4), y=np.array([0, 0], "u8"))
    with h5py.File(path, "a") as file:
        file["y"].attrs["MATLAB_class"], file["y"].attrs["MATLAB_empty"] = np.bytes_(b"double"), 1
    assert [it for it in datacheck.scan(path, workers=1).findings if it.code == "empty"] == []


def test_row_numbers_that_are_too_many_are_not_passed_over(tmp_path, monkeypatch):
    datasets = {"data": full(4), "train_idx": np.arange(20), "val_idx": np.arange(20, 30)}
    assert wrong(write(tmp_path / "a.h5", **datasets)) == []
    for module in (looking, row_numbers):
        monkeypatch.setattr(module, "LARGEST", 120)
    (finding,) = wrong(write(tmp_path / "b.h5", **datasets))
    assert (finding.code, finding.verdict) == ("unsupported", "unverifiable")
    assert finding.message.startswith("/train_idx may lead to rows that are not there")


@pytest.mark.parametrize(("row", "value"), [(40, 7), (99, 2), (41, 10**6)])
def test_pointers_are_gone_through_in_pieces(tmp_path, monkeypatch, row, value):
    pointers = np.arange(101) * 3
    path = write(tmp_path / "a.h5", **{"m/data": np.ones(300), "m/indices": np.arange(300) % 7, "m/indptr": pointers})
    for module, name, size in ((looking, "PIECE_BYTES", 8 * 41), (looking, "LARGEST", 500), (sparse, "LARGEST", 500)):
        monkeypatch.setattr(module, name, size)
    assert wrong(path) == []
    with h5py.File(path, "a") as file:
        file["m/indptr"][row] = value
    (finding,) = wrong(path)
    assert (finding.code, finding.details["row"]) == ("dangling", row if value < pointers[row] else row + 1)


def episodes(folder, names):
    folder.mkdir()
    for name in names:
        write(folder / name, **{"action": full(7), "observations/qpos": full(7)})
    return folder


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ([f"episode_{it}.hdf5" for it in (0, 1, 2, 4, 5)], ["episode_3.hdf5"]),
        ([f"episode_{it:03d}.hdf5" for it in (0, 1, 4, 5)], ["episode_002.hdf5", "episode_003.hdf5"]),
        ([f"episode{it}.hdf5" for it in (1, 2, 4)], ["episode3.hdf5"]),
    ],
)
def test_a_number_that_is_missing_among_episodes_is_said(tmp_path, names, missing):
    report = datacheck.scan(episodes(tmp_path / "e", names), workers=1)
    (finding,) = [it for it in report.findings if it.code == "gap"]
    assert (finding.details["missing"], finding.verdict) == (missing, "suspicious")


@pytest.mark.parametrize(
    "names",
    [
        [f"episode_{it}.hdf5" for it in range(5)],
        [f"episode_{it}.hdf5" for it in range(1, 5)],
        [f"episode_{it}.hdf5" for it in (1045, 20331, 20340)],
        [f"episode_{it}.hdf5" for it in (0, 7, 90)],
        [f"clip_{it}.hdf5" for it in (0, 1, 3)],
    ],
    ids=["from 0", "from 1", "ids", "few of many", "other names"],
)
def test_numbers_that_no_loader_counts_have_no_gaps(tmp_path, names):
    report = datacheck.scan(episodes(tmp_path / "e", names), workers=1)
    assert [it for it in report.findings if it.code == "gap"] == []


def test_an_option_that_no_episode_used_is_sound(tmp_path):
    (tmp_path / "s").mkdir()
    for number in range(4):
        with h5py.File(tmp_path / "s" / f"episode{number}.hdf5", "w") as file:
            file["joints/vector"] = full(14)
            file["cloud"] = np.zeros((ROWS, 0))
    report = datacheck.scan(tmp_path / "s", workers=1)
    assert list(report.findings) == []
    assert report.clean
