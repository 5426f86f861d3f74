"""Episodes that attributes count and number without a gap, as Minari has them: observations have one row more."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.errors import DatacheckError

EPISODES = 7


def write(path, nan=None, **attributes):
    r = np.random.default_rng(2)
    with h5py.File(path, "w") as file:
        for number in range(EPISODES):
            steps = 11 + number
            group = file.create_group(f"episode_{number}")
            group.attrs["id"], group.attrs["total_steps"] = number, steps
            for name in ("angle", "speed", "place", "goal", "touch", "light"):  # more of these than of the actions
                group[f"observations/{name}"] = r.normal(size=(steps + 1, 2))
            group["actions"], group["rewards"] = r.normal(size=(steps, 2)), r.normal(size=steps)
            group["terminations"] = np.arange(steps) == steps - 1
            if nan == number:
                group["rewards"][3] = np.nan
        file.attrs["total_episodes"], file.attrs["total_steps"] = EPISODES, sum(range(11, 11 + EPISODES))
        for name, value in attributes.items():
            file.attrs[name] = value
    return path


def said(path):
    return [(it.code, it.message) for it in datacheck.scan(path, workers=1).findings]


def test_a_row_more_of_the_observations_is_no_step(tmp_path):
    assert said(write(tmp_path / "a.h5")) == []


@pytest.mark.parametrize(
    ("name", "value", "there"), [("total_episodes", 9, "7 samples"), ("total_steps", 80, "98 rows")]
)
def test_counts_that_are_not_true_are_named(tmp_path, name, value, there):
    ((code, message),) = said(write(tmp_path / "a.h5", **{name: value}))
    assert code == "count"
    assert f"{name} says {value}, and there are {there}" in message


def test_steps_that_somebody_means_to_take_are_no_count(tmp_path):
    with h5py.File(write(tmp_path / "a.h5", total_steps=1_000_000), "a") as file:
        del file.attrs["total_episodes"]
    assert said(tmp_path / "a.h5") == []


def test_the_last_episode_goes_and_the_counts_with_it(tmp_path):
    datacheck.rebuild(write(tmp_path / "a.h5", nan=6), tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert len(file) == file.attrs["total_episodes"] == 6
        assert file.attrs["total_steps"] == sum(len(file[it]["actions"]) for it in file)
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean


def test_an_episode_before_others_does_not_go_without_a_word(tmp_path):
    source = write(tmp_path / "a.h5", nan=2)
    with pytest.raises(DatacheckError, match="episode_6 would be looked for under another number"):
        datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, accept_losses=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert file.attrs["total_episodes"] == 6
