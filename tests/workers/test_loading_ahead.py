"""Test what a process loads that is started before its job is known."""

import sys
from functools import partial
from pathlib import Path

import pytest

from datacheck.backends.hdf5.in_folders import SUFFIXES
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.scanning.loading import HDF5_NAMES, loading
from datacheck.scanning.tasks import workers_ahead
from datacheck.workers.pool import Pool
from datacheck.workers.process import start_ahead

MEMORY = 1 << 30
pytestmark = pytest.mark.own_workers


def is_loaded(name, watch):
    return name in sys.modules


@pytest.mark.parametrize(("modules", "loaded"), [((), False), (("colorsys",), True), (("no_such", "colorsys"), True)])
def test_a_process_that_is_started_ahead_loads_what_it_is_told(modules, loaded):
    """A module that cannot be loaded does not stop it from loading the others."""
    close = start_ahead(MEMORY, modules)
    try:
        with Pool(is_loaded, 1, MEMORY) as pool:
            ((_, result),) = pool.run(["colorsys"])
        assert result is loaded
    finally:
        close()


@pytest.mark.parametrize(("source", "hdf5"), [("train.h5", True), ("a/b.hdf5", True), ("train_lmdb", False)])
def test_a_scan_has_loaded_what_its_kind_of_source_needs(source, hdf5):
    names = loading([source])
    close = start_ahead(MEMORY, names)
    try:
        with Pool(is_loaded, 1, MEMORY) as pool:
            tasks = ["datacheck.scanning.judging.judge", "datacheck.conventions.projects.ocr", "h5py"]
            assert dict(pool.run(tasks)) == {tasks[0]: True, tasks[1]: not hdf5, tasks[2]: hdf5}
    finally:
        close()


def test_the_names_by_which_hdf5_is_told_are_some_of_all():
    assert set(HDF5_NAMES) <= SUFFIXES


def tell(what, task, watch):
    return what, task, "colorsys" in sys.modules


def test_a_prepared_process_gets_the_job_as_it_is_when_it_is_needed():
    with Pool(partial(tell, 1), 2, MEMORY) as pool:
        pool.prepare(8, ["colorsys"])
        assert len(pool._workers) + len(pool._prepared) == 2  # not more than the pool was made for
        pool.amend(lambda job: partial(tell, 2))
        pool.grow(2)
        results = {result for _, result in pool.run(range(40))}
    assert {(what, loaded) for what, _, loaded in results} <= {(1, False), (2, True)}
    assert (2, True) in {(what, loaded) for what, _, loaded in results}


def test_no_prepared_process_is_left_behind():
    tasks = Path("/proc/self/task")

    def children():
        return {int(it) for task in tasks.iterdir() for it in (task / "children").read_text().split()}

    before = children()
    with Pool(is_loaded, 3, MEMORY) as pool:
        pool.prepare(3)
        assert len(children() - before) == 3
        assert [result for _, result in pool.run(["sys"])] == [True]
    assert children() <= before


@pytest.mark.parametrize(("size", "workers"), [(0, 0), (255, 0), (1024, 4), (1 << 20, 8)])
def test_workers_are_prepared_for_stores_that_are_large(tmp_path, size, workers):
    """The size counts in MiB, including the holes of sparse files."""
    path = tmp_path / "store.h5"
    with path.open("wb") as file:
        file.truncate(size << 20)
    assert workers_ahead(Hdf5Reader(path, (path,))) == workers
