"""The layout of an HDF5 file is taken without a child process at first, and guarded by one if that kills the worker."""

import os
import signal

import h5py
import numpy as np
import pytest
from risky_readers import RiskyReader
from worker_jobs import MEMORY

from datacheck.backends import open_store
from datacheck.backends.hdf5.library.fork_guard import at_risk
from datacheck.model.settings import Settings
from datacheck.scanning.opening import take_layout
from datacheck.scanning.tasks import Job
from datacheck.workers.pool import Pool


@pytest.mark.parametrize(("end", "guarded"), [("", False), ("crash", True), ("hang", True), ("raise", True)])
def test_a_layout_that_kills_a_worker_is_taken_again_by_a_guarded_one(tmp_path, end, guarded):
    reader = RiskyReader(tmp_path, end)
    with Pool(Job(reader, Settings()), 1, MEMORY) as pool:
        assert take_layout(pool, reader).records == 3
    assert (tmp_path / "at risk").exists()
    assert (tmp_path / "guarded").exists() == guarded


def test_an_engine_whose_workers_are_not_soon_replaced_is_not_put_at_risk(tmp_path):
    class Elsewhere:
        count = 1

        def run(self, tasks):
            for task in tasks:
                yield task, Job(reader, Settings())(task, Watching())

    class Watching:
        last = timeout = patience = None

        def note(self, value):
            pass

    reader = RiskyReader(tmp_path, "crash")
    assert take_layout(Elsewhere(), reader).records == 3
    assert [it.name for it in tmp_path.iterdir()] == ["guarded"]


def test_an_hdf5_file_needs_no_child_at_risk_and_has_the_same_layout(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.arange(60.0).reshape(20, 3)
    guarded = open_store(tmp_path / "a.h5").layout()
    (tmp_path / "a.h5").rename(tmp_path / "b.h5")  # another path, since walks of the first are remembered
    monkeypatch.setattr(os, "fork", lambda: 1 / 0)
    assert open_store(tmp_path / "b.h5").layout_at_risk().shards == guarded.shards


def test_the_alarms_of_a_task_go_on_after_a_walk_at_risk():
    signal.setitimer(signal.ITIMER_REAL, 1000)
    try:
        assert at_risk(lambda trail: trail.step()) is None
        assert 100 < signal.getitimer(signal.ITIMER_REAL)[0] <= 1000
        assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
