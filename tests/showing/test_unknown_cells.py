"""Test a cell that no decoder knows: `show` says that it is not known whether it is sound, and why."""

import h5py
import numpy as np
import pytest
from commanding import datacheck


@pytest.fixture
def path(tmp_path):
    draw = np.random.default_rng(5)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        frames = file.create_dataset("log/frames", (40,), h5py.vlen_dtype("u1"))
        for row in range(40):
            frames[row] = draw.integers(0, 256, 30 + row, dtype="u1")
        file["log/action"] = draw.normal(size=(40, 3))
        file["log/action"][4, 1] = np.nan
    return tmp_path / "x.h5"


def test_it_is_undecided(path):
    run = datacheck("show", path, "/log[3]")
    assert run.returncode == 3
    assert "unknown-payload (unverifiable): frames: no decoder knows this payload" in run.stdout
    assert "nothing wrong" not in run.stdout


def test_what_is_bad_beside_it_is_bad(path):
    run = datacheck("show", path, "/log[4]")
    assert run.returncode == 1
    assert "nan (bad): action" in run.stdout
    assert "unknown-payload (unverifiable): frames" in run.stdout


def test_what_is_to_be_ignored_is_not_said(path):
    run = datacheck("show", path, "/log[3]", "--ignore", "unknown-payload")
    assert run.returncode == 0
    assert "nothing wrong" in run.stdout
