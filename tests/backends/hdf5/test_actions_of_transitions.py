"""Actions that are fewer than the transitions, in the flat layout of D4RL."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck.backends.hdf5.reader import Hdf5Reader

N = 50


def told(path, **rows):
    forget_walks()
    with h5py.File(path, "w") as file:
        for name, count in rows.items():
            file[name] = np.random.default_rng(0).normal(size=(count, 3) if "ob" in name or "act" in name else count)
    return [(it.code, it.verdict) for it in Hdf5Reader(path, (path,)).layout().findings]


@pytest.mark.parametrize(
    ("rows", "findings"),
    [
        ({"observations": N, "actions": N - 1, "rewards": N, "next_observations": N}, [("row-count", "bad")]),
        ({"obs": N, "actions": N - 1, "rewards": N, "next_obs": N}, [("row-count", "bad")]),
        ({"observations": N, "actions": N - 1, "rewards": N}, [("row-count", "suspicious")]),
        ({"observations": N, "actions": N - 1, "rewards": N - 1}, []),
        ({"observations": N, "actions": N, "rewards": N, "next_observations": N}, []),
    ],
)
def test_an_observation_more_than_actions_is_the_last_one_unless_there_are_next_observations(tmp_path, rows, findings):
    assert told(tmp_path / "a.h5", **rows) == findings
