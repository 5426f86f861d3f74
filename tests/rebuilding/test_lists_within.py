"""Lists of records that a copy does not keep true: within mappings, and of numbers. Whoever makes the copy is told."""

import json
import pickle

import lmdb
import pytest
from convention_stores import read, write

import datacheck

DAMAGED = b'{"x": [1'
NUMBERS = list(range(60))
NAMES = [f"clip {at}" for at in NUMBERS]


def lines(key=b"clip %d"):
    return {key % at: json.dumps({"x": [at / 7, 0.5]}).encode() for at in NUMBERS}


def untold(tmp_path, store, bad, **options):
    source = write(tmp_path / "store", store | {bad: DAMAGED} if bad else store)
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, **options)
    return [it for it in receipt.unkept if "lists" in it]


@pytest.mark.parametrize("write_value", [lambda it: json.dumps(it).encode(), pickle.dumps])
@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (b"__metadata__", {"keys": NAMES, "version": 2}, "__metadata__: keys lists keys"),
        (b"info", {"data": {"train": NAMES[:50], "val": NAMES[50:]}, "by": "us"}, "info: data lists keys"),
        (b"train", NUMBERS[:50], "train lists numbers"),
        (b"shuffled", NUMBERS[::-1], "shuffled lists numbers"),
        (b"split", {"train": NUMBERS[:50], "val": NUMBERS[50:]}, "split lists numbers"),
        (b"setup", {"folds": [NUMBERS[:30], NUMBERS[30:]]}, "setup: folds lists numbers"),
        (b"sizes", {name: [16, 24] for name in NAMES}, "sizes lists keys"),
        (b"names", {f"film {at}.mp4": at for at in NUMBERS}, "names lists numbers"),
        (b"table", [{"clip": name, "frames": 16} for name in NAMES], "table: clip lists keys"),
    ],
)
def test_a_list_that_stays_as_it_is_is_named(tmp_path, key, value, said, write_value):
    store = lines() | {key: write_value(value)}
    (told,) = untold(tmp_path, store, b"clip 17")
    assert told == f"{said} of records as before: some may not be in the copy"
    assert read(tmp_path / "copy")[key] == store[key]


def test_numbers_that_are_closed_up_are_named_too(tmp_path):
    store = lines() | {b"split": json.dumps({"val": NUMBERS[50:]}).encode(), b"length": b"60"}
    (told,) = untold(tmp_path, store, b"clip 17")
    assert told == "split: val lists numbers of records as before: some may not be in the copy, or have others there"


def test_a_list_in_another_database(tmp_path):
    with lmdb.open(str(tmp_path / "store"), map_size=1 << 24, max_dbs=2) as env:
        for name, records in {
            b"clips": lines() | {b"clip 17": DAMAGED},
            b"about": {b"splits": json.dumps({"val": NUMBERS[40:]}).encode()},
        }.items():
            database = env.open_db(name)
            with env.begin(write=True) as transaction:
                for key, value in records.items():
                    transaction.put(key, value, db=database)
    receipt = datacheck.rebuild(tmp_path / "store", tmp_path / "copy", drop_bad=True)
    told = [it for it in receipt.unkept if "lists" in it]
    assert told == ["about:splits: val lists numbers of records as before: some may not be in the copy"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"classes", {"names": ["cat", "dog", "bird", "fish"]}),
        (b"elements", [1, 6, 7, 8, 9, 16]),
        (b"__metadata__", {"shape": [3, 16, 32, 48], "mean": [0.5, 0.5, 0.5, 0.5]}),
        (b"train", [70, 80, 90, 100]),
        (b"lengths", [3] * 60),
        (b"val", {"keys": ["a", "b", "c", "d"]}),
        (b"class_names", {"cat": 0, "dog": 1, "bird": 2, "fish": 3}),
        (b"names", {"0": "cat", "1": "dog", "2": "bird", "3": "fish"}),
        (b"frames", [{"at": 0, "of": "a"}, {"at": 7, "of": "b"}, {"at": 8, "of": "c"}, {"at": 9, "of": "d"}]),
        (b"ragged", [{"at": 0}, {"of": 7}, {}, {"at": None}]),
    ],
)
def test_a_list_of_anything_else_is_not(tmp_path, key, value):
    assert untold(tmp_path, lines() | {key: json.dumps(value).encode()}, b"clip 17") == []


def test_nor_one_of_a_store_that_loses_no_record(tmp_path):
    store = lines() | {b"__metadata__": json.dumps({"keys": NAMES, "version": 2}).encode()}
    assert untold(tmp_path, store, None) == []


def test_nor_one_that_is_kept_true(tmp_path):
    store = lines() | {b"__keys__": json.dumps(NAMES).encode()}
    assert untold(tmp_path, store, b"clip 17") == []
    assert len(json.loads(read(tmp_path / "copy")[b"__keys__"])) == 59
