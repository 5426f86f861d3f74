"""Numbers whose sum is nearly the number of rows of another dataset, but that do not divide it."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck.backends.hdf5.reader import Hdf5Reader

LENGTHS = np.random.default_rng(0).integers(5, 90, 50)
SUM = int(LENGTHS.sum())
ASPIRIN = np.array([6] * 9 + [8] * 4 + [1] * 8)


def told(path, rows, **others):
    forget_walks()
    with h5py.File(path, "w") as file:
        file["data"] = np.random.default_rng(1).normal(size=(rows, 3))
        for name, values in others.items():
            file[name] = values
    findings = Hdf5Reader(path, (path,)).layout().findings
    return [(it.code, it.verdict) for it in findings if it.code == "count"]


@pytest.mark.parametrize(
    ("rows", "others"),
    [
        (SUM + 49, {"lengths": LENGTHS}),  # a separator between any two
        (SUM + 51, {"lengths": LENGTHS}),
        (SUM + 21, {"counts": LENGTHS, "edges": np.linspace(-3, 3, 51)}),
        (100, {"atomic_number": ASPIRIN}),
        (440, {"episode_number": np.arange(30)}),
    ],
)
def test_these_have_no_finding(tmp_path, rows, others):
    assert told(tmp_path / "a.h5", rows, **others) == []


@pytest.mark.parametrize(
    ("rows", "others"),
    [
        (SUM + 1, {"lengths": LENGTHS}),
        (SUM + 48, {"lengths": LENGTHS}),
        (SUM + 21, {"counts": LENGTHS, "scores": np.linspace(-3, 3, 50)}),
        (SUM + 21, {"node_num": LENGTHS}),
    ],
)
def test_lengths_that_look_like_these_are_wrong(tmp_path, rows, others):
    assert told(tmp_path / "a.h5", rows, **others) == [("count", "bad")]


@pytest.mark.parametrize(("name", "found"), [("seq_len", [("count", "suspicious")]), ("frame_number", [])])
def test_lengths_in_order_may_be_wrong(tmp_path, name, found):
    numbers = np.arange(40) * 3 + 7
    assert told(tmp_path / "a.h5", int(numbers.sum()) - 30, **{name: numbers}) == found
