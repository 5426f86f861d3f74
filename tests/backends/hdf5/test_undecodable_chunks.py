"""Test that a chunk that cannot be decoded is tried once, not once for each of its rows, with the same findings."""

import h5py
import numpy as np
import pytest

from datacheck.backends import open_store
from datacheck.backends.hdf5.values.window import Window

ROWS = 60
CHUNK = 20


@pytest.fixture
def fetched(monkeypatch):
    """Count what is read through the library."""
    wanted = []
    fetch = Window._fetch

    def counting(self, where, rows):
        wanted.append(where)
        return fetch(self, where, rows)

    monkeypatch.setattr(Window, "_fetch", counting)
    return wanted


def damaged(path):
    """Write three chunks, and flip a byte of the second one."""
    with h5py.File(path, "w") as file:
        values = np.random.default_rng(4).normal(size=(ROWS, 7)).round(2)
        data = file.create_dataset("data", data=values, chunks=(CHUNK, 7), compression="gzip")
        place = data.id.get_chunk_info(1)
    with path.open("r+b") as file:
        file.seek(place.byte_offset + place.size // 2)
        (byte,) = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte ^ 0xFF]))
    return open_store(path)


def lost(reader, limit):
    rows = {}
    for shard in reader.layout().shards:
        for block in reader.blocks(shard, limit=limit):
            for at, finding in block.findings:
                rows[block.rows[at]] = finding.message
    return rows


@pytest.mark.parametrize("limit", [None, 7, 1])
def test_its_rows_are_lost_at_the_first_try(tmp_path, fetched, limit):
    rows = lost(damaged(tmp_path / "a.h5"), limit)
    assert list(rows) == list(range(CHUNK, 2 * CHUNK))
    assert len(set(rows.values())) == 1
    of_chunk = [it for it in fetched if CHUNK <= (it[0] if isinstance(it, tuple) else it).start < 2 * CHUNK]
    assert len(of_chunk) <= 2
