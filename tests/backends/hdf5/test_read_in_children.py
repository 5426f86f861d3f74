"""Rows of varying length after a death: a child tries many at a time, and the one that kills still has a name."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.values import window

ROWS = 600


@pytest.fixture
def signals(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        column = file.create_dataset("signal", (ROWS,), h5py.vlen_dtype(np.float32))
        for row in range(ROWS):
            column[row] = np.arange(1 + row % 5)
    with h5py.File(tmp_path / "a.h5") as file:
        yield file["signal"]


def read(handle, monkeypatch, kills=lambda rows: False):
    """Read row by row as after a death; return the window, and how many children there were."""
    made, fetched = [], []

    def in_child(deed):
        made.append(1)
        fetched.clear()
        deed()
        return "SIGSEGV" if any(map(kills, fetched)) else None

    dataset = Dataset(b"/signal", handle.shape, handle.dtype)
    it = window.Window(dataset, handle, 1, single=True)
    fetch = it._fetch
    monkeypatch.setattr(it, "_fetch", lambda where, rows: fetched.append(where.start) or fetch(where, rows))
    monkeypatch.setattr(window, "deadly_signal", in_child)
    lost = {}
    for row in range(ROWS):
        it.cover(row, ROWS)
        lost.update(it.lost)
    return lost, len(made)


def test_sound_rows_need_few_children(signals, monkeypatch):
    lost, children = read(signals, monkeypatch)
    assert not lost
    assert children < 20


@pytest.mark.parametrize("deadly", [0, 1, 77, ROWS - 1])
def test_the_row_that_kills_is_the_one_that_is_named(signals, monkeypatch, deadly):
    lost, _ = read(signals, monkeypatch, lambda row: row == deadly)
    assert min(lost) == deadly
    assert lost[deadly].code == "crash"


def test_no_row_is_bad_for_the_time_that_datacheck_takes_itself(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        values = np.random.default_rng(0).normal(size=(400, 200))
        file.create_dataset("x", data=values, compression="gzip", chunks=(10, 200))
    report = datacheck.scan(tmp_path / "a.h5", timeout=0.001, workers=1)
    assert [it for it in report.findings if it.verdict == "bad"] == []
