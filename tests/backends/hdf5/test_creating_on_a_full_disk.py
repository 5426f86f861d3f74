"""Test that a new HDF5 file which does not fit on the disk is an error like any other, not a crash of the library."""

import resource

import h5py
import numpy as np
import pytest

from datacheck.backends.hdf5 import creating


@pytest.fixture
def small_disk():
    """Limit the size of files to 4 KiB, which fails as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_it_is_an_error(tmp_path, small_disk):
    values = np.random.default_rng(1).random((40, 8, 8))
    with pytest.raises(OSError, match="File too large"):
        creating.create(tmp_path / "x.h5", {"data": values})


def test_it_has_what_was_given(tmp_path):
    creating.create(tmp_path / "x.h5", {"data": np.arange(40.0), "label": np.arange(40)})
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["data"][:].tolist() == list(range(40))
        assert (file["label"].chunks, file["label"].compression, file["label"].fletcher32) == ((16,), "gzip", True)
