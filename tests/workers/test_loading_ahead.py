"""What a process loads that is started before it is known what for."""

import sys

import pytest

from datacheck.backends.hdf5.in_folders import SUFFIXES
from datacheck.cli.scan import HDF5_NAMES, _loading
from datacheck.workers.pool import Pool
from datacheck.workers.process import start_ahead

MEMORY = 1 << 30
pytestmark = pytest.mark.own_workers


def is_loaded(name, watch):
    return name in sys.modules


@pytest.mark.parametrize(("loading", "loaded"), [((), False), (("colorsys",), True), (("no_such", "colorsys"), True)])
def test_a_process_that_is_started_ahead_loads_what_it_is_told(loading, loaded):
    """A module that cannot be loaded keeps it from nothing."""
    close = start_ahead(MEMORY, loading)
    try:
        with Pool(is_loaded, 1, MEMORY) as pool:
            ((_, result),) = pool.run(["colorsys"])
        assert result is loaded
    finally:
        close()


@pytest.mark.parametrize(("source", "hdf5"), [("train.h5", True), ("a/b.hdf5", True), ("train_lmdb", False)])
def test_a_scan_has_loaded_what_its_kind_of_source_needs(source, hdf5):
    names = _loading([source])
    close = start_ahead(MEMORY, names)
    try:
        with Pool(is_loaded, 1, MEMORY) as pool:
            tasks = ["datacheck.scanning.judge", "datacheck.conventions.ocr", "h5py"]
            assert dict(pool.run(tasks)) == {tasks[0]: True, tasks[1]: True, tasks[2]: hdf5}
    finally:
        close()


def test_the_names_by_which_hdf5_is_told_are_some_of_all():
    assert set(HDF5_NAMES) <= SUFFIXES
