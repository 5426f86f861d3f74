"""Lists of records within mappings, which a copy keeps true, and those that it does not, of which people are told."""

import json
import pickle
import zlib

import lmdb
import msgspec
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
        (b"train", NUMBERS[:50], "train lists numbers"),
        (b"shuffled", NUMBERS[::-1], "shuffled lists numbers"),
        (b"split", {"train": NUMBERS[:50], "val": NUMBERS[50:]}, "split lists numbers"),
        (b"setup", {"folds": [NUMBERS[:30], NUMBERS[30:]]}, "setup: folds lists numbers"),
        (b"names", {f"film {at}.mp4": at for at in NUMBERS}, "names lists numbers"),
        (b"info", {"keys": NAMES, "labels": [at % 3 for at in NUMBERS]}, "info: keys lists keys"),
        (b"about", {"keys": NAMES, "number": 60}, "about: keys lists keys"),
        (b"about", {"keys": NAMES, "of": {"clips": [60.0], "number": 60}}, "about: keys lists keys"),
        (b"pairs", {"of": {"first": NAMES[:30], "second": NAMES[30:]}}, "pairs: of lists keys"),
    ],
)
def test_a_list_that_stays_as_it_is_is_named(tmp_path, key, value, said, write_value):
    store = lines() | {key: write_value(value)}
    (told,) = untold(tmp_path, store, b"clip 17")
    assert told == f"{said} of records as before: some may not be in the copy"
    assert read(tmp_path / "copy")[key] == store[key]


LEFT = [it for it in NAMES if it != "clip 17"]
KEPT_TRUE = {
    "a list": (b"__metadata__", {"keys": NAMES, "version": 2}, {"keys": LEFT, "version": 2}),
    "sets": (
        b"info",
        {"data": {"train": NAMES[:30], "val": NAMES[30:]}, "by": "us"},
        {"data": {"train": [it for it in NAMES[:30] if it != "clip 17"], "val": NAMES[30:]}, "by": "us"},
    ),
    "names": (b"sizes", {it: [16, 24] for it in NAMES}, {it: [16, 24] for it in LEFT}),
    "values": (
        b"paths",
        {f"{it}.mp4": it for it in NAMES},
        {f"{it}.mp4": it for it in LEFT},
    ),
    "a table": (
        b"table",
        [{"clip": it, "frames": 16} for it in NAMES],
        [{"clip": it, "frames": 16} for it in LEFT],
    ),
    "folds": (b"setup", {"folds": [NAMES[:20], NAMES[20:]]}, {"folds": [LEFT[:19], LEFT[19:]]}),
}
FORMS = {
    "json": (lambda it: json.dumps(it, indent=1).encode(), json.loads),
    "msgpack": (msgspec.msgpack.encode, msgspec.msgpack.decode),
    "pickle": (pickle.dumps, pickle.loads),
    "pickle 2": (lambda it: pickle.dumps(it, 2), pickle.loads),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", KEPT_TRUE)
def test_a_list_of_keys_that_nothing_else_goes_by_is_kept_true(tmp_path, case, form):
    (key, before, after), (writes, reads) = KEPT_TRUE[case], FORMS[form]
    assert untold(tmp_path, lines() | {key: writes(before)}, b"clip 17") == []
    assert reads(read(tmp_path / "copy")[key]) == after


TWICE = b'{"keys": %s, "by": "us", "by": "them"}' % json.dumps(NAMES).encode()


def test_a_list_of_keys_gets_the_numbers_of_the_copy(tmp_path):
    store = lines() | {b"info": json.dumps({"keys": NAMES}).encode(), b"length": b"60"}
    assert untold(tmp_path, store, b"clip 17") == []
    assert json.loads(read(tmp_path / "copy")[b"info"]) == {"keys": NAMES[:59]}
    assert datacheck.scan(tmp_path / "copy").clean


@pytest.mark.parametrize(
    "value",
    [
        pickle.dumps({"keys": NAMES, "shape": (3, 4)}),
        pickle.dumps({"keys": tuple(NAMES), "version": 2}),
        TWICE,
        zlib.compress(TWICE),
        b"\x83\xa4keys" + msgspec.msgpack.encode(NAMES) + b"\xa2by\xa2us\xa2by\xa4them",
        b"\x82\xa4keys" + msgspec.msgpack.encode(NAMES) + b"\xa2of\x91\x82\xa1a\xc3\xa1a\xc2",
    ],
    ids=["a tuple", "a tuple of keys", "a name twice", "compressed", "msgpack", "further down"],
)
def test_what_would_lose_something_is_not_written_anew(tmp_path, value):
    (told,) = untold(tmp_path, lines() | {b"info": value}, b"clip 17")
    assert told == "info: keys lists keys of records as before: some may not be in the copy"
    assert read(tmp_path / "copy")[b"info"] == value


def test_a_value_too_deep_to_be_looked_at_stays(tmp_path):
    deep = b'{"keys": %s, "of": %s}' % (json.dumps(NAMES).encode(), b"[" * 400 + b"]" * 400)
    (told,) = untold(tmp_path, lines() | {b"info": deep}, b"clip 17")
    assert told.startswith("info: keys lists keys")


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
