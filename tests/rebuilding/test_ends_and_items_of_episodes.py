"""What a rebuild of few episodes says of the marks that end them, and of the list of them beside the file."""

import json

import h5py
import numpy as np
import pytest
from commanding import datacheck

LENGTHS = [30, 33, 36, 39]
ENDS = np.cumsum(LENGTHS) - 1


def steps(path, nan, flags=("terminals", "timeouts"), dtype=bool):
    rng, count = np.random.default_rng(0), sum(LENGTHS)
    with h5py.File(path, "w") as file:
        for name, width in {"observations": 11, "next_observations": 11, "actions": 3}.items():
            file[name] = rng.normal(size=(count, width)).astype("f4")
        file["rewards"] = rng.normal(size=count).astype("f4")
        for row in nan:
            file["rewards"][row] = np.nan
        for at, name in enumerate(flags):
            values = np.zeros(count, dtype)
            values[ENDS[at :: len(flags)]] = 1
            file[name] = values
    return path


@pytest.mark.parametrize(
    ("nan", "options"),
    [
        ([ENDS[1]], {}),
        ([ENDS[1], ENDS[1] - 1], {}),
        ([ENDS[0], ENDS[2]], {"flags": ["dones"], "dtype": "f4"}),
    ],
    ids=["one", "two", "numbers"],
)
def test_an_end_of_an_episode_that_goes_stops_a_rebuild(tmp_path, nan, options):
    path = steps(tmp_path / "a.hdf5", nan, **options)
    done = datacheck("rebuild", path, tmp_path / "b.hdf5", "--drop-bad")
    assert done.returncode == 2
    assert f"row {min(nan[:1])} of /" in done.stderr.replace(",", "")
    assert "run on into the next one" in done.stderr
    assert datacheck("rebuild", path, tmp_path / "b.hdf5", "--drop-bad", "--accept-losses").returncode == 0


@pytest.mark.parametrize(
    ("nan", "options"),
    [
        ([ENDS[1] - 1], {}),
        ([ENDS[1] + 1], {}),
        ([ENDS[3]], {}),
        ([*range(ENDS[0] + 1, ENDS[1] + 1)], {}),
        ([*range(ENDS[0] + 1)], {}),
        ([ENDS[1]], {"flags": ["done_rate"]}),
    ],
    ids=["before an end", "a beginning", "the last one", "a whole episode", "the first episode", "another name"],
)
def test_other_rows_go_as_before(tmp_path, nan, options):
    path = steps(tmp_path / "a.hdf5", nan, **options)
    assert datacheck("rebuild", path, tmp_path / "b.hdf5", "--drop-bad").returncode == 0
    with h5py.File(tmp_path / "b.hdf5") as copy:
        assert len(copy["rewards"]) == len(copy["actions"]) == sum(LENGTHS) - len(nan)


def trajectories(folder, episodes, name="trajectory.state.json"):
    folder.mkdir()
    with h5py.File(folder / "trajectory.state.h5", "w") as file:
        for at in range(6):
            rng = np.random.default_rng(at)
            actions = rng.normal(size=(20 + at, 4)).astype("f4")
            actions[3, 1] = np.nan if at == 4 else actions[3, 1]
            file[f"traj_{at}/actions"], file[f"traj_{at}/obs"] = actions, rng.normal(size=(21 + at, 9)).astype("f4")
    (folder / name).write_text(json.dumps({"env_info": {"env_id": "PickCube-v1"}, "episodes": episodes}))
    return folder


EPISODES = [{"episode_id": at, "elapsed_steps": 20 + at} for at in range(6)]


def test_a_list_of_few_episodes_stops_a_rebuild_of_its_folder(tmp_path):
    done = datacheck("rebuild", trajectories(tmp_path / "a", EPISODES), tmp_path / "b", "--drop-bad")
    assert done.returncode == 2
    assert "trajectory.state.json has 6 items" in done.stderr


def test_a_list_of_few_episodes_beside_a_file_is_named(tmp_path):
    source = trajectories(tmp_path / "a", EPISODES) / "trajectory.state.h5"
    done = datacheck("rebuild", source, tmp_path / "b.h5", "--drop-bad")
    assert done.returncode == 0
    assert "trajectory.state.json, beside the source, has 6 items" in done.stdout


@pytest.mark.parametrize(
    ("episodes", "name"),
    [(EPISODES[:5], "trajectory.state.json"), (EPISODES, "cameras.json"), ([*range(6)], "trajectory.state.json")],
    ids=["another number", "another name", "no mappings"],
)
def test_other_short_lists_stop_nothing(tmp_path, episodes, name):
    source = trajectories(tmp_path / "a", episodes, name)
    assert datacheck("rebuild", source, tmp_path / "b", "--drop-bad").returncode == 0
