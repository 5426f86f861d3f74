"""Episodes that attributes count and number without a gap, as Minari has them: observations have one row more."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.errors import DatacheckError

EPISODES = 7


def write(path, nan=None, order=False, episodes=EPISODES, **attributes):
    r = np.random.default_rng(2)
    with h5py.File(path, "w", track_order=order) as file:
        for number in range(episodes):
            steps = 11 + number
            group = file.create_group(f"episode_{number}")
            group.attrs["id"], group.attrs["total_steps"] = number, steps
            for name in ("angle", "speed", "place", "goal", "touch", "light"):  # more of these than of the actions
                group[f"observations/{name}"] = r.normal(size=(steps + 1, 2))
            group["actions"], group["rewards"] = r.normal(size=(steps, 2)), r.normal(size=steps)
            group["terminations"] = np.arange(steps) == steps - 1
            if nan == number:
                group["rewards"][3] = np.nan
        file.attrs["total_episodes"], file.attrs["total_steps"] = episodes, sum(range(11, 11 + episodes))
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


def refused(source, **options):
    with pytest.raises(DatacheckError, match="episode_6 would be looked for under another number"):
        datacheck.rebuild(source, source.with_name("b.h5"), drop_bad=True, workers=1, **options)


def test_an_episode_that_keeps_its_number_does_not_without_a_word(tmp_path):
    source = write(tmp_path / "a.h5", nan=2)
    refused(source, renumber=False)
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, accept_losses=True, renumber=False, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert file.attrs["total_episodes"] == 6
        assert "episode_2" not in file


def minari_episodes(path):
    """Read episodes as Minari does: as many as are counted, by their numbers."""
    with h5py.File(path) as file:
        for number in range(file.attrs["total_episodes"]):
            group = file[f"episode_{number}"]
            assert (group.attrs["id"], group.attrs["total_steps"]) == (number, len(group["actions"]))
            yield {"actions": group["actions"][:], **{it: group["observations"][it][:] for it in group["observations"]}}


def copy_of(source, **options):
    receipt = datacheck.rebuild(source, source.with_name("copy.h5"), drop_bad=True, workers=1, **options)
    return source.with_name("copy.h5"), receipt


@pytest.mark.parametrize("order", [False, True], ids=["by name", "in the order of their making"])
@pytest.mark.parametrize("gone", [0, 2, 9])
def test_the_numbers_of_the_others_close_up(tmp_path, gone, order):
    source = write(tmp_path / "a.h5", nan=gone, order=order, episodes=13)
    episodes = [it for at, it in enumerate(minari_episodes(source)) if at != gone]
    copy, receipt = copy_of(source)
    for one, other in zip(episodes, minari_episodes(copy), strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[it], other[it]) for it in one)
    assert receipt.repairs.values["/: the numbers of its groups"] == "up to /episode_11"
    assert datacheck.scan(copy, workers=1).clean
    with h5py.File(copy) as file:
        assert list(file) == (sorted(file) if not order else [f"episode_{it}" for it in range(12)])


def test_what_refers_to_an_episode_leads_to_it_under_its_new_number(tmp_path):
    source = write(tmp_path / "a.h5", nan=2)
    with h5py.File(source, "a") as file:
        file.attrs["best"] = file["episode_5"].ref
    copy, _ = copy_of(source)
    with h5py.File(copy) as file:
        assert file[file.attrs["best"]].name == "/episode_4"


def test_groups_keep_their_numbers_where_something_leads_to_them_by_name(tmp_path):
    source = write(tmp_path / "a.h5", nan=2)
    with h5py.File(source, "a") as file:
        file["best"] = h5py.SoftLink("/episode_5")
    refused(source)
    with h5py.File(source, "a") as file:
        del file["best"]
        file["train"] = np.array([b"episode_%d" % it for it in range(EPISODES)])
    refused(source)


def test_groups_that_nothing_counts_close_up_where_it_is_asked_for(tmp_path):
    source = write(tmp_path / "a.h5", nan=2)
    with h5py.File(source, "a") as file:
        del file.attrs["total_episodes"]
    for renumber, numbers in ((None, [0, 1, 3, 4, 5, 6]), (True, [0, 1, 2, 3, 4, 5])):
        copy, _ = copy_of(source, renumber=renumber)
        with h5py.File(copy) as file:
            assert list(file) == [f"episode_{it}" for it in numbers]
        copy.unlink()
