"""Test the states of transitions: one for each action, or one more for each episode."""

import h5py
import numpy as np
import pytest

import datacheck


def steps(path, states, *, ended=(), others=("actions", "rewards", "dones")):
    """Write 500 steps and some states; episodes end at the rows `ended`."""
    values = {
        "actions": np.random.default_rng(0).normal(size=(500, 2)),
        "rewards": np.random.default_rng(1).normal(size=500),
        "dones": np.isin(np.arange(500), ended),
        "timeouts": np.zeros(500, bool),
        "lengths": np.full(10, 50),
        "state_idx": np.minimum(np.arange(500), 479),
    }
    with h5py.File(path, "w") as file:
        file["states"] = np.random.default_rng(2).normal(size=(states, 4))
        for name in others:
            file[name] = values[name]
    return [(it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


@pytest.mark.parametrize(("states", "verdict"), [(480, "bad"), (499, "suspicious"), (520, "suspicious")])
def test_another_number_of_states_than_actions_is_found(tmp_path, states, verdict):
    assert steps(tmp_path / "a.h5", states) == [("row-count", verdict)]


@pytest.mark.parametrize(
    ("states", "options"),
    [
        (500, {}),
        (501, {}),
        (504, {"ended": (99, 199, 299, 499)}),
        (505, {"ended": (99, 199, 299, 399)}),
        (510, {"ended": range(49, 500, 50), "others": ("actions", "rewards", "dones", "timeouts")}),
        (100, {}),
        (510, {"others": ("actions", "rewards", "dones", "lengths")}),
        (480, {"others": ("actions", "rewards", "dones", "state_idx")}),
        (480, {"others": ("actions",)}),
    ],
)
def test_states_of_each_step_or_episode_are_sound(tmp_path, states, options):
    assert steps(tmp_path / "a.h5", states, **options) == []


def test_states_of_few_steps_are_compared_with_all_others(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at, name in enumerate(("actions", "forces", "poses", "touch", "states")):
            file[name] = np.random.default_rng(at).normal(size=(490 if name == "states" else 500, at + 2))
    found = datacheck.scan(tmp_path / "a.h5", workers=1).findings
    assert [(it.code, it.verdict) for it in found] == [("row-count", "suspicious")]
