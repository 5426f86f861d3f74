"""A process that scans a file again after it was changed sees it as it is now."""

import h5py
import numpy as np

import datacheck


def test_an_attribute_that_was_added_meanwhile_is_heeded(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.random.default_rng(1).normal(size=(16, 4))
        file.create_dataset("words", data=["a"] * 16, dtype=h5py.string_dtype())  # so that the library opens it
        file["data"][3, 1] = np.nan
    assert [it.key for it in datacheck.scan(path, workers=1).findings] == ["/[3]"]
    with h5py.File(path, "a") as file:
        file["data"].attrs["_FillValue"] = np.nan
    assert [it.code for it in datacheck.scan(path, workers=1).findings] == []
    with h5py.File(path, "a") as file:
        del file["data"].attrs["_FillValue"]
        file["more"] = np.full((16, 3), np.inf)
    assert len([it for it in datacheck.scan(path, workers=1).findings if it.code == "inf"]) == 16
