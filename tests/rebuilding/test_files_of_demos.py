"""Folders with files of many demonstrations that are named as one: LIBERO's tasks, ManiSkill's trajectory.h5."""

import json

import h5py
import numpy as np
import pytest

import datacheck


def write(path, groups, bad=None):
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for number, name in enumerate(groups):
            steps = 20 + number
            actions = rng.normal(size=(steps, 7))
            actions[3, 2] = np.nan if number == bad else 0
            file[f"{name}/actions"], file[f"{name}/obs/qpos"] = actions, rng.normal(size=(steps, 9))


def numbered(name, count=6):
    return [f"{name}_{at}" for at in range(count)]


@pytest.mark.parametrize(("file", "name"), [("trajectory.h5", "traj"), ("KITCHEN_SCENE1_demo.hdf5", "data/demo")])
def test_one_bad_demonstration_goes_alone(tmp_path, file, name):
    (tmp_path / "a").mkdir()
    write(tmp_path / "a" / file, numbered(name), bad=4)
    write(tmp_path / "a" / f"other_{file}", numbered(name))
    datacheck.rebuild(tmp_path / "a", tmp_path / "copy", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "copy" / file) as copy:
        assert len(copy[name.rpartition("/")[0] or "/"]) == 5


def numbered_files(count):
    return [f"episode_{at}.hdf5" for at in range(count)]


def test_a_file_of_one_episode_goes_as_a_whole(tmp_path):
    (tmp_path / "a").mkdir()
    for at in range(6):
        write(tmp_path / "a" / f"episode_{at}.hdf5", ["left", "right"], bad=0 if at == 3 else None)
    datacheck.rebuild(tmp_path / "a", tmp_path / "copy", drop_bad=True, workers=1)
    assert sorted(it.name for it in (tmp_path / "copy").iterdir()) == numbered_files(5)  # as a loader counts them


@pytest.mark.parametrize(("items", "stops"), [(20, True), (21, False)])
def test_a_list_of_all_trajectories_stops_a_copy_without_some(tmp_path, items, stops):
    """ManiSkill goes by the episodes in trajectory.json, and opens traj_4 for the one with the number 4."""
    (tmp_path / "a").mkdir()
    write(tmp_path / "a/trajectory.h5", numbered("traj", 20), bad=4)
    episodes = [{"episode_id": at, "success": True} for at in range(items)]
    (tmp_path / "a/trajectory.json").write_text(json.dumps({"env_info": {}, "episodes": episodes}))
    if stops:
        with pytest.raises(datacheck.UsageError, match=r"trajectory\.json has 20 items, which may be of the samples"):
            datacheck.rebuild(tmp_path / "a", tmp_path / "copy", drop_bad=True, workers=1)
    else:
        assert datacheck.rebuild(tmp_path / "a", tmp_path / "copy", drop_bad=True, workers=1).dropped
