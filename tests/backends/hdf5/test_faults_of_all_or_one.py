"""Faults that every set of a file has, and groups of columns of which one lacks a dataset."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck.backends.hdf5.reader import Hdf5Reader

ROWS, GROUPS = 20, 24


def told(path):
    forget_walks()
    return [(it.code, it.verdict) for it in Hdf5Reader(path, (path,)).layout().findings]


def values(rows, columns=4):
    return np.random.default_rng(rows).normal(size=(rows, columns))


@pytest.mark.parametrize("names", [("noisy", "clean"), ("lr", "hr"), ("questions", "answers")])
def test_what_is_learned_is_compared_with_the_data_of_each_set(tmp_path, names):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for group, rows in (("train", 90), ("valid", 40), ("test", 30)):
            file[f"{group}/{names[0]}"], file[f"{group}/{names[1]}"] = values(rows), values(rows - 1)
    assert told(tmp_path / "a.h5") == [("row-count", "bad")] * 3


@pytest.mark.parametrize(("lacking", "findings"), [(None, []), (5, [("unpaired", "bad")])])
def test_a_group_of_columns_lacks_a_dataset(tmp_path, lacking, findings):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in ("positions", "actions"):
            file[name] = values(ROWS)
        for at in range(GROUPS):
            file[f"object_{at}/pose"] = values(ROWS)
            if at != lacking:
                file[f"object_{at}/velocity"] = values(ROWS, 6)
    assert told(tmp_path / "a.h5") == findings
