"""Test that a rebuild refuses a report of a scan that ended early, and says why."""

import pytest
from building import key, raw_records, write_lmdb
from commanding import datacheck

from datacheck import scan


@pytest.fixture
def store(tmp_path):
    return write_lmdb(tmp_path / "env", raw_records(30) | {key(7): b""})


def refusal(folder, report, source="env"):
    done = datacheck("rebuild", source, "copy", "--drop-bad", "--from-report", report, cwd=folder)
    assert (done.returncode, (folder / "copy").exists()) == (2, False)
    return done.stderr


def test_a_sample(store, tmp_path):
    scan(store, sample=10, reports=[tmp_path / "r.json"])
    assert refusal(tmp_path, "r.json") == (
        "datacheck: r.json: does not cover every record; scan again without --sample\n"
    )


def test_an_interrupted_scan(store, tmp_path):
    def progress(done, total, bad):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(store, progress=progress, reports=[tmp_path / "r.json"])
    said = "does not cover every record, since its scan was interrupted; scan again to the end"
    assert refusal(tmp_path, "r.json") == f"datacheck: r.json: {said}\n"


def test_a_scan_whose_time_was_over(store, tmp_path):
    first = write_lmdb(tmp_path / "first", raw_records(30))
    scan([first, store], max_time=1e-9, reports=[tmp_path / "r.json"])
    said = "does not cover every record, since its scan was stopped by --max-time; scan again to the end"
    assert refusal(tmp_path, "r.json") == f"datacheck: r.json: {said}\n"


def test_a_source_that_was_not_there(store, tmp_path):
    assert datacheck("scan", "env", "other", "--report", "r.json", cwd=tmp_path).returncode == 2
    write_lmdb(tmp_path / "other", raw_records(30) | {key(3): b""})
    assert refusal(tmp_path, "r.json", "other") == (
        "datacheck: r.json: says that other was not scanned; scan it again\n"
    )
    store.rename(tmp_path / "third")
    write_lmdb(store, raw_records(12))
    assert "was not made from env as it is now" in refusal(tmp_path, "r.json")
