"""Samples in which two datasets differ by another number of rows than in the others, as one was cut or is too short."""

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


@pytest.mark.parametrize(("name", "findings"), [("actions", [("row-count", "bad")]), ("cell", [])])
def test_equally_long_episodes_have_one_more_observation(tmp_path, name, findings):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at in range(12):
            file[f"episode_{at}/obs"] = np.random.default_rng(at).normal(size=(21 if at != 5 else 20, 4))
            file[f"episode_{at}/{name}"] = np.random.default_rng(at).normal(size=(20, 3))
    forget_walks()
    found = Hdf5Reader(tmp_path / "a.h5", (tmp_path / "a.h5",)).layout().findings
    assert [(it.code, it.verdict) for it in found] == findings
