"""What projects call the number of their records, and which number it is where there are other records too."""

import json
import pickle

import pytest
from convention_stores import read, write

import datacheck

NAMES = [b"total_number", b"n_samples", b"num_records", b"Length", b"count", b"total"]


def record(number):
    return json.dumps({"x": [number / 7, 0.5]}).encode()


def load(store, count):
    return [store[b"%d" % at] for at in range(count)]


def found(report):
    return {(it.code, it.verdict, it.message) for it in report.findings}


@pytest.mark.parametrize("name", NAMES)
def test_a_count_by_this_name_is_kept_true(tmp_path, name):
    store = {b"%d" % at: record(at) for at in range(60)} | {name: b"60"}
    kept = [store[b"%d" % at] for at in range(60) if at != 17]
    assert datacheck.scan(write(tmp_path / "sound", store)).status == 0
    source = write(tmp_path / "store", store | {b"17": b'{"x": [1'})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert load(copy, int(copy[name])) == kept


@pytest.mark.parametrize("name", NAMES[:4])
def test_one_that_is_not_true_is_said_and_made_true(tmp_path, name):
    store = {b"%d" % at: record(at) for at in range(60)} | {name: b"63"}
    source = write(tmp_path / "store", store)
    said = f"{name.decode()} says 63, there are 60"
    assert found(datacheck.scan(source)) == {("count", "bad", said)}
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[name] == b"60"


@pytest.mark.parametrize("name", [b"count", b"total"])
@pytest.mark.parametrize("number", [b"7", b"123456"])
def test_a_number_of_anything_else_is_no_count(tmp_path, name, number):
    store = {b"%d" % at: record(at) for at in range(60)} | {name: number}
    assert found(datacheck.scan(write(tmp_path / "store", store))) == set()


OTHERS = {b"scaler": {"mean": 0.5}, b"elements": ["C", "O"], b"setup": {"cutoff": 6.5}, b"targets": [0.5]}


@pytest.mark.parametrize("said", [61, 63, 64])
def test_what_a_loader_asks_for_is_counted_and_not_what_lies_beside_it(tmp_path, said):
    records = {b"%d" % at: pickle.dumps({"x": [at / 7]}) for at in range(60)}
    store = records | {key: pickle.dumps(it) for key, it in OTHERS.items()} | {b"length": pickle.dumps(said)}
    source = write(tmp_path / "store", store)
    report = datacheck.scan(source)
    assert [it.name for it in report.conventions] == ["fairchem"]
    assert found(report) == {("count", "bad", f"length says {said}, there are 60")}
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert load(copy, pickle.loads(copy[b"length"])) == list(records.values())


def test_a_number_of_all_records_beside_dense_ones_is_left_one(tmp_path):
    others = {b"info of %s" % it: b'{"x": [0.5]}' for it in (b"a", b"b")}
    store = {b"%d" % at: record(at) for at in range(60)} | others | {b"length": b"62"}
    assert found(datacheck.scan(write(tmp_path / "sound", store))) == set()
    datacheck.rebuild(write(tmp_path / "store", store | {b"17": b""}), tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"length"] == b"61"
