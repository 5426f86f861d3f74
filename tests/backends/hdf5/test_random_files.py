"""Random sound HDF5 files: what h5py reads is what datacheck reads, and the copy has all but the rows that went.

`benchmarks/agreement_hdf5.py` does this for as many seeds as there is time for.
"""

import h5py
import numpy as np
import pytest
from covering import seeds

from datacheck import rebuild, scan
from tests.hdf5_agreement import differences
from tests.hdf5_random import write


@pytest.mark.parametrize("seed", seeds(6))
def test_a_random_file_is_read_and_copied_as_h5py_reads_it(tmp_path, seed):
    plugins = seed % 2 == 1
    if plugins:
        pytest.importorskip("hdf5plugin")
    path = write(tmp_path / "store.h5", seed, plugins=plugins)
    assert list(differences(path, tmp_path, seed)) == []


def test_the_comparison_sees_a_value_that_differs(tmp_path, monkeypatch):
    path = write(tmp_path / "store.h5", 2)
    whole = np.concatenate
    monkeypatch.setattr("tests.hdf5_agreement.np.concatenate", lambda parts: whole(parts)[::-1].copy())
    assert any("is read otherwise" in it for it in differences(path, tmp_path, 2))


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("deep", [True, False])
def test_rows_leave_a_dataset_whose_names_were_not_made_in_their_order(tmp_path, tracked, deep):
    """The first of the sorted names of an object is that of its rows, the first that was made is another one."""
    path = tmp_path / "store.h5"
    with h5py.File(path, "w", track_order=tracked) as file:
        file.create_group("z", track_order=tracked)
        file["z/data"], file["z/weight"] = np.arange(6.0), np.array([1, 2, np.nan, 4, 5, 6])
        file["a/data" if deep else "a"] = file["z/data"]
        file["b"] = file["z/weight"]
        file["aim"] = file["z/data"].ref
    report = scan(path, workers=1)
    assert len(report.findings) == 1
    # in another group something has as many rows, and keeps them: that is a loss
    receipt = rebuild(path, tmp_path / "copy.h5", drop_bad=True, accept_losses=deep, workers=1)
    assert receipt.dropped == 1
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert copy["z/weight"][:].tolist() == copy["b"][:].tolist() == [1, 2, 4, 5, 6]
        shared = copy["a/data" if deep else "a"]
        assert shared == copy["z/data"] == copy[copy["aim"][()]]
        assert list(copy) == (["z", "a", "b", "aim"] if tracked else ["a", "aim", "b", "z"])
    assert scan(tmp_path / "copy.h5", workers=1).status == 0
