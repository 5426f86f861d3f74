"""Lots of files are walked while the results of the lot before them are taken in, and say the same as in turn."""

import os
import time

import h5py
import numpy as np
import pytest

from datacheck.backends.hdf5 import layout as laying_out
from datacheck.backends.hdf5.library import fork_guard
from datacheck.backends.hdf5.reader import Hdf5Reader


class Counted(fork_guard.Together):
    """Walks that record how many lots are under way whenever one is begun, and the process ids (see `counted`)."""

    under_way = 0
    most = begun = 0

    def __init__(self, walks):
        super().__init__(walks)
        Counted.under_way += 1
        Counted.begun += 1
        Counted.most = max(Counted.most, Counted.under_way)
        Counted.pids.append(self._child._number)

    def results(self):
        Counted.under_way -= 1
        return super().results()


@pytest.fixture
def counted(monkeypatch):
    Counted.under_way = Counted.most = Counted.begun = 0
    Counted.pids = []
    monkeypatch.setattr(laying_out, "Together", Counted)
    monkeypatch.setattr(laying_out, "LOT_FILES", 3)
    return Counted


def episodes(folder, *, alike):
    folder.mkdir()
    for number in range(15):
        with h5py.File(folder / f"{number:02}.h5", "w") as file:
            file["x"] = np.full((20, 3), number, "f4")
            if not alike:
                file.attrs["task"] = f"pick up number {number}"
    return Hdf5Reader.recognise(folder)


def test_lots_of_unlike_files_are_walked_two_at_a_time_after_the_first(tmp_path, counted, monkeypatch):
    reader = episodes(tmp_path / "s", alike=False)
    ahead = reader.layout()
    assert (counted.begun, counted.most, counted.under_way) == (5, 2, 0)
    counted.most = 0
    monkeypatch.setattr(laying_out, "AT_ONCE", 1)
    assert reader.layout() == ahead
    assert counted.most == 1


def test_files_like_earlier_ones_are_not_walked_ahead(tmp_path, counted):
    episodes(tmp_path / "s", alike=True).layout()
    assert (counted.begun, counted.most) == (1, 1)


def test_walks_that_nobody_waits_for_are_ended(tmp_path, counted):
    every = laying_out._contents_of_files(episodes(tmp_path / "s", alike=False), guarded=True)
    for _ in range(4):
        next(every)
    assert counted.under_way == 1
    every.close()
    for pid in counted.pids:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def test_an_answer_that_waits_to_be_read_is_not_late(tmp_path, monkeypatch):
    monkeypatch.setattr(fork_guard, "SECONDS", 0.05)
    monkeypatch.setattr(fork_guard, "PATIENCE", 4)

    def walk(trail):
        trail.step()
        return bytes(1 << 20)  # more than a pipe holds

    begun = fork_guard.Together([walk])
    time.sleep(0.4)  # twice as long as a step may take by the clock
    assert begun.results() == [bytes(1 << 20)]
