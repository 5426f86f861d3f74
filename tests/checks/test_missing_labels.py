"""Test labels that a store declares to be missing: a record's is no label, and some in a label map are left out."""

import h5py
import numpy as np
import pytest

import datacheck


def scan(path, held, fill, **options):
    with h5py.File(path, "w") as file:
        file["x"] = np.random.default_rng(1).normal(size=(len(held), 5))
        file["label"] = held
        file["label"].attrs["_FillValue"] = fill
    return datacheck.scan(path, workers=1, **options)


def classes(dtype, missing=None):
    made = (np.arange(60) % 3).astype(dtype)
    if missing is not None:
        made[7] = missing
    return made


@pytest.mark.parametrize("options", [{}, {"labels": 3}])
@pytest.mark.parametrize(("dtype", "fill"), [("i4", np.int32(-1)), ("f4", np.float32(np.nan)), ("u1", np.uint8(255))])
def test_a_record_whose_label_is_missing_is_bad(tmp_path, dtype, fill, options):
    report = scan(tmp_path / "a.h5", classes(dtype, fill), fill, **options)
    assert [(it.key, it.code) for it in report.findings] == [("/[7]", "label")]
    assert "label missing, as the store declares, expected" in report.findings[0].message


@pytest.mark.parametrize(("dtype", "fill"), [("i4", np.int32(-1)), ("f4", np.float32(np.nan))])
def test_labels_that_are_all_there_are_sound_whatever_is_declared(tmp_path, dtype, fill):
    assert scan(tmp_path / "a.h5", classes(dtype), fill, labels=3).status == 0


def test_missing_labels_may_be_allowed(tmp_path):
    report = scan(tmp_path / "a.h5", classes("i4", -1), np.int32(-1), allow_nan=["label"])
    assert list(report.findings) == []


def test_maps_of_labels_may_lack_some(tmp_path):
    maps = np.random.default_rng(2).integers(0, 3, (60, 4, 4)).astype("i4")
    maps[7, 1] = -1
    assert list(scan(tmp_path / "a.h5", maps, np.int32(-1), labels=3).findings) == []
