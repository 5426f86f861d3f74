"""Test that PyTables indexes with as many rows as their table do not prevent a rebuild; the copy has no indexes."""

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.errors import UsageError


def write(path, group):
    draw = np.random.default_rng(2)
    with h5py.File(path, "w") as file:
        file.attrs["PYTABLES_FORMAT_VERSION"] = np.bytes_("2.1")
        rows = np.zeros(200, [("index", "i8"), ("value", "f8")])
        rows["index"], rows["value"] = np.arange(200), draw.normal(size=200)
        rows["value"][70] = np.nan
        table = file.create_dataset("df/table", data=rows, chunks=(50,), maxshape=(None,))
        table.attrs["CLASS"], table.attrs["NROWS"] = np.bytes_("TABLE"), 200
        file[f"df/{group}/index/indicesLR"] = np.arange(200, dtype="u4")[::-1]
    return path


def test_a_copy_goes_without_the_index(tmp_path):
    path = write(tmp_path / "a.h5", "_i_table")
    datacheck.rebuild(path, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as copy:
        assert len(copy["df/table"]) == copy["df/table"].attrs["NROWS"] == 199
        assert "_i_table" not in copy["df"]
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean


def test_what_is_of_no_index_of_that_table_is_named(tmp_path):
    path = write(tmp_path / "a.h5", "_i_other")
    with pytest.raises(UsageError, match="indicesLR has as many rows"):
        datacheck.rebuild(path, tmp_path / "b.h5", drop_bad=True, workers=1)
