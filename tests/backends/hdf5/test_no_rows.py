"""Data without a row beside labels that have some, and what is empty and sound."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

ROWS = 100


def full(*shape):
    return np.random.default_rng(3).normal(size=shape).astype("f4")


def labels(rows=ROWS):
    return np.arange(rows) % 3


def said(path, datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    report = datacheck.scan(path, workers=1)
    return report.status, [it.message for it in report.findings if it.code == "row-count"]


@pytest.mark.parametrize(
    ("data", "label", "more"),
    [
        ("X", "y", {}),
        ("data", "label", {}),
        ("images", "labels", {"mean": full(4)}),
        ("X_train", "y_train", {"X_test": full(20, 10), "y_test": labels(20)}),
        ("test_set_x", "test_set_y", {"train_set_x": full(30, 10), "train_set_y": labels(30)}),
        ("train/features", "train/targets", {"test/features": full(20, 10), "test/targets": labels(20)}),
    ],
)
def test_data_without_a_row_beside_labels_are_named(tmp_path, data, label, more):
    datasets = {data: np.zeros((0, 10), "f4"), label: labels(), **more}
    status, messages = said(tmp_path / "a.h5", datasets)
    assert status == 1
    assert messages == [f"/{data} has 0 rows, /{label} has 100 rows; they belong together"]


NOTHING = np.zeros((0, 10), "f4")
SOUND = {
    "a split without a row": {"X_train": full(30, 10), "y_train": labels(30), "X_test": NOTHING, "y_test": labels(0)},
    "an option that nobody used": {"X": full(ROWS, 10), "y": labels(), "extra": NOTHING},
    "one of two kinds of data": {
        "features": full(ROWS, 10),
        "labels": labels(),
        "images": np.zeros((0, 3, 8, 8), "u1"),
    },
    "a mask of no demo": {"X": full(ROWS, 10), "y": labels(), "mask/test": np.zeros(0, "S8")},
    "axes": {"x": np.zeros(0), "y": np.linspace(0, 1, ROWS), "field": full(ROWS, 4)},
    "a sparse matrix of zeros": {
        "data": np.zeros(0, "f4"),
        "indices": np.zeros(0, "i4"),
        "indptr": np.zeros(ROWS + 1, "i4"),
        "labels": labels(),
    },
    "a label of what has no points": {"data": NOTHING, "label": labels(1)},
}


@pytest.mark.parametrize("name", SOUND)
def test_what_is_empty_and_sound_is_not(tmp_path, name):
    assert said(tmp_path / "a.h5", SOUND[name])[1] == []
