"""Test a rebuild whose workers are killed from outside: it neither gives up, nor forgets a loss, nor removes more."""

import commanding
import h5py
import numpy as np
import pytest
from building import raw_records, write_lmdb
from convention_stores import read
from killed_scans import Here, killed_at

import datacheck
from datacheck.errors import RebuildFailed, UsageError
from datacheck.rebuilding import rebuild
from datacheck.scanning.tasks import Copy
from datacheck.workers.interface import Death, Step


@pytest.fixture
def referring(tmp_path):
    """An HDF5 file with a bad row and a dataset whose values lie in another file."""
    with h5py.File(tmp_path / "source.h5", "w") as file:
        file["data"] = np.where(np.arange(40) == 7, np.nan, np.arange(40, dtype=np.float32))
        np.zeros(3, np.int64).tofile(tmp_path / "values.raw")
        file.create_dataset("classes", (3,), np.int64, external=[("values.raw", 0, 24)])
    return tmp_path / "source.h5"


@pytest.mark.parametrize(("times", "error", "words"), [(1, UsageError, "its values"), (3, RebuildFailed, "SIGKILL")])
def test_losses_are_not_accepted_because_their_search_was_killed(tmp_path, monkeypatch, referring, times, error, words):
    monkeypatch.setattr(rebuild, "start_engine", killed_at("ListCopyLosses", times))
    with pytest.raises(error, match=words):
        datacheck.rebuild(referring, tmp_path / "copy.h5", drop_bad=True)
    assert not (tmp_path / "copy.h5").exists()


def test_accepted_losses_are_named_after_a_kill_too(tmp_path, monkeypatch, referring):
    monkeypatch.setattr(rebuild, "start_engine", killed_at("ListCopyLosses", 1))
    receipt = datacheck.rebuild(referring, tmp_path / "copy.h5", drop_bad=True, accept_losses=True)
    assert (receipt.kept, len(receipt.unkept)) == (39, 1)


def test_what_goes_with_bad_rows_is_sought_once_more(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "source.h5", "w") as file:
        file["data"] = np.where(np.arange(40) == 7, np.nan, np.arange(40, dtype=np.float32))
    monkeypatch.setattr(rebuild, "start_engine", killed_at("FindGone", 1))
    assert datacheck.rebuild(tmp_path / "source.h5", tmp_path / "copy.h5", drop_bad=True).kept == 39


def test_a_copy_that_begins_anew_removes_only_its_own(tmp_path, monkeypatch):
    class Disturbed(Here):
        def run(self, tasks):
            for task, result in super().run(tasks):
                if isinstance(task, Copy) and not isinstance(result, Step) and not theirs:
                    theirs.append(task.plan.target.parent / "theirs")
                    theirs[0].write_text("notes")
                    yield task, Death("SIGKILL")
                else:
                    yield task, result

    theirs = []
    source = write_lmdb(tmp_path / "source", raw_records(40) | {b"00000003": b""})
    monkeypatch.setattr(rebuild, "start_engine", lambda job, workers, engine=None: Disturbed(job, workers, None))
    assert datacheck.rebuild(source, tmp_path / "copy", drop_bad=True).kept == 39
    assert [it.read_text() for it in tmp_path.glob(".*/theirs")] == ["notes"]


@pytest.mark.parametrize("from_report", [False, True])
def test_keys_are_read_once_more(tmp_path, monkeypatch, from_report):
    records = raw_records(64)
    records.update({b"00000009": b"", b"num-samples": b"64"} if from_report else {b"00000009": b""})
    source = write_lmdb(tmp_path / "source", records)
    options = {"renumber": True}
    if from_report:
        assert commanding.datacheck("scan", source, "--report", tmp_path / "report.json").returncode == 1
        options = {"from_report": tmp_path / "report.json"}
    monkeypatch.setattr(rebuild, "start_engine", killed_at("TakeKeys", 1))
    assert datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, **options).dropped == 1
    assert b"" not in read(tmp_path / "copy").values()
