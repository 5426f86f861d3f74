"""Samples in which one of two datasets was cut to the largest length, so that they differ by another number."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck.backends.hdf5.reader import Hdf5Reader


@pytest.mark.parametrize(("kept", "verdict"), [(102, "suspicious"), (101, "bad")])
def test_features_cut_to_the_largest_length_may_be_meant(tmp_path, kept, verdict):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at in range(12):
            residues = 160 if at == 5 else 67 + 3 * at
            tokens = kept if at == 5 else residues + 2
            file[f"P{at}/embeddings"] = np.random.default_rng(at).normal(size=(tokens, 4))
            file[f"P{at}/coords"] = np.random.default_rng(at).normal(size=(residues, 3))
    forget_walks()
    found = Hdf5Reader(tmp_path / "a.h5", (tmp_path / "a.h5",)).layout().findings
    assert [(it.code, it.verdict, it.details["sample"]) for it in found] == [("row-count", verdict, "/P5")]
