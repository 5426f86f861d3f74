"""Test a number that may count something other than the records, in a copy that lacks some of these."""

import json

import pytest
from convention_stores import read, write

import datacheck

DAMAGED = b'{"x": [1'


def lines(key=b"%d", count=60):
    return {key % at: json.dumps({"x": [at / 7, 0.5]}).encode() for at in range(count)}


@pytest.mark.parametrize("name", [b"length", b"Length", b"len"])
@pytest.mark.parametrize("key", [b"%d", b"%08d", b"clip of %d"])
def test_a_length_of_something_else_stays_as_it_is(tmp_path, name, key):
    source = write(tmp_path / "store", lines(key) | {name: b"128", key % 17: DAMAGED})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    left = lines(key)
    del left[key % 17]
    assert read(tmp_path / "copy") == left | {name: b"128"}
    assert dict(receipt.renamed()) == {}
    said = f"{name.decode()} still says 128, which may be a number of something else than records"
    assert said in receipt.unkept
    assert any("--renumber" in it for it in receipt.unkept)


def test_numbers_that_only_such_a_length_counts_may_have_gaps(tmp_path):
    store = lines() | {b"length": b"128"}
    for number in (17, 18, 40):
        del store[b"%d" % number]
    assert [(it.code, it.verdict) for it in datacheck.scan(write(tmp_path / "store", store)).findings] == [
        ("count", "suspicious")
    ]


@pytest.mark.parametrize("said", [60, 61, 63])
def test_one_that_is_near_to_the_records_is_made_true(tmp_path, said):
    source = write(tmp_path / "store", lines() | {b"length": b"%d" % said, b"17": DAMAGED})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"length"] == b"59"
    assert receipt.unkept == []
    assert datacheck.scan(tmp_path / "copy").clean


@pytest.mark.parametrize("named", [b"size", b"num_items"])
def test_a_word_for_other_things_that_is_near_to_the_records_stays(tmp_path, named):
    source = write(tmp_path / "store", lines() | {named: b"64", b"17": DAMAGED})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[named] == b"64"
    assert any(it.startswith(f"{named.decode()} still says 64") for it in receipt.unkept)
