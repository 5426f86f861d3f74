"""Lists of keys that cannot be written again: they are compared with the keys of the records all the same."""

import json
import pickle
import zlib

import numpy as np
import pytest
from building import npy
from convention_stores import picture, read, write

import datacheck

NAMES = [f"im{number:03d}.jpg" for number in range(40)]
GONE = NAMES[17]


def records(kept, key=b"meta", gone=()):
    made = {name.encode(): picture(number) for number, name in enumerate(NAMES) if name not in gone}
    return made | {key: kept}


def dangling(path):
    findings = datacheck.scan(path).findings
    return [(it.verdict, it.details["first"]) for it in findings if it.code == "dangling"]


LISTS = {
    "beside an array": pickle.dumps({"keys": NAMES, "mean": np.zeros(3)}),
    "beside labels": json.dumps({"keys": NAMES, "labels": [3] * len(NAMES)}).encode(),
    "array": npy(np.array(NAMES)),
    "pickled array": pickle.dumps(np.array(NAMES)),
    "numbers of keys": pickle.dumps({name: number for number, name in enumerate(NAMES)}),
    "table": "".join(["file,class\n", *(f"{name},{len(name) % 3}\n" for name in NAMES)]).encode(),
    "table without a header": "".join(f"{name}\tcat\n" for name in NAMES).encode(),
    "JSON lines": "".join(json.dumps({"file": name}) + "\n" for name in NAMES).encode(),
}


@pytest.mark.parametrize("kept", LISTS.values(), ids=LISTS)
def test_a_key_that_leads_to_nothing(tmp_path, kept):
    assert list(datacheck.scan(write(tmp_path / "sound", records(kept))).findings) == []
    assert dangling(write(tmp_path / "store", records(kept, gone=[GONE]))) == [("suspicious", [GONE])]


def test_a_table_of_other_records_too(tmp_path):
    others = "".join(f"{name},1\n" for name in [*NAMES[::3], *(f"other{it}.jpg" for it in range(30))]).encode()
    assert list(datacheck.scan(write(tmp_path / "store", records(others))).findings) == []


OWN = {
    "lines": "\n".join(NAMES).encode(),
    "compressed": zlib.compress(pickle.dumps(NAMES)),
    "pickled array": pickle.dumps(np.array(NAMES)),
    "array": npy(np.array(NAMES)),
}


@pytest.mark.parametrize("kept", OWN.values(), ids=OWN)
def test_the_list_that_a_loader_reads(tmp_path, kept):
    assert list(datacheck.scan(write(tmp_path / "sound", records(kept, b"__keys__"))).findings) == []
    assert dangling(write(tmp_path / "store", records(kept, b"__keys__", [GONE]))) == [("bad", [GONE])]


def test_lines_are_true_in_a_copy(tmp_path):
    store = records(OWN["lines"], b"__keys__") | {b"__len__": b"40"}
    store[GONE.encode()] = store[GONE.encode()][:60]
    datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert copy[b"__keys__"].decode().split("\n") == [it for it in NAMES if it != GONE]
    assert copy[b"__len__"] == b"39"


def test_what_is_no_list_under_its_name_cannot_be_read(tmp_path):
    for at, kept in enumerate((zlib.compress(pickle.dumps(NAMES))[:-9], npy(np.zeros(3)))):
        (finding,) = datacheck.scan(write(tmp_path / f"store{at}", records(kept, b"__keys__"))).findings
        assert (finding.code, finding.verdict) == ("undecodable", "bad")


def test_a_copy_in_which_the_list_would_name_what_is_gone_is_not_made(tmp_path):
    store = records(OWN["array"], b"__keys__")
    datacheck.rebuild(write(tmp_path / "sound", store), tmp_path / "whole", drop_bad=True)
    store[GONE.encode()] = store[GONE.encode()][:60]
    with pytest.raises(datacheck.errors.RebuildFailed, match="__keys__ has a form that is not written"):
        datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)


@pytest.mark.parametrize("head", ["filename", "# made by hand"])
def test_what_stands_above_a_list_is_no_key_and_stays(tmp_path, head):
    text = "\n".join([head, *NAMES]).encode()
    store = records(text, b"list.txt")
    assert list(datacheck.scan(write(tmp_path / "sound", store)).findings) == []
    store[GONE.encode()] = store[GONE.encode()][:60]
    receipt = datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"list.txt"] == text
    assert any("list.txt lists keys of records as before" in it for it in receipt.unkept)


def test_labels_that_are_numbers_in_texts_are_no_keys(tmp_path):
    store = {b"%d" % number: picture(number) for number in range(40)}
    labels = json.dumps([str(number * 7 % 43) for number in range(40)]).encode()
    assert list(datacheck.scan(write(tmp_path / "store", store | {b"labels": labels})).findings) == []
