"""Test that a scan that is held to known findings or a checksum file can be resumed, too, with the same report."""

import json

import pytest
from building import datum, floats, key, write_lmdb
from killed_scans import Here
from resumed_scans import TIMES, interrupted_after

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.comparing.checksum import checksum


def records(nan):
    made = {}
    for number in range(300):
        array = floats(number)
        array[0, 1, 2] = float("nan") if number in nan else array[0, 1, 2]
        made[key(number)] = datum(array, number % 10)
    return made


@pytest.fixture
def store(tmp_path):
    return write_lmdb(tmp_path / "env", records({*range(3, 300, 7)}))


def stripped(path):
    *findings, summary = map(json.loads, path.read_text().splitlines())
    return findings, {name: it for name, it in summary.items() if name not in TIMES}


def scan(store, *, calls=None, **options):
    return datacheck.scan(LmdbReader(store, 2000), engine=Here, workers=1, progress=interrupted_after(calls), **options)


def interrupted(store, path, **options):
    """Scan in three steps: two are interrupted, and the last one finishes."""
    for calls in (5, 9):
        with pytest.raises(KeyboardInterrupt):
            scan(store, resume=path, calls=calls, **options)
    assert path.with_name("r.jsonl.partial").exists()
    return scan(store, resume=path, **options)


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr("datacheck.scanning.earlier.resuming.MARK_SECONDS", 0)


@pytest.mark.parametrize("more", [{}, {"ignore": ["inf"]}, {"ignore": ["nan"]}])
def test_known_findings_are_those_of_an_uninterrupted_scan(store, tmp_path, more):
    known = tmp_path / "known.json"
    datacheck.scan(write_lmdb(tmp_path / "before", records({3, 10, 24, 150, 151, 297})), reports=[known], workers=1)
    whole = scan(store, known=known, reports=[tmp_path / "whole.jsonl"], **more)
    report = interrupted(store, tmp_path / "r.jsonl", known=known, **more)
    assert stripped(tmp_path / "r.jsonl") == stripped(tmp_path / "whole.jsonl")
    assert report.document().known == whole.document().known
    assert [it.key for it in report.known_before.those_gone()] == [it.key for it in whole.known_before.those_gone()]
    assert len([*report.known_before.those_gone()]) == 1


def test_another_known_report_begins_anew(store, tmp_path):
    known = tmp_path / "known.json"
    datacheck.scan(write_lmdb(tmp_path / "before", records({3, 10})), reports=[known], workers=1)
    with pytest.raises(KeyboardInterrupt):
        scan(store, resume=tmp_path / "r.jsonl", calls=8, known=known)
    datacheck.scan(write_lmdb(tmp_path / "other", records({17, 24})), reports=[known], workers=1)
    report = scan(store, resume=tmp_path / "r.jsonl", known=known)
    assert report.document().known.still == {"nan": 2}
    assert "00000003" in [it.key for it in report.findings]


@pytest.mark.parametrize("same", [True, False])
def test_what_the_records_are_to_be_like_is_that_of_the_report_as_it_is_now(store, tmp_path, same):
    """With the same report a scan resumes; with another one, the findings made with the first do not count."""
    like, narrow = tmp_path / "like.json", {key(number): datum(floats(number) / 9, 1) for number in range(99)}
    datacheck.scan(write_lmdb(tmp_path / "narrow", narrow), reports=[like], workers=1)
    with pytest.raises(KeyboardInterrupt):
        scan(store, resume=tmp_path / "r.jsonl", calls=8, like=like)
    if not same:
        datacheck.scan(write_lmdb(tmp_path / "wide", records(())), reports=[like], workers=1)
    report = scan(store, resume=tmp_path / "r.jsonl", like=like)
    scan(store, reports=[tmp_path / "whole.jsonl"], like=like)
    assert stripped(tmp_path / "r.jsonl") == stripped(tmp_path / "whole.jsonl")
    assert ("out-of-range" in report.counts) == same


def test_checksums_are_compared_as_in_an_uninterrupted_scan(store, tmp_path):
    changed = records({*range(3, 300, 7)})
    changed[key(40)] = datum(floats(1000), 1)
    changed[key(280)] = datum(floats(1001), 1)
    changed[b"00000200x"] = datum(floats(2), 1)
    file = tmp_path / "sums"
    checksum(write_lmdb(tmp_path / "before", changed), file)
    whole = scan(store, checksums=file, reports=[tmp_path / "whole.jsonl"])
    report = interrupted(store, tmp_path / "r.jsonl", checksums=file)
    assert stripped(tmp_path / "r.jsonl") == stripped(tmp_path / "whole.jsonl")
    assert report.checksums == whole.checksums
    assert (report.checksums.changed, report.checksums.lost) == (2, 1)
