"""Test numbers that count the keys of one list of several, such as `num_train` beside `train_keys`."""

import hashlib
import json
import pickle

import lmdb
import pytest
from commanding import datacheck

import datacheck as package

NAMED = [hashlib.md5(b"%d" % it, usedforsecurity=False).hexdigest() for it in range(50)]
NUMBERED = [f"{it:05d}" for it in range(50)]
BAD = (3, 9, 45)


def _json(value):
    return json.dumps(value).encode()


def _lines(value):
    return "\n".join(value).encode()


def _store(path, keys, beside, bad=()):
    records = {key: _json({"values": [at, at / 7, float("nan") if at in bad else 1.5]}) for at, key in enumerate(keys)}
    with lmdb.open(str(path), map_size=1 << 22, sync=False) as env, env.begin(write=True) as transaction:
        for key, value in {**records, **beside}.items():
            transaction.put(key.encode(), value)
    return path


def _copy(store):
    made = datacheck("rebuild", store, store.with_name("copy"), "--drop-bad")
    assert made.returncode == 0, made.stdout + made.stderr
    with lmdb.open(str(store.with_name("copy")), readonly=True, lock=False) as env, env.begin() as transaction:
        return {key.decode(): bytes(value) for key, value in transaction.cursor()}


CASES = {
    "numbers": (NUMBERED, _json, ("train_keys", "num_train", "val_keys", "num_val"), json.loads),
    "digests": (NAMED, pickle.dumps, ("train", "num_train_samples", "val", "num_val_samples"), pickle.loads),
    "lines": (NAMED, _lines, ("train_keys", "n_train", "val_keys", "n_val"), lambda it: it.decode().split("\n")),
}


@pytest.mark.parametrize(("keys", "dump", "names", "load"), CASES.values(), ids=CASES)
def test_a_copy_has_the_numbers_of_its_lists(tmp_path, keys, dump, names, load):
    train, val = keys[:40], keys[40:]
    beside = {names[0]: dump(train), names[1]: b"40", names[2]: dump(val), names[3]: b"10"}
    assert package.scan(_store(tmp_path / "sound", keys, beside)).counts == {}
    copy = _copy(_store(tmp_path / "store", keys, beside, BAD))
    assert (len(load(copy[names[0]])), copy[names[1]]) == (38, b"38")
    assert (len(load(copy[names[2]])), copy[names[3]]) == (9, b"9")


def test_a_copy_has_the_numbers_of_the_lists_in_a_mapping(tmp_path):
    meta = {"train_keys": NAMED[:40], "num_train": 40, "val": {"keys": NAMED[40:], "num": 10}, "version": 3}
    copy = json.loads(_copy(_store(tmp_path / "store", NAMED, {"meta": _json(meta)}, BAD))["meta"])
    assert (len(copy["train_keys"]), copy["num_train"]) == (38, 38)
    assert (len(copy["val"]["keys"]), copy["val"]["num"], copy["version"]) == (9, 9, 3)


@pytest.mark.parametrize(("number", "verdicts"), [(42, ["bad"]), (70, ["suspicious"]), (7, []), (40, [])])
def test_a_number_near_that_of_the_keys_has_to_be_it(tmp_path, number, verdicts):
    beside = {"train_keys": _json(NUMBERED[:40]), "val_keys": _json(NUMBERED[40:]), "num_train": b"%d" % number}
    report = package.scan(_store(tmp_path / "store", NUMBERED, beside))
    of_number = [it for it in report.findings if it.details.get("key") == "num_train"]
    assert [it.verdict for it in of_number] == verdicts


def test_a_number_of_different_keys_in_a_list_is_sound_and_true_in_a_copy(tmp_path):
    beside = {"train_keys": _json(NAMED[:40] + NAMED[:4]), "val_keys": _json(NAMED[40:]), "num_train": b"40"}
    assert package.scan(_store(tmp_path / "sound", NAMED, beside)).counts == {}
    copy = _copy(_store(tmp_path / "store", NAMED, beside, BAD))
    assert (len(json.loads(copy["train_keys"])), copy["num_train"]) == (41, b"38")


def test_a_size_is_no_number_of_keys_unless_it_is_the_same(tmp_path):
    beside = {"train_keys": _json(NUMBERED[:40]), "val_keys": _json(NUMBERED[40:]), "train_size": b"42"}
    assert not package.scan(_store(tmp_path / "store", NUMBERED, beside)).bad
