"""A receipt lists what a copy of HDF5 samples has made true: counts, lists of names, numbers of rows."""

from __future__ import annotations

import h5py
import numpy as np

from datacheck import rebuild
from datacheck.rebuilding.receipt import repairs_text


def robomimic(path, total=None, nan=True):
    draw = np.random.default_rng(6)
    names = [f"demo_{number}" for number in range(8)]
    with h5py.File(path, "w") as file:
        for number, name in enumerate(names):
            actions = draw.normal(size=(10 + number, 7))
            if nan and number == 3:
                actions[4, 2] = np.nan
            file[f"data/{name}/actions"], file[f"data/{name}/obs/pos"] = actions, draw.normal(size=(10 + number, 3))
            file[f"data/{name}"].attrs["num_samples"] = 10 + number
        file["data"].attrs["total"] = sum(10 + it for it in range(8)) if total is None else total
        file["mask/train"] = np.array(names[:6], "S")
        file["mask/valid"] = np.array(names[6:], "S")
    return path


def test_counts_and_masks_without_an_episode_are_listed(tmp_path):
    receipt = rebuild(robomimic(tmp_path / "a.hdf5"), tmp_path / "b.hdf5", drop_bad=True, workers=1)
    assert receipt.samples == ["/data/demo_3"]
    assert (receipt.repairs.values, receipt.repairs.lists) == ({"/data: total": "95"}, ("/mask/train",))
    with h5py.File(tmp_path / "b.hdf5") as copy:
        assert copy["data"].attrs["total"] == 95
    assert list(repairs_text(receipt)) == ["rewritten: /data: total, as 95", "rewritten: the keys in /mask/train"]


def test_a_step_that_goes_is_in_the_counts_that_are_listed(tmp_path):
    receipt = rebuild(robomimic(tmp_path / "a.hdf5"), tmp_path / "b.hdf5", drop_bad=True, drop_rows=True, workers=1)
    assert receipt.repairs.values == {"/data/demo_3: num_samples": "12", "/data: total": "107"}
    assert receipt.repairs.lists == ()


def test_a_count_that_was_never_true_is_listed_where_nothing_goes(tmp_path):
    source = robomimic(tmp_path / "a.hdf5", total=7, nan=False)
    receipt = rebuild(source, tmp_path / "b.hdf5", drop_bad=True, workers=1)
    assert (receipt.dropped, receipt.repairs.values) == (0, {"/data: total": "108"})


def test_numbers_of_rows_are_listed(tmp_path):
    data = np.random.default_rng(7).normal(size=(40, 3))
    data[13, 1] = np.nan
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data/state"], file["meta/episode_ends"] = data, np.array([10, 20, 30, 40])
    receipt = rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, workers=1)
    assert receipt.repairs.values == {"/meta/episode_ends": "numbers of the rows of the copy"}
    with h5py.File(tmp_path / "b.h5") as copy:
        assert copy["meta/episode_ends"][:].tolist() == [10, 20, 30]
