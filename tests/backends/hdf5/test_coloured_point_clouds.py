"""Colours of many point clouds are no picture: one cloud that is bad is one record."""

import h5py
import numpy as np
import pytest

import datacheck

RANDOM = np.random.default_rng(5)


def _write(path, shape, dtype):
    points = RANDOM.normal(size=(*shape, 3)).astype("f4")
    points[7, 3, 1] = np.nan
    with h5py.File(path, "w") as file:
        file["xyz"] = points
        file["rgb"] = (RANDOM.random((*shape, 3)) * 255).astype(dtype)
        file["sem_label"] = RANDOM.integers(0, 13, shape)


@pytest.mark.parametrize(("shape", "dtype"), [((40, 128), "f4"), ((20, 100), "u1")])
def test_one_cloud_goes_and_the_others_stay(tmp_path, shape, dtype):
    _write(tmp_path / "a.h5", shape, dtype)
    (finding,) = datacheck.scan(tmp_path / "a.h5", workers=1).findings
    assert (finding.code, finding.index) == ("nan", 7)
    datacheck.rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as copy:
        assert {it.shape[:2] for it in copy.values()} == {(shape[0] - 1, shape[1])}


def test_a_picture_with_the_place_of_each_pixel_is_one_record(tmp_path):
    _write(tmp_path / "a.h5", (24, 32), "u1")
    assert {it.key for it in datacheck.scan(tmp_path / "a.h5", workers=1).findings} == {"/xyz"}
