"""A count above groups may be that of numbered groups inside them: the events of years."""

import h5py
import numpy as np
import pytest
from commanding import datacheck

YEARS = (range(8), range(8), (0, 1, 3, 4, 5, 6))
"""The events of each year; the years are taken for samples, since most of them hold the same datasets."""


def write(path, name, count):
    draw = np.random.default_rng(3)
    with h5py.File(path, "w") as file:
        for year, events in enumerate(YEARS):
            for event in events:
                group = file.create_group(f"year_{year}/event_{event}")
                group["w"], group["t"] = draw.random((6 + year, 3)), draw.random(6 + year)
        file.attrs[name] = count
    return path


def said(path):
    return [it for it in datacheck("scan", path).stdout.splitlines() if " says " in it]


@pytest.mark.parametrize("name", ["total", "num_episodes"])
def test_a_count_of_the_groups_inside_samples_is_true(tmp_path, name):
    assert said(write(tmp_path / "a.h5", name, 22)) == []


@pytest.mark.parametrize("name", ["total", "num_episodes"])
def test_a_count_of_nothing_that_is_there_is_not(tmp_path, name):
    assert len(said(write(tmp_path / "a.h5", name, 20))) == 1


def test_what_is_renumbered_is_listed_in_the_order_of_the_groups(tmp_path):
    draw = np.random.default_rng(3)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for year in range(6):
            for event in range(9):
                group = file.create_group(f"year_{year}/event_{event}")
                rows = 3 + (year + event) % 4
                group["w"], group["t"] = draw.random((rows, 3)), draw.random(rows)
            file[f"year_{year}/event_4/t"][0] = np.nan
    told = datacheck("rebuild", tmp_path / "a.h5", tmp_path / "b.h5", "--drop-bad", "--renumber")
    renumbered = [it for it in told.stdout.splitlines() if "the numbers of its groups" in it]
    assert [it.partition("/")[2][:6] for it in renumbered] == [f"year_{it}" for it in range(6)]


@pytest.mark.parametrize("name", ["total", "num_episodes"])
def test_a_copy_has_the_number_of_groups_that_are_left(tmp_path, name):
    with h5py.File(write(tmp_path / "a.h5", name, 22), "r+") as file:
        file["year_1/event_4/w"][2, 1] = np.nan
    datacheck("rebuild", tmp_path / "a.h5", tmp_path / "b.h5", "--drop-bad")
    with h5py.File(tmp_path / "b.h5") as copy:
        assert list(copy) == ["year_0", "year_2"]
        assert copy.attrs[name] == 14
