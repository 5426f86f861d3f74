"""Test that an unchanged source, scanned with the same settings, is answered from the earlier report."""

import json
import os
import pickle
from pathlib import Path

import commanding
import h5py
import numpy as np
import pytest
from building import write_lmdb

import datacheck
from datacheck.scanning import run as scans

TIMES = ("started", "seconds", "unchanged")


def records(count=60, *, nan=()):
    made = {}
    for at in range(count):
        values = np.random.default_rng(at).normal(size=12).astype("f4")
        values[0] = np.nan if at in nan else values[0]
        made[b"%08d" % at] = pickle.dumps({"x": values, "y": at % 3})
    return made


@pytest.fixture
def store(tmp_path):
    return write_lmdb(tmp_path / "env", records(nan=[3, 7]) | {b"length": b"61"})


@pytest.fixture(params=["r.json", "r.jsonl"])
def earlier(request, store, tmp_path):
    datacheck.scan(store, reports=[tmp_path / request.param])
    return tmp_path / request.param


def document(report):
    report.save(path := Path(report.source.path).parent / "out.json")
    said = json.loads(path.read_text())
    return {name: value for name, value in said.items() if name not in TIMES}


def scanned_again(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("it was scanned")

    monkeypatch.setattr("datacheck.scanning.store_scan.run", refuse)


def test_the_answer_is_what_a_scan_would_say(store, earlier, monkeypatch):
    whole = document(datacheck.scan(store))
    scanned_again(monkeypatch)
    answer = datacheck.scan(store, if_changed=earlier)
    assert (answer.status, answer.unchanged) == (1, str(earlier))
    assert f"unchanged: answered from {earlier}" in str(answer)
    assert document(answer) == whole
    assert list(answer.bad_keys()) == ["00000003", "00000007"]


def test_what_counts_may_be_asked_otherwise(store, earlier, monkeypatch):
    scanned_again(monkeypatch)
    assert datacheck.scan(store, if_changed=earlier, max_bad=3).status == 0
    assert datacheck.scan(store, if_changed=earlier, workers=1).status == 1
    answer = datacheck.scan(store, if_changed=earlier, known=earlier)
    assert (answer.status, answer.bad, answer.document().known.still) == (0, 0, {"count": 1, "nan": 2})


def test_a_store_that_has_changed_is_scanned(store, earlier):
    with __import__("lmdb").open(str(store), map_size=1 << 28) as environment, environment.begin(write=True) as it:
        it.put(b"00000003", records()[b"00000003"])
    report = datacheck.scan(store, if_changed=earlier)
    assert (report.unchanged, report.counts["nan"]) == (None, 1)
    assert f"not answered from {earlier}: data.mdb changed" in str(report)


def test_a_store_that_was_only_touched_is_scanned(store, earlier):
    os.utime(store / "data.mdb", ns=(1, 1))
    assert datacheck.scan(store, if_changed=earlier).unchanged is None


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"skip": ["constant"]}, "other settings (checks)"),
        ({"labels": 5, "stats": True}, "other settings (labels, stats)"),
        ({"ignore": ["nan"]}, "other settings (ignore)"),
        ({"sample": 20}, "other settings (sample)"),
    ],
)
def test_other_settings_are_scanned(store, earlier, options, why):
    report = datacheck.scan(store, if_changed=earlier, **options)
    assert report.unchanged is None
    assert f"not answered from {earlier}: {why}" in str(report)


def test_validators_of_ones_own_are_asked_again(store, tmp_path):
    def nothing(batch):
        yield from ()

    path = tmp_path / "r.json"
    datacheck.scan(store, validators=[nothing], reports=[path])
    assert datacheck.scan(store, validators=[nothing], if_changed=path).unchanged is None


def test_what_was_undecided_is_looked_at_again(tmp_path):
    store = write_lmdb(tmp_path / "env", {b"%d" % at: b"\x9b\x8c%d" % at * 3 for at in range(30)})
    path = tmp_path / "r.json"
    assert datacheck.scan(store, reports=[path]).status == 3
    report = datacheck.scan(store, if_changed=path)
    assert (report.status, report.unchanged) == (3, None)
    assert "it left something undecided" in str(report)


def test_a_report_of_another_source_answers_nothing(tmp_path, earlier):
    other = write_lmdb(tmp_path / "other", records(40))
    assert datacheck.scan(other, if_changed=earlier).status == 0


