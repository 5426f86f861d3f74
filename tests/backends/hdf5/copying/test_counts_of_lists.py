"""Attributes that count the names in a list of samples are corrected when the list loses some."""

import h5py
import numpy as np
import pytest

import datacheck

RANDOM = np.random.default_rng(11)
COUNT, TRAIN, BAD = 20, 14, 3


@pytest.mark.parametrize("attribute", [True, False], ids=["an attribute", "a dataset"])
def test_the_count_of_a_list_is_true_in_the_copy(tmp_path, attribute):
    names = [f"subject{it:03}" for it in range(COUNT)]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at, name in enumerate(names):
            file[f"{name}/t1"] = np.where(at == BAD, np.nan, RANDOM.normal(size=(8, 9)))
        where = file.attrs if attribute else file
        where["train"] = names[:TRAIN]
        where["val"] = names[TRAIN:]
        file.attrs["num_train"], file.attrs["num_val"], file.attrs["num_layers"] = TRAIN, COUNT - TRAIN, TRAIN
        if not attribute:
            file["train"].attrs["count"] = TRAIN
    receipt = datacheck.rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, workers=1)
    assert receipt.written
    with h5py.File(tmp_path / "b.h5") as copy:
        assert len((copy.attrs if attribute else copy)["train"]) == TRAIN - 1
        assert {it: copy.attrs[f"num_{it}"] for it in ("train", "val", "layers")} == {
            "train": TRAIN - 1,
            "val": COUNT - TRAIN,
            "layers": TRAIN,
        }
        assert attribute or copy["train"].attrs["count"] == TRAIN - 1
