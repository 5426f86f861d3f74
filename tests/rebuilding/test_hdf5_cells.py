"""Test cells of sparse matrices: a bad value is named by its cell, and a cell is dropped from all that hold it."""

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.errors import UsageError
from tests.hdf5_cells import load, put_sparse, unpacked, write_anndata, write_tenx

BY_CELL = ("X", "layers/counts", "layers/scaled", "obsm/X_pca", "raw/X", "obs/name", "obs/depth", "obs/kind/codes")
BY_PAIR = ("obsp/near", "obsp/far")


def spoil(path, row, column, value=np.nan):
    """Return a function that sets a stored value of a sparse matrix."""

    def change(file):
        group = file[path]
        by_row = group.attrs["encoding-type"] == "csr_matrix"
        between, along = (row, column) if by_row else (column, row)
        low, high = group["indptr"][between : between + 2]
        at = low + int(np.flatnonzero(group["indices"][low:high] == along)[0])
        group["data"][at] = value

    return change


def stored_column(path, row):
    """Return a column in which a sparse matrix of the sound file stores a value of this row."""
    with h5py.File(path) as file:
        return int(np.flatnonzero(load(file["X"])[row])[1])


def assert_without(copy, source, gone):
    with h5py.File(copy) as file, h5py.File(source) as was:
        left = np.delete(np.arange(len(was["obs/name"])), gone)
        for name in BY_CELL:
            before = load(was[name]) if name in ("X", "layers/counts", "raw/X") else was[name][:]
            after = load(file[name]) if name in ("X", "layers/counts", "raw/X") else file[name][:]
            assert np.array_equal(after, before[left]), name
        for name in BY_PAIR:
            assert np.array_equal(load(file[name]), load(was[name])[left][:, left]), name
        for name in ("var/mean", "varm/PCs", "uns/variance", "obs/kind/categories"):
            assert np.array_equal(file[name][:], was[name][:])
        assert dict(file["X"].attrs)["encoding-type"] == was["X"].attrs["encoding-type"]


@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_sound_cells_are_clean(tmp_path, kind):
    assert datacheck.scan(write_anndata(tmp_path / "a.h5ad", kind), workers=1).clean


@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_a_bad_count_is_named_by_its_cell_and_goes_with_it(tmp_path, kind):
    column = stored_column(write_anndata(tmp_path / "s.h5ad", kind), 9)
    source = write_anndata(tmp_path / "a.h5ad", kind, change=spoil("X", 9, column))
    (finding,) = datacheck.scan(source, workers=1).findings
    assert finding.code == "nan"
    assert finding.message.endswith(f"in cell 9 (cell9), at {column}")
    assert (finding.details["cell"], finding.details["name"]) == (9, "cell9")
    datacheck.rebuild(source, tmp_path / "b.h5ad", drop_bad=True, workers=1, quarantine=tmp_path / "q")
    assert_without(tmp_path / "b.h5ad", source, [9])
    assert datacheck.scan(tmp_path / "b.h5ad", workers=1).clean


@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_first_and_last_cells_and_empty_ones_go(tmp_path, kind):
    def change(file):
        for name in ("X", "layers/counts"):
            kept = load(file[name])
            kept[[0, 1, 17]] = 0
            del file[name]
            put_sparse(file, name, kept, kind)
        file["obs/depth"][[0, 17, 39]] = np.inf

    source = write_anndata(tmp_path / "a.h5ad", kind, change=change)
    datacheck.rebuild(source, tmp_path / "b.h5ad", drop_bad=True, workers=1)
    assert_without(tmp_path / "b.h5ad", source, [0, 17, 39])
    assert datacheck.scan(tmp_path / "b.h5ad", workers=1).clean


def test_bad_values_of_several_matrices_are_of_their_cells(tmp_path):
    def change(file):
        file["layers/scaled"][3, 2] = np.nan
        file["obsp/far"][5, 7] = np.nan
        group = file["obsp/near"]
        group["data"][int(group["indptr"][8])] = np.inf

    source = write_anndata(tmp_path / "a.h5ad", change=change)
    datacheck.rebuild(source, tmp_path / "b.h5ad", drop_bad=True, workers=2)
    assert_without(tmp_path / "b.h5ad", source, [3, 5, 8])


def test_as_many_values_as_pointers_are_no_table_with_them(tmp_path):
    def change(file):
        full = np.zeros((40, 12), "f4")
        full[np.arange(40), np.arange(40) % 12] = 1.5
        full[4, 9] = np.nan
        del file["X"]
        put_sparse(file, "X", full)

    source = write_anndata(tmp_path / "a.h5ad", change=change)
    (finding,) = datacheck.scan(source, workers=1).findings
    assert finding.details["cell"] == 4
    datacheck.rebuild(source, tmp_path / "b.h5ad", drop_bad=True, workers=1)
    assert_without(tmp_path / "b.h5ad", source, [4])


