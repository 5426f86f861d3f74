"""Tables that are larger than one shard are divided evenly, so that workers end at the same time."""

import h5py
import numpy as np
import pytest

from datacheck.backends import open_store
from datacheck.backends.hdf5 import tables


@pytest.mark.parametrize(("rows", "count"), [(100, 1), (101, 4), (401, 8), (1000, 12)])
def test_a_table_is_divided_into_a_multiple_of_four_shards_of_one_size(tmp_path, monkeypatch, rows, count):
    monkeypatch.setattr(tables, "SHARD_BYTES", 800)
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file["data"] = np.zeros(rows)
    sizes = [shard.records for shard in open_store(tmp_path / "store.h5").layout().shards]
    assert len(sizes) == count
    assert len(set(sizes[:-1])) <= 1
    assert sizes[0] - count < sizes[-1] <= sizes[0]
    assert sum(sizes) == rows


def test_a_table_in_chunks_is_divided_where_chunks_end(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "SHARD_BYTES", 800)
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file.create_dataset("data", data=np.zeros(450), chunks=(30,))
    shards = open_store(tmp_path / "store.h5").layout().shards
    assert [shard.records for shard in shards] == [60] * 7 + [30]
