"""Test lists of records within mappings: those that a copy keeps true, and others, which are reported."""

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
        (b"about", {"keys": NAMES, "classes": 60}, "about: keys lists keys"),
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
    "a list and its number": (b"about", {"keys": NAMES, "number": 60}, {"keys": LEFT, "number": 59}),
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
    "pairs": (
        b"pairs",
        [[NAMES[at], NAMES[-1 - at], at] for at in range(30)],
        [[NAMES[at], NAMES[-1 - at], at] for at in range(30) if at != 17],
    ),
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
        pickle.dumps({"keys": NAMES, "shape": {3, 4}}),
        pickle.dumps({"keys": set(NAMES), "version": 2}),
        TWICE,
        zlib.compress(TWICE),
        b"\x83\xa4keys" + msgspec.msgpack.encode(NAMES) + b"\xa2by\xa2us\xa2by\xa4them",
        b"\x82\xa4keys" + msgspec.msgpack.encode(NAMES) + b"\xa2of\x91\x82\xa1a\xc3\xa1a\xc2",
    ],
    ids=["a set", "a set of keys", "a name twice", "compressed", "msgpack", "further down"],
)
def test_what_would_lose_something_is_not_written_anew(tmp_path, value):
    (told,) = untold(tmp_path, lines() | {b"info": value}, b"clip 17")
    assert told == "info: keys lists keys of records as before: some may not be in the copy"
    assert read(tmp_path / "copy")[b"info"] == value


LABELS = [at % 3 for at in NUMBERS]
GONE_BY = {
    "labels elsewhere": {"samples": {"keys": NAMES}, "targets": {"labels": LABELS}},
    "labels deeper": {"keys": NAMES, "about": {"labels": LABELS}},
    "labels in a text": {"keys": NAMES, "labels": "012" * 20},
    "labels of a set": {"train": NAMES[:30], "train_labels": LABELS[:30]},
    "features by row": {"keys": NAMES, "features": {"width": [0.5] * 60, "height": [0.25] * 60}},
    "a table of four columns": {"keys": NAMES, "boxes": [0.5] * 240},
    "places": {"keys": NAMES, "hard": [3, 18, 45]},
    "where it begins": {"keys": NAMES, "offsets": [7 * at for at in range(61)]},
    "where a set begins": {"keys": NAMES, "val_start": 50},
    "a count of all": {"train": NAMES[:20], "val": NAMES[20:], "number": 60},
    "a count in a text": {"keys": NAMES, "number": "60"},
    "one that is named": {"keys": NAMES, "best": "clip 17"},
    "some that are named": {"frames": dict.fromkeys(NAMES, 16), "hardest": ["clip 17", "clip 3"]},
    "two columns": [{"clip": NAMES[at], "next": NAMES[at - 1]} for at in NUMBERS],
    "names and values": {NAMES[at]: NAMES[at - 1] for at in NUMBERS},
    "pairs": {"of": {"train_left": NAMES[:30], "train_right": NAMES[30:]}, "by": 1},
    "two lists": {"of": [NAMES[:30], NAMES[30:]], "by": 1},
}


@pytest.mark.parametrize("value", GONE_BY.values(), ids=GONE_BY)
def test_a_list_that_something_else_may_go_by_stays_and_is_named(tmp_path, value):
    raw = json.dumps(value).encode()
    (told,) = untold(tmp_path, lines() | {b"setup": raw}, b"clip 17")
    assert "lists keys of records as before" in told
    assert read(tmp_path / "copy")[b"setup"] == raw


KEPT_BESIDE = {
    "a shape": {"keys": NAMES, "shape": [3, 48, 48], "mean": [0.4, 0.5, 0.6]},
    "texts": {"keys": NAMES, "authors": ["one", "another"], "licence": "as it is"},
    "numbers of no list": {"keys": NAMES, "version": 2, "fps": 25, "scale": 0.5},
    "sets of one length": {"of": {"train_keys": NAMES[:30], "val_keys": NAMES[30:]}, "by": "us"},
}


@pytest.mark.parametrize("value", KEPT_BESIDE.values(), ids=KEPT_BESIDE)
def test_what_does_not_go_by_a_list_does_not_keep_it_from_being_true(tmp_path, value):
    assert untold(tmp_path, lines() | {b"info": json.dumps(value).encode()}, b"clip 17") == []
    raw = read(tmp_path / "copy")[b"info"]
    assert raw == json.dumps(value).replace('"clip 17", ', "").encode()


