"""A count far above the number of batches or episodes may be that of the rows in them."""

import numpy as np
import pytest
from building import npy
from commanding import datacheck
from convention_stores import read, write


def arrays(key, count=30, nan=None):
    store = {key % at: npy(np.random.default_rng(at).random((16, 4), np.float32)) for at in range(count)}
    return store if nan is None else store | {key % nan: npy(np.full((16, 4), np.nan, np.float32))}


@pytest.mark.parametrize("key", [b"batch_%d", b"chunk-%05d", b"traj%d", b"episodes/episode_%03d"])
def test_a_number_of_rows_is_suspicious_and_stays_in_a_copy(tmp_path, key):
    result = datacheck("scan", write(tmp_path / "store", arrays(key) | {b"num_samples": b"480"}))
    assert (result.returncode, "480, there are 30: it is not true if" in result.stdout) == (0, True), result.stdout
    source = write(tmp_path / "other", arrays(key, nan=3) | {b"num_samples": b"480"})
    assert datacheck("rebuild", source, tmp_path / "copy", "--drop-bad").returncode == 0
    assert read(tmp_path / "copy")[b"num_samples"] == b"480"


LOST = {
    "a few batches": arrays(b"batch_%d") | {b"num_samples": b"31"},
    "half of the batches": arrays(b"batch_%d") | {b"num_samples": b"59"},
    "samples": arrays(b"sample_%d") | {b"num_samples": b"480"},
    "numbers": arrays(b"%d") | {b"num_samples": b"480"},
}


@pytest.mark.parametrize("store", LOST.values(), ids=LOST)
def test_other_numbers_above_that_of_the_records_are_bad(tmp_path, store):
    result = datacheck("scan", write(tmp_path / "store", store))
    assert (result.returncode, "count (bad): 1" in result.stdout) == (1, True), result.stdout
