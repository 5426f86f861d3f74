"""A number of records in a mapping of metadata."""

import json
import pickle

import numpy as np
import pytest
from convention_stores import read, write

import datacheck

FORMS = {"json": (lambda it: json.dumps(it).encode(), json.loads), "pickle": (pickle.dumps, pickle.loads)}


def arrays(count=60):
    return {b"%d" % at: pickle.dumps({"x": np.random.default_rng(at).normal(size=9)}) for at in range(count)}


def store(form="json", key=b"__metadata__", **said):
    return arrays() | {key: FORMS[form][0]({"version": 2, "dtype": "float32", "dims": [3, 3], **said})}


def load(path, form="json", key=b"__metadata__", name="num_samples"):
    records = read(path)
    return [pickle.loads(records[b"%d" % at])["x"] for at in range(FORMS[form][1](records[key])[name])]


@pytest.mark.parametrize("key", [b"__metadata__", b"__meta__", b"metadata", b"meta"])
@pytest.mark.parametrize("form", FORMS)
def test_the_count_is_checked_and_kept_true(tmp_path, form, key):
    report = datacheck.scan(write(tmp_path / "sound", store(form, key, num_samples=60)))
    assert (report.status, report.counts, report.convention_names) == (0, {}, ["count"])
    (finding,) = datacheck.scan(write(tmp_path / "stale", store(form, key, num_samples=70))).findings
    assert (finding.code, finding.verdict) == ("count", "bad")
    assert finding.message == f"num_samples in {key.decode()} says 70, there are 60"
    records = store(form, key, num_samples=60)
    records[b"13"] = records[b"13"][:40]
    datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    assert len(load(tmp_path / "copy", form, key)) == 59
    assert FORMS[form][1](read(tmp_path / "copy")[key]) == FORMS[form][1](records[key]) | {"num_samples": 59}
    assert datacheck.scan(tmp_path / "copy").clean


def test_a_record_that_is_gone(tmp_path):
    records = store(num_samples=60)
    del records[b"13"]
    assert datacheck.scan(write(tmp_path / "store", records)).counts == {"dangling": 1}


OTHERS = [{"length": 128}, {"num_frames": 16}, {"size": 224}, {"total": 5}, {"length": 3.5}, {}]


@pytest.mark.parametrize("said", OTHERS)
def test_numbers_of_other_things_say_nothing(tmp_path, said):
    report = datacheck.scan(write(tmp_path / "store", store(**said)))
    assert (report.status, report.counts) == (0, {})


def test_samples_of_sound_in_each_record_are_no_fault(tmp_path):
    source = write(tmp_path / "store", store(num_samples=16000, sample_rate=16000) | {b"13": b""})
    assert [(it.code, it.verdict) for it in datacheck.scan(source).findings] == [
        ("empty", "bad"),
        ("count", "suspicious"),
    ]
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy") == {key: value for key, value in read(source).items() if key != b"13"}


def test_a_length_that_is_near_may_be_theirs(tmp_path):
    report = datacheck.scan(write(tmp_path / "store", store(length=59)))
    assert [(it.code, it.verdict) for it in report.findings] == [("count", "suspicious")]


def test_metadata_that_is_a_record_of_its_own_kind_stays(tmp_path):
    """A mapping without a number of records, and one that cannot be read, are what they were."""
    records = arrays() | {b"metadata": json.dumps({"name": "x"}).encode()}
    assert datacheck.scan(write(tmp_path / "store", records)).clean
    receipt = datacheck.rebuild(tmp_path / "store", tmp_path / "copy")
    assert read(tmp_path / "copy") == records
    assert receipt.written


def test_metadata_beside_a_list_of_keys(tmp_path):
    """It is on no list, and is no sample that a loader misses; a number in it that is theirs stays so."""
    records = store(key=b"__meta__", num_samples=60)
    records |= {b"__keys__": pickle.dumps([b"%d" % at for at in range(60)]), b"__len__": b"60"}
    assert datacheck.scan(write(tmp_path / "sound", records)).counts == {}
    datacheck.rebuild(write(tmp_path / "store", records | {b"13": b""}), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert (len(pickle.loads(copy[b"__keys__"])), copy[b"__len__"]) == (59, b"59")
    assert json.loads(copy[b"__meta__"])["num_samples"] == 59
