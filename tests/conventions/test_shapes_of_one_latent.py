"""`NAME_shape` beside `NAME_#_data` may be the shape of one array: its first size is then no number of records."""

import numpy as np
import pytest
from commanding import datacheck
from convention_stores import latents, read, write

import datacheck as package


def arrays(shape, count=30):
    return {
        b"lat_%d_data" % it: np.random.default_rng(it).random((16, 2, 4), np.float32).tobytes() for it in range(count)
    } | {b"lat_shape": shape}


@pytest.mark.parametrize("shape", [b"16 2 4", b"30 16 2 4"])
def test_the_shape_of_one_array_and_that_of_all_are_sound(tmp_path, shape):
    """A raw array is undecided, since nothing says its dtype, but no number of records is wrong."""
    store = write(tmp_path / "store", arrays(shape))
    assert datacheck("scan", store).returncode == 3
    assert datacheck("scan", store, "--array", "lat_#_data=f4:16,2,4").returncode == 0


@pytest.mark.parametrize(("shape", "left"), [(b"16 2 4", b"16 2 4"), (b"30 16 2 4", b"29 16 2 4")])
def test_a_copy_keeps_the_shape_of_one_array(tmp_path, shape, left):
    nan = {b"lat_3_data": np.full((16, 2, 4), np.nan, np.float32).tobytes()}
    store = write(tmp_path / "store", arrays(shape) | nan)
    made = datacheck("rebuild", store, tmp_path / "copy", "--drop-bad", "--array", "lat_#_data=f4:16,2,4")
    assert made.returncode == 0, made.stderr
    assert read(tmp_path / "copy")[b"lat_shape"] == left


def test_a_number_of_all_arrays_that_is_not_true_is_still_found(tmp_path):
    store = write(tmp_path / "store", arrays(b"31 16 2 4"))
    assert "lat_shape says 31, there are 30" in datacheck("scan", store).stdout
    other = write(tmp_path / "other", latents() | {b"latents_shape": b"41 2 8"})
    assert "latents_shape says 41, there are 40" in datacheck("scan", other).stdout


def test_four_channels_in_float16_are_no_four_arrays_of_float64(tmp_path):
    records = {
        b"lat_%d_data" % it: np.random.default_rng(it).random((4, 8, 8)).astype("f2").tobytes() for it in range(30)
    }
    report = package.scan(write(tmp_path / "store", records | {b"lat_shape": b"4 8 8"}))
    assert report.counts == {"unknown-payload": 1}
    of_all = {b"lat_%d_data" % it: np.random.default_rng(it).random((8, 8)).tobytes() for it in range(3)}
    said = package.scan(write(tmp_path / "other", of_all | {b"lat_shape": b"4 8 8"})).findings
    assert "lat_shape says 4, there are 3" in [it.message for it in said]
