"""Test that a receipt lists what a copy of HDF5 samples has corrected: counts, lists of names, numbers of rows."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from datacheck import rebuild
from datacheck.rebuilding.receipt import repairs_text
from tests.hdf5_cells import write_anndata, write_tenx

MATRICES = ("X", "layers/counts", "obsp/near", "raw/X")


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


def test_the_height_of_a_table_is_listed(tmp_path):
    rows = np.zeros(60, [("index", "i8"), ("value", "f8")])
    rows["index"], rows["value"] = np.arange(60), np.random.default_rng(8).normal(size=60)
    rows["value"][17] = np.nan
    for name, said in (("a", {"/df/table: NROWS": "59"}), ("plain", {})):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            table = file.create_dataset("df/table", data=rows, chunks=(20,), maxshape=(None,))
            if said:
                file.attrs["PYTABLES_FORMAT_VERSION"] = np.bytes_("2.1")
                table.attrs["CLASS"], table.attrs["NROWS"] = np.bytes_("TABLE"), 60
        receipt = rebuild(tmp_path / f"{name}.h5", tmp_path / f"{name}-copy.h5", drop_bad=True, workers=1)
        assert (receipt.dropped, receipt.repairs.values if said else {}) == (1, said)


@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_the_extents_of_matrices_of_cells_are_listed(tmp_path, kind):
    def spoil(file):
        file["obs/depth"][11] = np.nan

    write_anndata(tmp_path / "a.h5ad", kind, change=spoil)
    receipt = rebuild(tmp_path / "a.h5ad", tmp_path / "b.h5ad", drop_bad=True, workers=1)
    listed = {name: value for name, value in receipt.repairs.values.items() if name.endswith(": shape")}
    assert listed == {
        "/X: shape": "39 x 12",
        "/layers/counts: shape": "39 x 12",
        "/obsp/near: shape": "39 x 39",
        "/raw/X: shape": "39 x 17",
    }
    with h5py.File(tmp_path / "b.h5ad") as copy:
        assert {f"/{name}: shape": " x ".join(map(str, copy[name].attrs["shape"])) for name in MATRICES} == listed


def test_the_extent_of_a_matrix_that_keeps_it_as_a_dataset_is_listed(tmp_path):
    def spoil(file):
        file["matrix/data"][5] = np.nan

    write_tenx(tmp_path / "a.h5", change=spoil)
    receipt = rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, workers=1)
    assert receipt.repairs.values["/matrix/shape"] == "20 x 29"
    with h5py.File(tmp_path / "b.h5") as copy:
        assert copy["matrix/shape"][:].tolist() == [20, 29]