def move_pointer(file):
    file["X/indptr"][5] = file["X/indptr"][7]


def point_beyond(file):
    file["X/indices"][11] = 12


def say_more_cells(file):
    file["X"].attrs["shape"] = [41, 12]


def lose_values(file):
    file["X/data"].resize(100, axis=0)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (move_pointer, {"dangling"}),
        (point_beyond, {"dangling"}),
        (say_more_cells, {"count"}),
        (lose_values, {"row-count", "dangling"}),
    ],
)
def test_pointers_indices_and_extents_fit_each_other(tmp_path, change, wanted):
    report = datacheck.scan(write_anndata(tmp_path / "a.h5ad", change=change), workers=1)
    assert set(report.counts) == wanted
    assert report.status == 1


def test_a_cell_with_an_index_beyond_the_matrix_goes(tmp_path):
    source = write_anndata(tmp_path / "a.h5ad", change=point_beyond)
    (finding,) = datacheck.scan(source, workers=1).findings
    assert finding.key == "/X/data[11]"
    datacheck.rebuild(source, tmp_path / "b.h5ad", drop_bad=True, workers=1)
    assert datacheck.scan(tmp_path / "b.h5ad", workers=1).clean
    with h5py.File(tmp_path / "b.h5ad") as file:
        assert load(file["X"]).shape == (39, 12)


def test_a_bad_gene_stops_it(tmp_path):
    def change(file):
        file["var/mean"][4] = np.nan

    source = write_anndata(tmp_path / "a.h5ad", change=change)
    with pytest.raises(UsageError, match="the matrices have a column for each row of /var"):
        datacheck.rebuild(source, tmp_path / "b.h5ad", drop_bad=True, workers=1)


def test_what_else_has_a_row_a_cell_stops_it(tmp_path):
    def change(file):
        file["uns/scores"] = np.arange(40.0)
        file["obs/depth"][2] = np.nan

    source = write_anndata(tmp_path / "a.h5ad", change=change)
    with pytest.raises(UsageError, match="/uns/scores has as many rows"):
        datacheck.rebuild(source, tmp_path / "b.h5ad", drop_bad=True, workers=1)


def test_as_many_genes_as_cells_are_told_apart(tmp_path):
    source = write_anndata(tmp_path / "a.h5ad", "csc", cells=12, genes=12, change=spoil_first)
    datacheck.rebuild(source, tmp_path / "b.h5ad", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5ad") as file, h5py.File(source) as was:
        assert np.array_equal(load(file["X"]), load(was["X"])[1:])
        assert len(file["var/mean"]) == 12


def spoil_first(file):
    file["obs/depth"][0] = np.nan


def test_a_cell_of_a_10x_file_goes(tmp_path):
    def change(file):
        file["matrix/data"][int(file["matrix/indptr"][6])] = np.nan

    source = write_tenx(tmp_path / "a.h5", change=change)
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.details["cell"], finding.details["name"]) == (6, "AAAC006-1")
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean
    with h5py.File(tmp_path / "b.h5") as file, h5py.File(source) as was:
        assert file["matrix/shape"][:].tolist() == [20, 29]
        assert file["matrix/barcodes"][:].tolist() == [it for it in was["matrix/barcodes"][:] if it != b"AAAC006-1"]
        before = np.delete(unpacked(was["matrix"], (30, 20)), 6, axis=0)
        assert np.array_equal(unpacked(file["matrix"], (29, 20)), before)


def test_sound_10x_is_clean(tmp_path):
    assert datacheck.scan(write_tenx(tmp_path / "a.h5"), workers=1).clean
    assert datacheck.scan(write_tenx(tmp_path / "b.h5", cells=20, genes=20), workers=1).clean


def test_cells_with_nothing_but_names_and_a_matrix_by_column(tmp_path):
    def change(file):
        for name in ("layers", "obsm", "obsp", "raw", "obs/depth", "obs/kind", "varm", "uns", "var/mean"):
            del file[name]
        file["X/data"][[5, 6]] = np.nan

    source = write_anndata(tmp_path / "a.h5ad", "csc", change=change)
    gone = [it.details["cell"] for it in datacheck.scan(source, workers=1).findings]
    datacheck.rebuild(source, tmp_path / "b.h5ad", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5ad") as file, h5py.File(source) as was:
        left = np.delete(np.arange(40), gone)
        assert np.array_equal(load(file["X"]), load(was["X"])[left])
        assert file["obs/name"][:].tolist() == was["obs/name"][:][left].tolist()
