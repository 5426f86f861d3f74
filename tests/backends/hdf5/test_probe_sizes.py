"""How many rows of a table are looked at first."""

import h5py
import numpy as np
import pytest

from datacheck.backends import open_store


def probed(path):
    """Return how many rows each probe has, by the positions that it goes from and to."""
    return [it.stop.key - it.start.key for it in open_store(path).layout().probes]


@pytest.mark.parametrize(
    ("shape", "dtype", "rows"),
    [
        ((4000, 8), "f4", 16),
        ((2000, 3, 32, 32), "u1", 16),
        ((2000, 3, 64, 64), "f4", 5),
        ((200, 3, 256, 256), "u1", 1),
        ((100, 1 << 20), "u1", 1),
    ],
)
def test_fewer_rows_of_large_ones_are_looked_at(tmp_path, shape, dtype, rows):
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file.create_dataset("data", shape, dtype)
    counts = probed(tmp_path / "store.h5")
    assert len(counts) == 64
    assert set(counts) == {rows}
    assert sum(counts) * np.prod(shape[1:]) * np.dtype(dtype).itemsize <= max(16 << 20, 64 << 20 if rows == 1 else 0)


def test_as_many_samples_that_are_datasets_are_looked_at_however_large(tmp_path):
    with h5py.File(tmp_path / "store.h5", "w") as file:
        for number in range(40):
            file.create_dataset(f"P{7 * number:04}", (60 + number % 7, 2000), "f4")
    assert sum(probed(tmp_path / "store.h5")) == 40