@pytest.mark.parametrize("value", [{"vocabulary": [str(at) for at in NUMBERS], "by": 1}, {"class_ids": {"0": "cat"}}])
def test_classes_that_are_called_as_keys_are_stay(tmp_path, value):
    for names in value.values() if "class_ids" in value else ():
        names.update((str(at), "thing") for at in NUMBERS)
    raw = json.dumps(value).encode()
    (told,) = untold(tmp_path, lines(b"%d") | {b"info": raw}, b"17")
    assert "lists keys" in told
    assert read(tmp_path / "copy")[b"info"] == raw


@pytest.mark.parametrize(
    "raw",
    [
        msgspec.msgpack.encode({1: NAMES, "1": 5}),
        pickle.dumps({1: NAMES, "1": [1]}),
        b"\x82\xa4keys" + msgspec.msgpack.encode(NAMES) + b"\xa1f\xca\x3f\x80\x00\x00",
        b"\x83\xa4keys" + msgspec.msgpack.encode(NAMES) + b"\xa1f\x01\xa1f\x02",
        zlib.compress(b'{"keys": %s, "by": "us", "by": "them"}' % json.dumps(NAMES).encode()),
    ],
    ids=[
        "1 and its text",
        "1 and its text, pickled",
        "a float of four bytes",
        "a name twice",
        "a name twice, deflated",
    ],
)
def test_what_is_written_otherwise_than_it_would_be_stays(tmp_path, raw):
    (told,) = untold(tmp_path, lines() | {b"info": raw}, b"clip 17")
    assert "lists keys" in told
    assert read(tmp_path / "copy")[b"info"] == raw


def test_a_value_too_deep_to_be_looked_at_stays(tmp_path):
    deep = b'{"keys": %s, "of": %s}' % (json.dumps(NAMES).encode(), b"[" * 400 + b"]" * 400)
    (told,) = untold(tmp_path, lines() | {b"info": deep}, b"clip 17")
    assert told.startswith("info: keys lists keys")


def test_numbers_that_are_closed_up_are_named_too(tmp_path):
    store = lines() | {b"order": json.dumps({"of": NUMBERS[50:]}).encode(), b"length": b"60"}
    (told,) = untold(tmp_path, store, b"clip 17")
    assert told == "order: of lists numbers of records as before: some may not be in the copy, or have others there"


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


@pytest.mark.parametrize("key", [b"info", b"__keys__"])
@pytest.mark.parametrize(
    "beside",
    [{"captions": [f"a cat, {at}" for at in NUMBERS]}, {"labels": [str(at % 3) for at in NUMBERS]}],
    ids=["captions", "labels"],
)
def test_a_list_of_labels_beside_the_keys_keeps_all_of_them(tmp_path, key, beside):
    raw = json.dumps({"keys": NAMES, **beside}).encode()
    told = untold(tmp_path, lines() | {key: raw}, b"clip 17")
    assert read(tmp_path / "copy")[key] == raw
    assert [it for it in told if "keys lists keys" in it]


@pytest.mark.parametrize("key", [b"info", b"__keys__"])
def test_classes_beside_the_keys_are_not_taken_for_keys(tmp_path, key):
    raw = json.dumps({"keys": NAMES, "classes": ["cat", "dog", "cow", "pig"]}).encode()
    assert datacheck.scan(write(tmp_path / "sound", lines() | {key: raw})).clean
    assert not [it for it in untold(tmp_path, lines() | {key: raw}, b"clip 17") if "lists keys" in it]
    assert json.loads(read(tmp_path / "copy")[key]) == {"keys": LEFT, "classes": ["cat", "dog", "cow", "pig"]}


def test_a_set_whose_keys_are_all_missing_is_named(tmp_path):
    raw = json.dumps({"train": NAMES, "val": [f"film {at}" for at in NUMBERS[:20]]}).encode()
    report = datacheck.scan(write(tmp_path / "store", lines() | {b"__keys__": raw}))
    assert report.counts["dangling"] == 1


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", [tuple, set, frozenset, list])
@pytest.mark.parametrize("key", [b"names", b"__keys__"])
def test_a_pickled_list_of_keys_is_of_the_same_type_in_a_copy(tmp_path, key, kind, protocol):
    for value, left in (
        (kind(NAMES), kind(LEFT)),
        ({"train": kind(NAMES[:40]), "val": NAMES[40:]}, {"train": kind(LEFT[:39]), "val": NAMES[40:]}),
    ):
        folder = tmp_path / type(value).__name__ / "of"
        folder.mkdir(parents=True)
        assert untold(folder, lines() | {key: pickle.dumps(value, protocol)}, b"clip 17") == []
        made = pickle.loads(read(folder / "copy")[key])
        assert made == left
        assert type(made) is type(left)
