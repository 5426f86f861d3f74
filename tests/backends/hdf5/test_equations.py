"""Equations and their solutions as MATLAB has them for neural operators: their samples lie along the last axis."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT, BAD = 20, 4


def draw(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape)


def write(path, datasets, bad=None):
    """Write datasets as MATLAB does, which has the axes in the other order; NaN in a sample of the last one."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in datasets.items():
            held = values.T.copy()
            if bad is not None and name == next(reversed(datasets)):
                held[..., bad].flat[3] = np.nan
            file[name] = held
            file[name].attrs["MATLAB_class"] = np.bytes_(b"double")
    return path


def load(path, name):
    """Read as the reader of neural operators does: with the axes as MATLAB has them."""
    with h5py.File(path) as file:
        return np.transpose(file[name][()], range(file[name].ndim - 1, -1, -1))


SUITES = {
    "burgers": {"a": draw(COUNT, 32), "a_smooth": draw(COUNT, 32), "u": draw(COUNT, 32)},
    "navier-stokes": {"a": draw(COUNT, 8, 8), "t": draw(1, 10), "u": draw(COUNT, 8, 8, 10)},
    "darcy": {"coeff": draw(COUNT, 9, 9), "Kcoeff": draw(COUNT, 9, 9), "sol": draw(COUNT, 9, 9)},
}


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_a_sample_goes_from_all_fields(tmp_path, suite):
    assert datacheck.scan(write(tmp_path / "sound.mat", suite), workers=1).clean
    source = write(tmp_path / "a.mat", suite, BAD)
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.code, finding.key.endswith(f"[{BAD}]")) == ("nan", True)
    datacheck.rebuild(source, tmp_path / "b.mat", drop_bad=True, workers=1)
    for name, values in suite.items():
        left = values if len(values) == 1 else np.delete(values, BAD, 0)
        assert np.array_equal(load(tmp_path / "b.mat", name), left)


@pytest.mark.parametrize(
    ("name", "other", "verdict"), [("a", "u", ["bad"]), ("coeff", "sol", ["bad"]), ("mesh", "field", [])]
)
def test_fewer_solutions_than_equations(tmp_path, name, other, verdict):
    source = write(tmp_path / "a.mat", {name: draw(COUNT, 8, 8), other: draw(COUNT - 3, 8, 8)})
    found = [it.verdict for it in datacheck.scan(source, workers=1).findings if it.code == "row-count"]
    assert found == verdict


@pytest.mark.parametrize(
    "suite", [{"a": draw(16, 16), "u": draw(16, 16)}, {"x": draw(COUNT, 32), "v": draw(COUNT, 32)}]
)
def test_where_either_axis_may_have_the_samples_a_rebuild_stops(tmp_path, suite):
    source = write(tmp_path / "a.mat", suite, BAD)
    with pytest.raises(datacheck.UsageError, match="nothing tells which axis"):
        datacheck.rebuild(source, tmp_path / "b.mat", drop_bad=True, workers=1)


def test_steps_of_a_robot_are_no_equation(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"], file["u"] = draw(101, 3), draw(100, 3)
    assert datacheck.scan(tmp_path / "a.h5", workers=1).clean


@pytest.mark.parametrize("name", ["Y", "Labels"])
def test_labels_with_capitals_tell_the_axis_too(tmp_path, name):
    source = write(tmp_path / "a.mat", {name: draw(COUNT, 1).round(), "X": draw(COUNT, 12)}, BAD)
    datacheck.rebuild(source, tmp_path / "b.mat", drop_bad=True, workers=1)
    assert load(tmp_path / "b.mat", "X").shape == (COUNT - 1, 12)
    assert load(tmp_path / "b.mat", name).shape == (COUNT - 1, 1)
