"""Axes of a grid and statistics of features, which may have any number of values beside each other."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

draw = np.random.default_rng(0)


def rows(path, columns):
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            file[f"group/{name}"] = values
    findings = datacheck.scan(path, workers=1).findings
    return [(it.code, it.verdict) for it in findings if it.code == "row-count"]


SOUND = {
    "axes": {**{it: np.linspace(0, 1, 100) for it in "xyz"}, "t": np.linspace(0, 5, 97)},
    "axes that fall": {**{it: np.linspace(1, 0, 100) for it in "xyz"}, "t": np.linspace(0, 5, 97)},
    "statistics": {
        "inputs": draw.normal(size=(60, 10)), "outputs": draw.normal(size=(60, 9)),
        "input_mean": draw.normal(size=10), "output_mean": draw.normal(size=9),
    },
}  # fmt: skip


@pytest.mark.parametrize("columns", SOUND.values(), ids=SOUND)
def test_axes_and_statistics_need_not_be_as_long(tmp_path, columns):
    assert rows(tmp_path / "a.h5", columns) == []


def test_events_that_are_in_time_order_are_no_axes(tmp_path):
    columns = {it: draw.integers(0, 90, 300) for it in "xy"} | {"t": np.arange(300), "p": draw.integers(0, 2, 290)}
    assert rows(tmp_path / "a.h5", columns) == [("row-count", "bad")]
