"""Test that the keys of dropped records are held in memory only if something in the store names records."""

import tracemalloc

import h5py
import numpy as np

import datacheck
from datacheck.rebuilding.choice import Choice
from datacheck.rebuilding.dropped_keys import DroppedKeys

ROWS = 2000


def test_going_through_them_holds_none(tmp_path):
    values = np.full((ROWS, 2), np.nan, "f4")
    values[0] = 1
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["data"] = values
    report = datacheck.scan(tmp_path / "rows.h5", workers=1)
    sum(1 for _ in report.findings)  # what reading the findings holds is not counted
    tracemalloc.start()
    try:
        dropped = DroppedKeys(Choice(drop_bad=True), report)
        assert sum(own for _, _, own in dropped) == ROWS - 1
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 20 * ROWS
    assert len(dropped.of("")) == ROWS - 1
