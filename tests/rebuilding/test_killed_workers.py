"""A rebuild of which a worker is ended from outside, as at a memory limit: what it did is done again."""

import h5py
import numpy as np
import pytest
from building import raw_records, write_lmdb
from convention_stores import read
from killed_scans import killed_at

import datacheck
from datacheck.errors import RebuildFailed
from datacheck.rebuilding import rebuild


@pytest.mark.parametrize("task", ["Copy", "Verify"])
@pytest.mark.parametrize("options", [{}, {"quarantine": "held"}])
def test_two_kills_are_no_reason_to_give_up(tmp_path, monkeypatch, task, options):
    records = raw_records(40)
    source = write_lmdb(tmp_path / "source", records | {b"00000003": b""})
    monkeypatch.setattr(rebuild, "start_engine", killed_at(task, 2))
    options = {it: tmp_path / name for it, name in options.items()}
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, **options)
    assert (receipt.kept, receipt.dropped) == (39, 1)
    assert read(tmp_path / "copy") == {it: value for it, value in records.items() if it != b"00000003"}
    assert {it.name for it in tmp_path.iterdir()} == {"source", "copy", *(it.name for it in options.values())}


@pytest.mark.writes_leveldb
def test_a_copy_as_leveldb_begins_anew_too(tmp_path, monkeypatch):
    source = write_lmdb(tmp_path / "source", raw_records(40) | {b"00000003": b""})
    monkeypatch.setattr(rebuild, "start_engine", killed_at("Copy", 1))
    assert datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, to="leveldb").kept == 39
    assert datacheck.scan(tmp_path / "copy").counts == {}


def test_a_copy_that_is_a_file_begins_anew_too(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "source.h5", "w") as file:
        file["data"] = np.where(np.arange(40) == 7, np.nan, np.arange(40, dtype=np.float32))
        file["label"] = np.arange(40) % 4
    monkeypatch.setattr(rebuild, "start_engine", killed_at("Copy", 1))
    assert datacheck.rebuild(tmp_path / "source.h5", tmp_path / "copy.h5", drop_bad=True).kept == 39
    assert {it.name for it in tmp_path.iterdir()} == {"source.h5", "copy.h5"}


@pytest.mark.parametrize("task", ["Copy", "Verify"])
def test_three_kills_are(tmp_path, monkeypatch, task):
    source = write_lmdb(tmp_path / "source", raw_records(40))
    monkeypatch.setattr(rebuild, "start_engine", killed_at(task, 3))
    with pytest.raises(RebuildFailed, match="SIGKILL 3 times"):
        datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert [it.name for it in tmp_path.iterdir()] == ["source"]
