"""Datasets with a row for each of the datasets beside them, such as labels, do not stay as they are without a word."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT = 30


def patches(path, above="", **beside):
    with h5py.File(path, "w") as file:
        for number in range(COUNT):
            values = np.random.default_rng(number).normal(size=(16, 16, 8))
            values[3, 3, 3] = np.nan if number == 4 else 0
            file[f"{above}patch_{number:04}"] = values
        for name, values in beside.items():
            file[name] = values
    return path


BESIDE = {
    "labels": np.arange(COUNT) % 9,
    "scores": np.linspace(0, 1, COUNT),
}


@pytest.mark.parametrize("above", ["", "patches/"])
@pytest.mark.parametrize("name", BESIDE)
def test_what_has_a_row_for_each_dataset_stops_a_copy(tmp_path, name, above):
    source = patches(tmp_path / "a.h5", above, **{name: BESIDE[name]})
    with pytest.raises(datacheck.UsageError, match=f"/{name} has a row for each dataset like /{above}patch_0000"):
        datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    datacheck.rebuild(source, tmp_path / "b.h5", fill=0, workers=1)


@pytest.mark.parametrize("above", ["", "patches/"])
def test_the_names_of_the_datasets_are_made_true(tmp_path, above):
    names = np.array([b"patch_%04d" % it for it in range(COUNT)])
    receipt = datacheck.rebuild(patches(tmp_path / "a.h5", above, names=names), tmp_path / "b.h5", drop_bad=True)
    assert receipt.repairs.lists == ("/names",)
    with h5py.File(tmp_path / "b.h5") as file:
        assert [it.decode() for it in file["names"]] == sorted(it for it in file[above or "/"] if it != "names")


@pytest.mark.parametrize("beside", [{}, {"wavelengths": np.linspace(400, 900, 8)}, {"mean": np.zeros((16, 16, 8))}])
def test_other_datasets_stop_none(tmp_path, beside):
    datacheck.rebuild(patches(tmp_path / "a.h5", **beside), tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert len(file) == COUNT - 1 + len(beside)
