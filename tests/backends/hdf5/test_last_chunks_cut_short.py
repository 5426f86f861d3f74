"""A last chunk without the rows beyond the end of the dataset, as some writers store it, holds all its rows."""

from __future__ import annotations

import zlib

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan

ROWS, CHUNK = 25, 10


def with_chunk(path, at, rows):
    """Write a dataset of chunks of ten rows; the chunk at `at` has `rows` rows."""
    values = np.random.default_rng(0).normal(size=(ROWS, 3))
    with h5py.File(path, "w") as file:
        made = file.create_dataset("x", data=values, chunks=(CHUNK, 3), compression="gzip")
        made.id.write_direct_chunk((at, 0), zlib.compress(values[at : at + rows].tobytes()))
    return path, values


def test_a_last_chunk_may_end_with_the_dataset(tmp_path):
    path, values = with_chunk(tmp_path / "a.h5", 20, 5)
    assert scan(path, workers=1).status == 0
    rebuild(path, tmp_path / "copy.h5", workers=1)
    with h5py.File(tmp_path / "copy.h5") as file:
        assert (file["x"][:] == values).all()


@pytest.mark.parametrize(("at", "rows"), [(20, 4), (10, 5), (0, 9)])
def test_any_other_short_chunk_is_damaged(tmp_path, at, rows):
    path, _ = with_chunk(tmp_path / "a.h5", at, rows)
    report = scan(path, workers=1)
    assert {it.code for it in report.findings} == {"damaged-store"}
    assert {it.index for it in report.findings} == set(range(at, min(at + CHUNK, ROWS)))


def test_a_last_chunk_of_a_sample_of_its_own_may_end_with_the_dataset(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for nth in range(30):
            values = np.random.default_rng(nth).normal(size=(20 + nth, 3))
            made = file.create_dataset(f"clip_{nth}", data=values, chunks=(CHUNK, 3), compression="gzip")
            last = (len(values) - 1) // CHUNK * CHUNK
            made.id.write_direct_chunk((last, 0), zlib.compress(values[last:].tobytes()))
    assert scan(path, workers=1).status == 0
