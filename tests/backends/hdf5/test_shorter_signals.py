"""Datasets that are a signal each may be shorter than the others; features of another number are bad."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT, ODD = 40, 9
SHAPES = {
    "a flat signal": (lambda _: (1600,), (1400,), "suspicious"),
    "channels by time": (lambda _: (6, 500), (6, 321), "suspicious"),
    "an embedding": (lambda _: (64,), (60,), "bad"),
    "bands of a spectrogram": (lambda number: (100 + number, 80), (107, 64), "bad"),
}


@pytest.mark.parametrize(("shape", "odd", "verdict"), SHAPES.values(), ids=SHAPES)
def test_a_signal_may_be_shorter(tmp_path, shape, odd, verdict):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(COUNT):
            size = odd if number == ODD else shape(number)
            file[f"clip_{number}"] = np.random.default_rng(number).normal(size=size).astype("f4")
    found = [(it.key, it.code, it.verdict) for it in datacheck.scan(tmp_path / "a.h5", workers=1).findings]
    assert found == [(f"/clip_{ODD}", "shape", verdict)]
