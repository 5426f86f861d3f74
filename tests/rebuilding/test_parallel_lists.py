"""A list or an array that has an item for each record: a rebuild that drops some says that it has all of them still."""

import json
import pickle

import numpy as np
import pytest
from building import npy
from convention_stores import picture, write

import datacheck

LABELS = {
    "an array": (pickle.dumps(np.arange(60) % 10), "scores"),
    "a list": (json.dumps([at % 10 + 0.5 for at in range(60)]).encode(), "scores"),
    "npy": (npy(np.arange(60) % 10), "scores"),
    "within": (pickle.dumps({"p": np.arange(60) % 10, "names": ["a", "b"]}), "scores: p"),
}


def rebuilt(tmp_path, value, cut=True):
    records = {b"%05d" % at: picture(at) for at in range(60)}
    if cut:
        records[b"00007"] = records[b"00007"][:200]
    source = write(tmp_path / "store", records | {b"length": b"60", b"scores": value})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    return [it for it in receipt.unkept if "items as before" in it]


@pytest.mark.parametrize(("value", "name"), LABELS.values(), ids=LABELS)
def test_it_is_named(tmp_path, value, name):
    said = "has 60 items as before, as many as there were records: if there is one for each, they do not fit those of"
    assert rebuilt(tmp_path, value) == [f"{name} {said} the copy"]


def test_nothing_is_said_where_nothing_goes(tmp_path):
    assert rebuilt(tmp_path, LABELS["an array"][0], cut=False) == []


@pytest.mark.parametrize("count", [10, 100])
def test_nor_of_as_many_as_something_else(tmp_path, count):
    assert rebuilt(tmp_path, pickle.dumps(np.arange(count))) == []
