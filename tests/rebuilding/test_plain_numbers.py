"""Test keys numbered without gaps that nothing in the store counts: kept as they are, closed up, or refused."""

import json

import pytest
from building import raw_records, write_lmdb
from commanding import datacheck as command
from convention_stores import read, write

import datacheck

KEYS = {"plain": b"%d", "padded": b"%08d", "named": b"frame_%05d.json"}
SAID = "needs --renumber"


def records(key, count=60, first=0):
    return {key % at: json.dumps({"x": [at / 7, 1.5]}).encode() for at in range(first, first + count)}


def rebuilt(tmp_path, store, **options):
    source = write(tmp_path / "store", store)
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, **options)
    return receipt, read(tmp_path / "copy")


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("first", [0, 1])
def test_renumber_closes_them_up(tmp_path, name, first):
    store = records(KEYS[name], first=first)
    kept = [value for at, value in enumerate(store.values()) if at not in (17, 18, 40)]
    for at in (17, 18, 40):
        store[KEYS[name] % (first + at)] = b'{"x": [1'
    receipt, copy = rebuilt(tmp_path, store, renumber=True)
    assert [copy[KEYS[name] % at] for at in range(first, first + 57)] == kept
    assert len(copy) == 57
    assert len(list(receipt.renamed())) == 40
    assert not any(SAID in it for it in receipt.unkept)


@pytest.mark.parametrize("how", ["scan", "report"])
def test_they_are_left_as_they_are_and_the_option_is_named(tmp_path, how):
    store = records(b"%d")
    store[b"17"] = b'{"x": [1'
    report = tmp_path / "report.json"
    source = write(tmp_path / "store", store)
    datacheck.scan(source, reports=[report])
    earlier = report if how == "report" else None
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, from_report=earlier)
    copy = read(tmp_path / "copy")
    assert sorted(copy) == sorted(store.keys() - {b"17"})
    assert receipt.unkept == [
        "the numbers in #, from 0 to 59 without a gap, now lack 17: a loader that counts up needs --renumber"
    ]


def test_groups_that_nothing_counts_are_named_too(tmp_path):
    store = records(b"image_%05d") | records(b"label_%05d")
    store[b"image_00017"] = b""
    receipt, copy = rebuilt(tmp_path, store)
    assert len(copy) == 118
    assert [it for it in receipt.unkept if SAID in it] == [
        "the numbers in image_#, label_#, from 0 to 59 without a gap, now lack 17: "
        "a loader that counts up needs --renumber"
    ]


QUIET = {
    "only the last one goes": (records(b"%d"), b"59", {}),
    "they had gaps before": ({key: it for key, it in records(b"%d").items() if key != b"30"}, b"17", {}),
    "they do not begin where loaders count from": (records(b"%d", first=7), b"17", {}),
    "whoever asks knows": (records(b"%d"), b"17", {"renumber": False}),
    "names": ({b"rec%x" % (at * 7919 % 99991): it for at, it in enumerate(records(b"%d").values())}, b"rec0", {}),
    "Caffe goes from one to the next": (raw_records(60), b"00000017", {}),
}


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_said_where_nothing_is_lost(tmp_path, name):
    store, key, options = QUIET[name]
    receipt, copy = rebuilt(tmp_path, {**store, key: b""}, **options)
    assert sorted(copy) == sorted(store.keys() - {key})
    assert not any(SAID in it for it in receipt.unkept)


def test_renumber_is_refused_where_keys_have_no_number(tmp_path):
    store = {b"%s-%s" % (a.encode(), b.encode()): b'{"x": 1.5}' for a in "abcdefgh" for b in "ijklmnop"} | {b"a-i": b""}
    source = write(tmp_path / "store", store)
    done = command("rebuild", source, tmp_path / "copy", "--drop-bad", "--renumber")
    assert done.returncode == 2
    assert "are not all of one numbering" in done.stderr
    assert not (tmp_path / "copy").exists()


def test_renumber_closes_up_what_was_lost_before(tmp_path):
    store = records(b"%d")
    del store[b"30"]
    source = write_lmdb(tmp_path / "store", store)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, renumber=True)
    assert sorted(read(tmp_path / "copy")) == sorted(b"%d" % at for at in range(59))
