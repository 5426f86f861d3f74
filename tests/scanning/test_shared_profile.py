"""Test that the probes of tables are shared among workers, with the same profile as by one, whatever dies."""

import h5py
import numpy as np
import pytest
from inline_pool import Inline

from datacheck.backends import open_store
from datacheck.backends.hdf5 import tables
from datacheck.scanning.profile.probing import take_profile

ROWS = 64 * 40
SHARED = 3


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Return a reader of a table with as many shards as a large one has."""
    monkeypatch.setattr(tables, "SHARD_ROWS", ROWS // 8)
    chance = np.random.default_rng(15)
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["data"] = chance.normal(3, 2, (ROWS, 3, 4)).astype(np.float32)
        file["label"] = np.arange(ROWS) % 10
    return open_store(tmp_path / "rows.h5")


def taken(reader, dies=lambda note: False, count=SHARED):
    pool = Inline(reader, dies, count=count)
    return take_profile(pool, reader.layout()), pool


class Once:
    """Dies of the first note about the probe `number`, and of no other."""

    def __init__(self, number):
        self.number, self.died = number, False

    def __call__(self, note):
        dies = not self.died and note[1] == self.number
        self.died |= dies
        return dies


def test_the_profile_is_the_same_whoever_takes_it(store):
    (alone, one), (shared, three) = taken(store, count=1), taken(store)
    assert shared == alone
    assert (one.tasks, three.tasks) == (1, SHARED + 1)
    assert alone.profile.families["/"].sampled > 200


@pytest.mark.parametrize("number", [0, 30, 63])
def test_a_death_loses_nothing_but_time(store, number):
    result, pool = taken(store, Once(number))
    assert result.profile == taken(store, count=1)[0].profile
    assert (result.left, pool.tasks) == ((), SHARED + 1)


def test_what_kills_again_is_left_out_and_named(store):
    result, _ = taken(store, lambda note: note[1] == 30)
    alone, _ = taken(store, lambda note: note[1] == 30, count=1)
    assert result == alone
    assert [it.probe for it in result.left] == [30]


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("numbers", [{3, 25, 50}, set(range(0, 64, 6))], ids=["few", "many"])
def test_several_deaths_leave_out_what_they_do_with_one_worker(store, numbers, count):
    shared, _ = taken(store, lambda note: note[1] in numbers, count=count)
    alone, _ = taken(store, lambda note: note[1] in numbers, count=1)
    assert shared == alone


def test_records_that_are_no_rows_are_not_shared(tmp_path):
    with h5py.File(tmp_path / "samples.h5", "w") as file:
        for number in range(200):
            file[f"sample_{number:03}"] = np.full((5 + number % 7, 3), number / 7)
    reader = open_store(tmp_path / "samples.h5")
    assert not reader.layout().tables
    _, pool = taken(reader)
    assert pool.tasks == 1
