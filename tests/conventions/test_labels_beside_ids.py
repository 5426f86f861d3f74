"""A list of labels lies beside a list of keys, or beside records that are counted, with an item for each of them."""

import json
import pickle

import numpy as np
import pytest
from convention_stores import picture, read, write

import datacheck

COUNT = 40
LABELS = [at % 5 for at in range(COUNT)]
CUT = 7


def pictures(key):
    return {key(at): picture(at)[: 200 if at == CUT else None] for at in range(COUNT)}


def by_picture(pictures, labels):
    return dict(zip(pictures, labels, strict=True))


@pytest.mark.parametrize(
    ("dumps", "loads"),
    [
        (lambda it: json.dumps(it).encode(), json.loads),
        (pickle.dumps, pickle.loads),
        (lambda it: pickle.dumps(np.array(it)), pickle.loads),
    ],
    ids=["json", "pickle", "array"],
)
def test_a_copy_has_a_label_for_each_key_that_it_lists(tmp_path, dumps, loads):
    store = pictures(lambda at: b"%032x" % (at * 7919**8))
    keys = [it.decode() for it in store]
    beside = {b"ids": json.dumps(keys).encode(), b"labels": dumps(LABELS)}
    receipt = datacheck.rebuild(write(tmp_path / "source", store | beside), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    copied = by_picture(json.loads(copy[b"ids"]), list(loads(copy[b"labels"])))
    assert copied == {key: it for key, it in by_picture(keys, LABELS).items() if key.encode() in copy}
    assert (receipt.repairs.lists, receipt.repairs.items, receipt.unkept) == (("ids",), ("labels",), [])


def test_a_copy_has_a_label_for_each_number(tmp_path):
    beside = {b"length": b"%d" % COUNT, b"labels": json.dumps(LABELS).encode()}
    path = write(tmp_path / "source", pictures(lambda at: b"%05d" % at) | beside)
    datacheck.rebuild(path, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    pairs = {copy[b"%05d" % at]: it for at, it in enumerate(json.loads(copy[b"labels"]))}
    assert pairs == {picture(at): it for at, it in enumerate(LABELS) if at != CUT}


def test_names_of_classes_and_labels_of_a_larger_set_stay(tmp_path):
    store = pictures(lambda at: b"%05d" % at) | {b"length": b"%d" % COUNT}
    for said in ([f"class {at}" for at in range(COUNT)], list(range(3 * COUNT))):
        path = write(tmp_path / str(len(said)), store | {b"labels": json.dumps(said).encode()})
        datacheck.rebuild(path, path.with_suffix(".copy"), drop_bad=True)
        assert json.loads(read(path.with_suffix(".copy"))[b"labels"]) == said
