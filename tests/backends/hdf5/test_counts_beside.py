"""Counts of the episodes of an HDF5 file that stand in a JSON file beside it, as Minari 0.5 has them."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

import datacheck

EPISODES = 12


def write(folder, nan=None, **counts):
    folder.mkdir(parents=True)
    r, total = np.random.default_rng(2), 0
    with h5py.File(folder / "main_data.hdf5", "w") as file:
        for number in range(EPISODES):
            steps = 11 + number
            total += steps
            group = file.create_group(f"episode_{number}")
            group.attrs["id"], group.attrs["total_steps"] = number, steps
            group["observations"], group["actions"] = r.normal(size=(steps + 1, 4)), r.normal(size=(steps, 2))
            group["rewards"], group["terminations"] = r.normal(size=steps), np.arange(steps) == steps - 1
            group.create_group("infos")
            if nan == number:
                group["rewards"][3] = np.nan
    text = {"dataset_id": "mujoco/reacher-v0", "total_episodes": EPISODES, "total_steps": total, "dataset_size": 0.1}
    (folder / "metadata.json").write_text(json.dumps({**text, **counts}))
    return folder


def episodes(folder):
    """Read a dataset as Minari does: as many episodes as the metadata count, by their numbers."""
    counts = json.loads((folder / "metadata.json").read_text())
    made = []
    with h5py.File(folder / "main_data.hdf5") as file:
        for number in range(counts["total_episodes"]):
            group = file[f"episode_{number}"]
            assert group.attrs["id"] == number
            assert group.attrs["total_steps"] == len(group["actions"]) == len(group["observations"]) - 1
            made.append(group["actions"][:])
    assert counts["total_steps"] == sum(map(len, made))
    return made


def said(folder):
    return [(it.code, it.verdict, it.message) for it in datacheck.scan(folder, workers=1).findings]


def test_sound_counts_are_clean(tmp_path):
    assert said(write(tmp_path / "data")) == []
    assert said(write(tmp_path / "b" / "data").parent) == []


@pytest.mark.parametrize(
    ("name", "value", "verdict", "there"),
    [
        ("total_episodes", 13, "bad", "12 samples"),
        ("total_steps", 200, "bad", "198 rows in all samples together"),
        ("total_episodes", 40, "suspicious", "12 samples"),
    ],
)
def test_counts_that_are_not_true_are_named(tmp_path, name, value, verdict, there):
    text = f"metadata.json: {name} says {value}, and there are {there}"
    assert said(write(tmp_path / "data", **{name: value})) == [("count", verdict, text)]


@pytest.mark.parametrize("gone", [0, 5, 11])
@pytest.mark.parametrize("below", ["", "data"])
def test_a_copy_is_read_as_its_metadata_say(tmp_path, gone, below):
    write(tmp_path / "source" / below, nan=gone)
    before = [it for at, it in enumerate(episodes(tmp_path / "source" / below)) if at != gone]
    text = (tmp_path / "source" / below / "metadata.json").read_bytes()
    datacheck.rebuild(tmp_path / "source", tmp_path / "copy", drop_bad=True, workers=1)
    after = episodes(tmp_path / "copy" / below)
    assert len(after) == EPISODES - 1
    assert all(np.array_equal(*its) for its in zip(before, after, strict=True))
    assert said(tmp_path / "copy") == []
    assert (tmp_path / "source" / below / "metadata.json").read_bytes() == text


OTHERS = {
    "of a model": '{"total_steps": 1000000}',
    "no object": "[1, 2]",
    "no JSON": "total_episodes: 9",
    "other types": '{"total_episodes": "many", "total_steps": 1.5}',
    "twice": '{"total_episodes": 9, "parts": [{"total_episodes": 9}]}',
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_count_nothing(tmp_path, name):
    folder = write(tmp_path / "data", nan=2)
    (folder / "metadata.json").write_text(OTHERS[name])
    assert [it[0] for it in said(folder)] == ["nan"]
    datacheck.rebuild(folder, tmp_path / "copy", drop_bad=True, workers=1)
    assert (tmp_path / "copy" / "metadata.json").read_text() == OTHERS[name]


def test_what_counts_the_episodes_of_several_files_is_not_of_one(tmp_path):
    folder = write(tmp_path / "data")
    (folder / "other.hdf5").write_bytes((folder / "main_data.hdf5").read_bytes())
    assert said(folder) == []


def test_a_copy_without_a_step_has_true_counts_and_needs_leave_for_the_observations(tmp_path):
    order = {"drop_bad": True, "drop_rows": True, "workers": 1}
    write(tmp_path / "source", nan=5)
    with pytest.raises(datacheck.UsageError, match="/episode_5/observations has a row for each step"):
        datacheck.rebuild(tmp_path / "source", tmp_path / "copy", **order)
    datacheck.rebuild(tmp_path / "source", tmp_path / "copy", accept_losses=True, **order)
    before, after = (json.loads((tmp_path / it / "metadata.json").read_text()) for it in ("source", "copy"))
    assert after == before | {"total_steps": before["total_steps"] - 1}
    text = "/episode_5: actions has 15 rows and observations 17; in the others observations has 1 more than actions"
    assert said(tmp_path / "copy") == [("row-count", "bad", text)]


OF_OTHERS = ['{"total_episodes": 12, "total": 300}', '{"num_episodes": 500, "total_steps": 900000}']


@pytest.mark.parametrize("text", OF_OTHERS)
def test_numbers_that_may_count_something_else_stay_in_a_copy(tmp_path, text):
    folder = write(tmp_path / "source", nan=5)
    (folder / "metadata.json").write_text(text)
    datacheck.rebuild(folder, tmp_path / "copy", drop_bad=True, workers=1)
    before, after = json.loads(text), json.loads((tmp_path / "copy" / "metadata.json").read_text())
    assert after == before | ({"total_episodes": 11} if "total_episodes" in before else {})


def test_counts_behind_a_link_are_made_true_where_they_stand(tmp_path):
    folder = write(tmp_path / "data", nan=5)
    (folder / "metadata.json").rename(folder / "v2.json")
    (folder / "metadata.json").symlink_to("v2.json")
    before = (folder / "v2.json").read_bytes()
    receipt = datacheck.rebuild(folder, tmp_path / "copy", drop_bad=True, workers=1)
    assert receipt.written
    assert len(episodes(tmp_path / "copy")) == EPISODES - 1
    assert (tmp_path / "copy" / "metadata.json").is_symlink()
    assert (folder / "v2.json").read_bytes() == before


def test_counts_behind_a_link_out_of_the_folder_are_checked_and_no_copy_says_that_it_changed_them(tmp_path):
    folder = write(tmp_path / "data", nan=5, total_episodes=EPISODES + 1)
    (folder / "metadata.json").rename(tmp_path / "elsewhere.json")
    (folder / "metadata.json").symlink_to("../elsewhere.json")
    before = (tmp_path / "elsewhere.json").read_bytes()
    assert ("count", "bad") in [it[:2] for it in said(folder)]
    receipt = datacheck.rebuild(folder, tmp_path / "copy", drop_bad=True, workers=1, accept_losses=True)
    assert receipt.written
    assert "metadata.json" not in str(receipt.repairs)
    assert (tmp_path / "elsewhere.json").read_bytes() == before
