"""Lists of the keys of each set, under any name, beside the records or in a database of their own."""

import json
import pickle

import msgspec
import pytest
from convention_stores import read, read_database, write, write_databases

import datacheck

FORMS = {
    "pickle": (pickle.dumps, pickle.loads),
    "json": (lambda it: json.dumps(it).encode(), json.loads),
    "msgpack": (msgspec.msgpack.encode, msgspec.msgpack.decode),
}
KEYS = [f"rec{at * 3:04}" for at in range(60)]


def records(without=()):
    return {key.encode(): json.dumps({"x": [at / 7, 1.5]}).encode() for at, key in enumerate(KEYS) if at not in without}


def load(store, loads, names):
    return [store[key.encode()] for name in names for key in loads(store[name])]


def codes(report):
    return {(it.code, it.verdict) for it in report.findings}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("names", [(b"train", b"val"), (b"train_keys", b"val_keys"), (b"__train__", b"__test__")])
def test_sets_beside_the_records(tmp_path, form, names):
    dumps, loads = FORMS[form]
    lists = dict(zip(names, (dumps(KEYS[:45]), dumps(KEYS[45:])), strict=True))
    sound = records() | lists
    report = datacheck.scan(write(tmp_path / "sound", sound))
    assert ([it.name for it in report.conventions], report.counts) == (["key-list"], {})
    kept = [it for at, it in enumerate(load(sound, loads, names)) if at not in (7, 50)]
    damaged = records(without=[50]) | lists | {KEYS[7].encode(): b'{"x": [1'}
    source = write(tmp_path / "store", damaged)
    assert ("dangling", "bad") in codes(datacheck.scan(source))
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert load(read(tmp_path / "copy"), loads, names) == kept


@pytest.mark.parametrize("beside", [True, False])
def test_a_list_of_some_is_kept_true_and_what_it_leaves_out_is_nothing_odd(tmp_path, beside):
    lists = {b"val": pickle.dumps(KEYS[40:52])}
    bad = records() | {KEYS[41].encode(): b""}

    def stored(name, of):
        path = tmp_path / name
        return write(path, of | lists) if beside else write_databases(path, {"data": of, "meta": lists})

    assert datacheck.scan(stored("sound", records())).counts == {}
    datacheck.rebuild(stored("store", bad), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy") if beside else read_database(tmp_path / "copy", "meta")
    assert pickle.loads(copy[b"val"]) == [it for it in KEYS[40:52] if it != KEYS[41]]


OTHERS = {
    "names of classes": {b"classes": ["cat", "dog", "bird", "fish", "cow"]},
    "names of files": {b"files": [f"{it}.png" for it in KEYS]},
    "a remark on a few": {b"odd": KEYS[:2]},
    "classes that are called as records are": {b"classes": KEYS[:3]},
    "numbers": {b"order": list(range(60))},
    "many names": {b"name " + bytes([97 + at]): [KEYS[at]] for at in range(26)},
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_lists_are_records(tmp_path, name):
    others = {key: pickle.dumps(it) for key, it in OTHERS[name].items()}
    report = datacheck.scan(write(tmp_path / "store", records() | others))
    assert [it.name for it in report.conventions if it.name] == []
