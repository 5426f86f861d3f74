"""Test matrices with wrong row pointers: a rebuild drops no cell, since nothing tells which values belong to which."""

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.errors import RebuildFailed

DRAW = np.random.default_rng(12)


def write(path, change):
    """Write a 10x file with a NaN in one of its 60 cells, and with another change."""
    held = DRAW.random((60, 25)) < 0.2
    with h5py.File(path, "w") as file:
        of = file.create_group("matrix")
        of["data"], of["indices"] = DRAW.random(held.sum()) + 1, np.nonzero(held)[1]
        of["indptr"] = np.concatenate([[0], np.cumsum(held.sum(1))])
        of["shape"], of["barcodes"] = np.array([25, 60]), np.array([b"ACGT%04d-1" % it for it in range(60)])
        of["data"][40] = np.nan
        change(of)
    return path


def falling(of):
    of["indptr"][10] = of["indptr"][12] + 1


def beyond(of):
    of["indptr"][60] += 5


def early(of):
    of["indptr"][0] = -4


def longer(of):
    held = of["data"][:]
    del of["data"]
    of["data"] = np.append(held, [1.0, 2.0])


@pytest.mark.parametrize("change", [falling, beyond, early, longer])
def test_no_cell_is_taken_out_by_wrong_pointers(tmp_path, change):
    path = write(tmp_path / "a.h5", change)
    with pytest.raises(RebuildFailed, match="nothing tells which values a cell has"):
        datacheck.rebuild(path, tmp_path / "b.h5", drop_bad=True, workers=1)
    assert not (tmp_path / "b.h5").exists()


def test_a_cell_is_taken_out_by_right_ones_though_a_cell_is_empty(tmp_path):
    def empty(of):
        held = of["indptr"][:]
        low, high = held[30], held[31]
        for name in ("data", "indices"):
            values = np.delete(of[name][:], np.arange(low, high))
            del of[name]
            of[name] = values
        held[31:] -= high - low
        of["indptr"][...] = held

    path = write(tmp_path / "a.h5", empty)
    datacheck.rebuild(path, tmp_path / "b.h5", drop_bad=True, workers=1)
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean
    with h5py.File(tmp_path / "b.h5") as copy:
        assert list(copy["matrix/shape"]) == [25, 59]
        assert len(copy["matrix/indptr"]) == 60
