"""A mapping of numbers by the names of databases or of sets in keys: `{"train": 50, "val": 20}`."""

import json
import pickle

import lmdb
import msgspec
import pytest
from convention_stores import picture, read, write

import datacheck

SIZES = {"train": 40, "val": 20}
WAYS = {
    "json": (lambda it: json.dumps(it).encode(), json.loads),
    "pickle": (pickle.dumps, pickle.loads),
    "msgpack": (msgspec.msgpack.encode, msgspec.msgpack.decode),
}


def databases(path, about, cut=(), sizes=SIZES):
    with lmdb.open(str(path), map_size=1 << 26, max_dbs=8, sync=False) as env:
        for name, size in sizes.items():
            database = env.open_db(name.encode())
            with env.begin(write=True, db=database) as transaction:
                for at in range(size):
                    value = picture(len(name) * 100 + at)
                    transaction.put(b"%05d" % at, value[: 200 if (name, at) in cut else None])
        with env.begin(write=True) as transaction:
            for key, value in about.items():
                transaction.put(key, value)
    return path


def families(about, cut=(), sizes=SIZES):
    made = {}
    for name, size in sizes.items():
        for at in range(size):
            made[b"%s_%05d" % (name.encode(), at)] = picture(len(made))[: 200 if (name, at) in cut else None]
    return made | about


def counts(path):
    found = (it for it in datacheck.scan(path).findings if it.code == "count")
    return [(it.verdict, it.details["said"], it.details["found"]) for it in found]


def value_in(path, key):
    with lmdb.open(str(path), readonly=True, lock=False, max_dbs=8) as env, env.begin() as transaction:
        return bytes(transaction.get(key))


@pytest.mark.parametrize(("way", "key"), [("json", b"counts"), ("pickle", b"info"), ("msgpack", b"__metadata__")])
def test_numbers_of_databases_are_compared_and_true_in_a_copy(tmp_path, way, key):
    dumps, loads = WAYS[way]
    assert counts(databases(tmp_path / "sound", {key: dumps(SIZES)})) == []
    assert counts(databases(tmp_path / "more", {key: dumps(SIZES | {"val": 21})})) == [("bad", 21, 20)]
    cut = {("train", 3), ("val", 4), ("val", 7)}
    source = databases(tmp_path / "store", {key: dumps(SIZES | {"version": 2})}, cut)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, renumber=False)
    assert loads(value_in(tmp_path / "copy", key)) == {"train": 39, "val": 18, "version": 2}


@pytest.mark.parametrize("key", [b"counts", b"splits", b"num_samples_per_split"])
def test_numbers_of_sets_in_keys_are_compared_and_true_in_a_copy(tmp_path, key):
    assert counts(write(tmp_path / "sound", families({key: json.dumps(SIZES).encode()}))) == []
    more = families({key: json.dumps(SIZES | {"val": 21}).encode()})
    assert counts(write(tmp_path / "more", more)) == [("bad", 21, 20)]
    source = write(tmp_path / "store", families({key: json.dumps(SIZES).encode()}, {("val", 4)}))
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert json.loads(read(tmp_path / "copy")[key]) == SIZES | {"val": 19}


@pytest.mark.parametrize(
    "value",
    [
        {"train": 224, "val": 256},
        {"train": 0, "val": 1},
        {"train": 36, "val": 18},
        {"train": 40.0, "val": 21.0},
        {"val": 18},
        {1: 40, "1": 20},
    ],
    ids=["sizes", "places", "two others", "floats", "one", "numbers"],
)
def test_other_numbers_by_such_names_are_left_as_they_are(tmp_path, value):
    raw = pickle.dumps(value)
    assert counts(databases(tmp_path / "databases", {b"setup": raw})) == []
    assert counts(write(tmp_path / "families", families({b"setup": raw}))) == []
    assert datacheck.scan(tmp_path / "families").complete
    cut = {("val", 4)}
    datacheck.rebuild(
        databases(tmp_path / "cut", {b"setup": raw}, cut), tmp_path / "copy", drop_bad=True, renumber=False
    )
    assert value_in(tmp_path / "copy", b"setup") == raw


def test_numbers_of_whole_sets_are_suspicious(tmp_path):
    raw = json.dumps(SIZES | {"train": 60}).encode()
    assert counts(databases(tmp_path / "databases", {b"total_counts": raw})) == [("suspicious", 60, 40)]
    assert counts(write(tmp_path / "families", families({b"total_counts": raw}))) == [("suspicious", 60, 40)]
