"""Datasets that are pieces of one set of samples: batches, buckets, shards by number."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck


def write(path, count, *, name="bucket{}", labels=None, lengths=20, whole=False):
    rng = np.random.default_rng(3)
    with h5py.File(path, "w") as file:
        for at in range(count):
            rows = lengths if isinstance(lengths, int) else lengths[at % len(lengths)]
            values = rng.normal(size=(rows, 3, 5)).astype("f4")
            values[4, 0, 0] = np.nan if at == 1 else 0
            file[name.format(at)] = values
            if labels:
                file[labels.format(at)] = np.arange(rows) % 3
        if whole:
            file["y"] = np.arange(lengths) % 3
    return path


def rows(path):
    with h5py.File(path) as file:
        return {name: len(values) for name, values in file.items()}


@pytest.mark.parametrize("count", [3, 12])
@pytest.mark.parametrize("lengths", [20, [20, 25, 31]])
@pytest.mark.parametrize("name", ["bucket{}", "batch_{}", "data_shard_{}"])
def test_a_row_goes_from_its_own_piece(tmp_path, count, lengths, name):
    path = write(tmp_path / "a.h5", count, lengths=lengths, name=name)
    assert datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True).dropped == 1
    odd = name.format(1)
    assert rows(tmp_path / "copy.h5") == {it: had - (it == odd) for it, had in rows(path).items()}
    assert datacheck.scan(tmp_path / "copy.h5").bad == 0


def test_the_labels_of_a_piece_lose_the_same_row(tmp_path):
    path = write(tmp_path / "a.h5", 5, name="data_batch_{}", labels="labels_batch_{}")
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    left = rows(tmp_path / "copy.h5")
    assert {it for it, count in left.items() if count == 19} == {"data_batch_1", "labels_batch_1"}


def test_what_is_beside_a_label_of_all_rows_is_a_column(tmp_path):
    path = write(tmp_path / "a.h5", 3, name="part_{}", whole=True)
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    assert set(rows(tmp_path / "copy.h5").values()) == {19}
