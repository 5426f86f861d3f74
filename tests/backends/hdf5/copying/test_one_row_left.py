"""A table of bytes of which a rebuild leaves one row, beside another table."""

from __future__ import annotations

import h5py
import numpy as np

from datacheck import rebuild, scan
from datacheck.backends.hdf5.reader import Hdf5Reader


def tables(path):
    return {it.name: it.rows for it in Hdf5Reader.recognise(path).contents(0).tables}


def test_a_table_of_which_a_rebuild_leaves_one_row_is_still_one(tmp_path):
    path, copy = tmp_path / "store.h5", tmp_path / "copy.h5"
    with h5py.File(path, "w") as file:
        file["numbers"] = np.arange(20.0)
        lists = file.create_dataset("lists", (2,), h5py.vlen_dtype("f4"))
        lists[0], lists[1] = [1, 2, 3], [np.nan, 5]
    before = tables(path)
    assert before == {"/": 20, "/lists": 2}
    assert [it.key for it in scan(path, workers=1).findings if it.verdict == "bad"] in ([], ["/lists[1]"])
    rebuild(path, copy, drop=["/lists[1]"], workers=1)
    assert tables(copy) == {"/": 20, "/lists": 1}


def test_one_row_of_bytes_beside_a_table_is_none(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file["numbers"] = np.arange(20.0)
        file.create_dataset("pickled", (1,), h5py.vlen_dtype("u1"))[0] = [1, 2, 3]
    assert tables(path) == {"/": 20}
