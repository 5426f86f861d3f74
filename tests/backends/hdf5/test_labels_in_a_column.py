"""Labels that MATLAB has as a column: they are compared in number with the data, whatever axis has its samples."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT = 50
DATA = {"features": (10, COUNT), "pictures": (COUNT, 3, 8, 8)}


def found(path, shape, labels, names=("data", "labels")):
    draw = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for name, values in zip(names, (draw.normal(size=shape), draw.integers(0, 5, (1, labels)) * 1.0), strict=True):
            file[name] = values
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
    return [(it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings if it.code == "row-count"]


@pytest.mark.parametrize("shape", DATA.values(), ids=DATA)
@pytest.mark.parametrize("names", [("data", "labels"), ("X_train", "y_train"), ("X", "Y")])
def test_labels_that_are_nearly_as_many_are_bad(tmp_path, shape, names):
    assert found(tmp_path / "a.h5", shape, COUNT - 2, names) == [("row-count", "bad")]
    assert found(tmp_path / "b.h5", shape, COUNT, names) == []


@pytest.mark.parametrize(
    ("shape", "labels", "names"),
    [
        ((COUNT, 10), 10, ("data", "labels")),  # one for each feature
        ((10, COUNT), 12, ("data", "labels")),  # names of classes
        ((10, COUNT), COUNT - 2, ("X_train", "y_test")),
    ],
)
def test_labels_of_something_else_are_sound(tmp_path, shape, labels, names):
    assert found(tmp_path / "a.h5", shape, labels, names) == []
