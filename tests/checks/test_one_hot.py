"""Test one-hot labels: as many values as there are classes give the class by position, not by value."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck


def said(path, label, classes):
    with h5py.File(path, "w") as file:
        file["data"] = np.random.default_rng(1).normal(size=(len(label), 5))
        file["label"] = label
    return [(it.code, it.message) for it in datacheck.scan(path, labels=classes, workers=1).findings]


@pytest.mark.parametrize("dtype", ["f4", "u1", "?"])
def test_one_hot_labels_lack_no_class(tmp_path, dtype):
    numbers = np.random.default_rng(2).integers(0, 10, 60)
    assert said(tmp_path / "a.h5", np.eye(10)[numbers].astype(dtype), 10) == []


def test_maps_and_numbers_of_classes_still_lack_some(tmp_path):
    maps = np.arange(60 * 12).reshape(60, 12) % 2
    ((code, message),) = said(tmp_path / "a.h5", maps, 10)
    assert (code, message) == ("class-missing", "8 of 10 classes never occur: 2, 3, 4, 5, 6, 7, 8, 9")
    assert [it for it, _ in said(tmp_path / "b.h5", np.arange(60) % 2, 10)] == ["class-missing"]


def test_a_row_of_one_hot_labels_that_is_not_finite_is_named(tmp_path):
    label = np.eye(10)[np.random.default_rng(2).integers(0, 10, 60)]
    label[7] = np.nan
    assert [it for it, _ in said(tmp_path / "a.h5", label, 10)] == ["label"]
