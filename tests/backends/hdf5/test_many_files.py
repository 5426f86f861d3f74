"""Many small files cost one process for a lot of them, and say the same as each would alone."""

import h5py
import numpy as np
import pytest

from datacheck.backends.hdf5 import layout as surveying
from datacheck.backends.hdf5 import walking
from datacheck.backends.hdf5.library import fork_guard
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import StoreOptions


@pytest.fixture
def folder(tmp_path):
    for number in range(12):
        with h5py.File(tmp_path / f"{number:02d}.h5", "w") as file:
            if number != 4:
                file["data"] = np.arange(number + 1) + 0.5
                file["sub/text"] = b"words"
    (tmp_path / "03.h5").write_bytes((tmp_path / "03.h5").read_bytes()[:900])  # cut
    return tmp_path


def layouts(folder, monkeypatch, files, size):
    monkeypatch.setattr(surveying, "LOT_FILES", files)
    monkeypatch.setattr(surveying, "LOT_BYTES", size)
    made = Hdf5Reader.recognise(folder, StoreOptions())
    walking.contents_of.cache_clear()
    forks = []
    real = fork_guard._Child
    monkeypatch.setattr(fork_guard, "_Child", lambda *given: forks.append(1) or real(*given))
    layout = made.layout()
    monkeypatch.setattr(fork_guard, "_Child", real)
    return layout, len(forks)


def test_a_lot_of_files_says_what_each_says_alone(folder, monkeypatch):
    alone, forks = layouts(folder, monkeypatch, 1, 1 << 20)
    assert forks == 13, "the one that was cut is walked again as it was recovered"
    for files, size, wanted in ((64, 1 << 20, 1 + 2), (5, 1 << 20, 3 + 2), (64, 0, 13)):
        together, forks = layouts(folder, monkeypatch, files, size)
        assert together == alone
        assert forks == wanted
    assert {(it.file, it.code) for it in alone.findings} == {("03.h5", "truncated-store"), ("04.h5", "no-records")}


def test_a_file_that_kills_costs_its_lot_a_second_walk_and_nothing_else(folder, monkeypatch):
    alone, _ = layouts(folder, monkeypatch, 1, 1 << 20)
    real = surveying.walked

    def walked(path, size, options, trail, recovered=None):
        if path.name == "07.h5" and fork_guard.os.getpid() != here:
            fork_guard.os.kill(fork_guard.os.getpid(), 11)
        return real(path, size, options, trail, recovered)

    here = fork_guard.os.getpid()
    monkeypatch.setattr(surveying, "walked", walked)
    monkeypatch.setattr(walking, "walked", walked)
    together, forks = layouts(folder, monkeypatch, 5, 1 << 20)
    assert forks > 3
    (finding,) = [it for it in together.findings if it.file == "07.h5"]
    assert finding.code == "crash"
    kept = [it.part for it in alone.shards if not it.part.startswith("7\n")]
    assert [it.part for it in together.shards] == kept


def test_a_file_that_is_gone_since_it_was_listed_is_said(folder, monkeypatch):
    made = Hdf5Reader.recognise(folder, StoreOptions())
    (folder / "05.h5").unlink()
    said = [(it.code, it.verdict) for it in made.layout().findings if it.file == "05.h5"]
    assert said == [("unreadable", "unverifiable")]
