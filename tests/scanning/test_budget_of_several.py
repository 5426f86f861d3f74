"""Test that a time budget is for all sources of a run together, even if each takes less than one check of the clock."""

import pytest
from building import raw_records, write_lmdb
from commanding import datacheck as command

import datacheck

STORES = 5


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "stores").mkdir()
    for number in range(STORES):
        write_lmdb(tmp_path / "stores" / f"{number}", raw_records(20 + number))
    return tmp_path / "stores"


def stopped(report):
    return [it.stopped for it in report]


def test_no_source_begins_when_the_time_is_over_but_the_first(folder):
    report = datacheck.scan(folder, max_time=1e-9, workers=1)
    assert stopped(report) == [False, True, True, True, True]
    assert (report.status, report.checked) == (3, 20)


def test_each_night_gets_further(folder, tmp_path):
    path = tmp_path / "r.jsonl"
    for night in range(1, STORES):
        report = datacheck.scan(folder, max_time=1e-9, workers=1, resume=path)
        assert stopped(report) == [False] * night + [True] * (STORES - night)
        assert not path.exists()
    report = datacheck.scan(folder, max_time=1e-9, workers=1, resume=path)
    assert (report.status, stopped(report)) == (0, [False] * STORES)
    assert path.exists()


def test_time_enough_changes_nothing(folder):
    assert datacheck.scan(folder, max_time="1h", workers=1).status == 0


def test_the_command_keeps_it_too(folder, tmp_path):
    done = command("scan", folder, "--max-time", "0.0001s", "--no-progress")
    assert done.returncode == 3
    assert "5 sources: 1 clean, 4 UNDECIDED; 20 records checked" in done.stdout
    for _ in range(STORES):
        done = command("scan", folder, "--max-time", "0.0001s", "--no-progress", "--resume", tmp_path / "r.jsonl")
    assert done.returncode == 0
    assert "5 sources: 5 clean; 110 records checked" in done.stdout


def test_what_an_earlier_report_answers_takes_no_time(folder, tmp_path):
    earlier = tmp_path / "e.json"
    datacheck.scan(folder, reports=[earlier], workers=1)
    for number in (1, 3, 4):
        write_lmdb(folder / f"{number}", raw_records(30 + number))
    words = ["scan", folder, "--max-time", "0.0001s", "--no-progress", "--if-changed", earlier]
    done = command(*words)
    assert done.returncode == 3
    assert "5 sources: 3 clean, 2 UNDECIDED" in done.stdout
    report = datacheck.scan(folder, max_time=1e-9, workers=1, if_changed=earlier)
    assert stopped(report) == [False, False, False, True, True]
    for _ in range(3):
        done = command(*words, "--resume", tmp_path / "r.jsonl")
    assert done.returncode == 0
