"""How many rows of a table are looked at first."""

import h5py
import numpy as np
import pytest

from datacheck.backends import open_store


def probed(path):
    """Return how many rows each probe has, by the positions that it goes from and to."""
    return [it.stop.key - it.start.key for it in open_store(path).layout().probes]


@pytest.mark.parametrize(
    ("shape", "dtype", "places", "rows"),
    [
        ((4000, 8), "f4", 64, 16),
        ((2000, 3, 32, 32), "u1", 64, 16),
        ((2000, 3, 64, 64), "f4", 64, 5),
        ((200, 3, 256, 256), "u1", 64, 1),
        ((200, 1 << 18), "u1", 64, 1),
        ((200, 3, 256, 256), "u2", 42, 1),
        ((100, 1 << 20), "u1", 16, 1),
        ((100, 1 << 22), "u1", 16, 1),
        ((12, 1 << 20), "u1", 12, 1),
    ],
)
def test_fewer_rows_of_large_ones_are_looked_at(tmp_path, shape, dtype, places, rows):
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file.create_dataset("data", shape, dtype)
    counts = probed(tmp_path / "store.h5")
    assert len(counts) == places
    assert set(counts) == {rows}
    size = np.prod(shape[1:]) * np.dtype(dtype).itemsize
    assert sum(counts) * size <= max(16 << 20, 16 * size)


def test_enough_rows_of_each_of_several_tables_are_looked_at(tmp_path):
    with h5py.File(tmp_path / "store.h5", "w") as file:
        for number in range(4):
            file.create_dataset(f"of{number}/data", (100 + number, 1 << 20), "u1")
    assert sum(probed(tmp_path / "store.h5")) == 4 * 16


def test_the_places_of_few_probes_are_spread_over_the_table(tmp_path):
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file.create_dataset("data", (160, 1 << 20), "u1")
    starts = [it.start.key for it in open_store(tmp_path / "store.h5").layout().probes]
    assert starts == list(range(0, 160, 10))


def test_as_many_samples_that_are_datasets_are_looked_at_however_large(tmp_path):
    with h5py.File(tmp_path / "store.h5", "w") as file:
        for number in range(40):
            file.create_dataset(f"P{7 * number:04}", (60 + number % 7, 2000), "f4")
    assert sum(probed(tmp_path / "store.h5")) == 40
