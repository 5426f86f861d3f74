"""Hostile stores cost a bounded amount of work where datasets, files and tables are compared."""

import csv
import io
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck import open_store
from datacheck.backends.hdf5.folders import record_lists
from datacheck.backends.hdf5.formats import masked_values
from datacheck.backends.hdf5.references import positions
from datacheck.backends.hdf5.samples import told_apart


def test_a_row_that_never_ends_is_not_kept(monkeypatch):
    monkeypatch.setattr(record_lists, "LONGEST", 32)
    assert [*record_lists._rows(io.StringIO('a,"b\nc",d\n' * 20))] == [["a", "b\nc", "d"]] * 20
    with pytest.raises(csv.Error):
        [*record_lists._rows(io.StringIO('"a\n",' * 20))]


def test_no_values_are_sampled_that_are_larger_than_a_part(tmp_path, monkeypatch):
    """A sample of half a value would be whatever the memory held."""
    monkeypatch.setattr(masked_values, "BYTES", 1)
    monkeypatch.setattr(masked_values, "LARGEST", 1)
    monkeypatch.setattr(masked_values, "PART", 64)
    record = np.zeros((20, 4), [("x", "f4", 30), ("valid", "?")])
    record["valid"] = True
    record["x"][::3], record["valid"][::3] = np.nan, False
    shapes = []
    values_of_parts = masked_values.Looking.values_of_parts

    def counted(self, dataset, starts, shape):
        shapes.append(shape)
        return values_of_parts(self, dataset, starts, shape)

    monkeypatch.setattr(masked_values.Looking, "values_of_parts", counted)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"] = record
    forget_walks()
    open_store(tmp_path / "a.h5").layout_at_risk()
    assert shapes == [(1, 4)]


def test_few_wide_rows_tell_what_positions_are_of(tmp_path, monkeypatch):
    counts = []
    values_of_rows = positions.Looking.values_of_rows

    def counted(self, dataset, rows):
        counts.append(len(rows))
        return values_of_rows(self, dataset, rows)

    monkeypatch.setattr(positions.Looking, "values_of_rows", counted)
    monkeypatch.setattr(positions, "LARGEST", 3 * 20 * 4)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["input_ids"] = np.random.default_rng(0).integers(1, 999, (40, 128)).astype("i4")
        file["masked_lm_positions"] = np.random.default_rng(1).integers(0, 128, (40, 20)).astype("i4")
    forget_walks()
    open_store(tmp_path / "a.h5").layout_at_risk()
    assert counts == [3]


@pytest.mark.parametrize(("dtype", "scale"), [("f4", 3e38), ("f8", 1e308), ("f2", 6e4), ("f4", 0)])
def test_features_without_a_known_spread_have_no_mean_among_them(dtype, scale):
    """The numbers overflow, or there are none; neither is a warning of NumPy."""
    columns = 3 if scale else 0
    stored = (np.array([[0.7], [-1], [1], [-1], [0.5]]) * np.full((5, columns), scale)).astype(dtype)
    boxes = SimpleNamespace(rows=4, shape=(4, 4), dtype=np.dtype("f4"), name=b"boxes")
    features = SimpleNamespace(rows=5, shape=stored.shape, dtype=stored.dtype, name=b"features")
    assert not told_apart._begins_or_ends_with_mean(boxes, features, lambda _: stored)


def test_half_precision_features_may_end_with_their_mean():
    stored = np.random.default_rng(0).normal(size=(5, 3)).astype("f2") * np.float16(999)
    stored[-1] = stored[:-1].mean(axis=0, dtype="f8")
    boxes = SimpleNamespace(rows=4, shape=(4, 4), dtype=np.dtype("f4"), name=b"boxes")
    features = SimpleNamespace(rows=5, shape=stored.shape, dtype=stored.dtype, name=b"features")
    assert told_apart._begins_or_ends_with_mean(boxes, features, lambda _: stored)