def test_a_report_that_leaves_out_what_was_known_answers_nothing(tmp_path, store, earlier):
    path = tmp_path / "new.json"
    assert datacheck.scan(store, known=earlier, reports=[path]).clean
    report = datacheck.scan(store, if_changed=path)
    assert (report.status, report.unchanged) == (1, None)


def test_the_first_time_there_is_no_report_yet_and_then_it_rolls(tmp_path, store, monkeypatch):
    path = tmp_path / "rolling.json"
    first = datacheck.scan(store, if_changed=path, reports=[path])
    assert "it is not there yet" in str(first)
    scanned_again(monkeypatch)
    for _ in range(2):
        assert datacheck.scan(store, if_changed=path, reports=[path]).unchanged == str(path)


def test_of_several_sources_only_those_that_changed_are_scanned(tmp_path, monkeypatch):
    stores = [write_lmdb(tmp_path / name, records(40, nan=[at])) for at, name in enumerate("abc")]
    path = tmp_path / "r.json"
    datacheck.scan(stores, reports=[path])
    os.utime(stores[1] / "data.mdb", ns=(1, 1))
    seen = []
    plain = scans.run

    def run(report, reader, **options):
        seen.append(reader.path.name)
        plain(report, reader, **options)

    monkeypatch.setattr("datacheck.scanning.store_scan.run", run)
    reports = datacheck.scan(stores, if_changed=path)
    assert seen == ["b"]
    assert [list(it.bad_keys()) for it in reports] == [["00000000"], ["00000001"], ["00000002"]]


def test_a_folder_of_hdf5_files_that_did_not_change(tmp_path, monkeypatch):
    (tmp_path / "files").mkdir()
    for number in range(3):
        with h5py.File(tmp_path / "files" / f"{number}.h5", "w") as file:
            file["data"] = np.full((20, 4), np.nan if number == 1 else 0.5, "f4") + np.arange(4, dtype="f4")
            file["label"] = np.arange(20) % 2
    path = tmp_path / "r.json"
    whole = datacheck.scan(tmp_path / "files", reports=[path])
    scanned_again(monkeypatch)
    answer = datacheck.scan(tmp_path / "files", if_changed=path)
    assert answer.unchanged
    assert list(answer.findings) == list(whole.findings)


def test_many_findings_are_answered_for_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr("datacheck.scanning.earlier.unchanged.TOGETHER", 8)
    store = write_lmdb(tmp_path / "env", records(60, nan=range(50)))
    path = tmp_path / "r.jsonl"
    whole = datacheck.scan(store, reports=[path])
    answer = datacheck.scan(store, if_changed=path)
    assert (answer.bad, answer.counts) == (whole.bad, whole.counts) == (50, {"nan": 50})
    assert list(answer.findings) == list(whole.findings)


def test_the_command_answers_with_the_same_status(tmp_path, store, earlier):
    done = commanding.datacheck("scan", store, "--no-config", "--if-changed", earlier, "-o", tmp_path / "new.json")
    assert (done.returncode, done.stderr) == (1, "")
    assert "unchanged: answered from" in done.stdout
    assert json.loads((tmp_path / "new.json").read_text())["unchanged"] == str(earlier)


def test_it_may_not_come_from_a_configuration_that_was_found(tmp_path, store, earlier):
    (tmp_path / "datacheck.toml").write_text(f'if-changed = "{earlier}"\n')
    done = commanding.datacheck("scan", store, cwd=tmp_path)
    assert done.returncode == 2
    assert "if-changed is refused" in done.stderr


def test_a_comparison_answers_for_no_scan(store, tmp_path):
    """It has read every record of the store, but judged none of them."""
    other = write_lmdb(tmp_path / "other", records(20))
    path = tmp_path / "compared.json"
    datacheck.compare([store, other]).save(path)
    report = datacheck.scan(store, if_changed=path)
    assert (report.unchanged, report.counts["nan"]) == (None, 2)
    assert "it is not of a scan of the source by itself" in str(report)


def test_what_was_said_of_duplicates_is_said_again(store, tmp_path, monkeypatch):
    path = tmp_path / "r.json"
    datacheck.scan(store, duplicates=True, reports=[path])
    whole = document(datacheck.scan(store, duplicates=True))
    scanned_again(monkeypatch)
    answer = document(datacheck.scan(store, duplicates=True, if_changed=path))
    assert answer == whole
    assert answer["comparison"]["compared"] == 60
