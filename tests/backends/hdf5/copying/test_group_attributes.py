"""A copy gives counted groups other numbers only where no attribute leads to them by the old ones."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

GROUPS = 12


def write(path, name="ep_{}", of_file=(), of_group=lambda at: {}):
    with h5py.File(path, "w") as file:
        for at in range(GROUPS):
            group = file.create_group(name.format(at))
            group["x"], group["y"] = np.random.default_rng(at).random((20 + at % 3, 4)), np.arange(20 + at % 3)
            group.attrs.update(id=at, **of_group(at))
        file[name.format(4)]["x"][3, 1] = np.nan
        file.attrs.update(total_episodes=GROUPS, **dict(of_file))
    return path


def copied(source):
    datacheck.rebuild(source, source.with_name("copy.h5"), drop_bad=True, workers=1)
    with h5py.File(source.with_name("copy.h5")) as file:
        assert sorted(it.attrs["id"] for it in file.values()) == list(range(GROUPS - 1))


LEADING = [
    {"test_episodes": [3, 7, 11]},
    {"order": '["ep_3", "ep_11"]'},
    {"best": "ep_11"},
]


@pytest.mark.parametrize("held", LEADING, ids=str)
def test_a_rebuild_stops_where_attributes_of_the_file_lead_to_groups(tmp_path, held):
    with pytest.raises(datacheck.UsageError, match="may lead to groups of / that get other numbers"):
        copied(write(tmp_path / "a.h5", of_file=held))


def test_groups_that_an_attribute_lists_by_name_keep_their_numbers(tmp_path):
    listed = {"names": [f"ep_{at}" for at in range(GROUPS)]}
    with pytest.raises(datacheck.UsageError, match="ep_11 would be looked for under another number"):
        copied(write(tmp_path / "a.h5", of_file=listed))


@pytest.mark.parametrize("name", ["index", "ep_id", "name"])
def test_a_rebuild_stops_where_groups_have_their_numbers_in_other_attributes(tmp_path, name):
    held = (lambda at: {name: f"ep_{at}"}) if name == "name" else (lambda at: {name: at})
    with pytest.raises(datacheck.UsageError, match=f"the attribute {name} of /ep_10 may lead to groups"):
        copied(write(tmp_path / "a.h5", of_group=held))


OTHERS = [
    {"version": "1.5"},
    {"text": "ep_3 was short"},
    {"shape": [3, 7]},
    {"test_loss": 7},
    {"text": "step_11"},
]


@pytest.mark.parametrize("held", OTHERS, ids=str)
@pytest.mark.parametrize("name", ["ep_{}", "{}"])
def test_a_rebuild_does_not_stop_for_other_attributes(tmp_path, name, held):
    copied(write(tmp_path / "a.h5", name, of_file=held, of_group=lambda at: {"seed": at, "subject_id": at}))
