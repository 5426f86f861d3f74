"""Lists of keys, and counts, in another database than the records that they are of."""

import json
import pickle

import msgspec
import numpy as np
import pytest
from convention_stores import picture, wrong
from convention_stores import read_database as read
from convention_stores import write_databases as write

import datacheck

KEYS = [b"%c%c_%03d" % (97 + at % 26, 97 + at * 7 % 26, at * at % 997) for at in range(60)]
FORMS = {
    "pickle": pickle.dumps,
    "json": lambda keys: json.dumps([it.decode() for it in keys]).encode(),
    "msgpack": msgspec.msgpack.encode,
    "sets": lambda keys: pickle.dumps({"train": keys[:40], "val": keys[40:]}),
}
READ = {
    "pickle": pickle.loads,
    "json": lambda raw: [it.encode() for it in json.loads(raw)],
    "msgpack": lambda raw: msgspec.msgpack.decode(raw, type=list[bytes]),
    "sets": lambda raw: [key for of in pickle.loads(raw).values() for key in of],
}


def arrays(keys, nan=()):
    made = {key: np.random.default_rng(at).random(8) for at, key in enumerate(keys)}
    return {key: pickle.dumps({"x": np.full(8, np.nan) if key in nan else it}) for key, it in made.items()}


@pytest.mark.parametrize(("part", "name"), [("meta", b"__keys__"), ("", b"keys"), ("meta", b"split")])
@pytest.mark.parametrize("form", FORMS)
def test_a_list_that_is_true(tmp_path, part, name, form):
    env = {"data": arrays(KEYS), part: {name: FORMS[form](KEYS), b"__len__": b"60"}}
    assert wrong(datacheck.scan(write(tmp_path / "env", env))) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_list_that_leads_to_nothing_and_records_in_no_list(tmp_path, form):
    keys = [KEYS[0], b"gone", *KEYS[2:], b"gone too"]
    env = {"data": arrays(KEYS), "meta": {b"__keys__": FORMS[form](keys), b"__len__": b"61"}}
    source = write(tmp_path / "env", env)
    report = datacheck.scan(source)
    assert wrong(report) == [("data", "count", "bad"), ("data", "dangling", "bad"), ("data", "count", "suspicious")]
    assert "2 of the 61 keys in __keys__ in the database meta are not there: gone, gone too" in str(report)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    meta = read(tmp_path / "copy", "meta")
    assert READ[form](meta[b"__keys__"]) == [KEYS[0], *KEYS[2:]]
    assert meta[b"__len__"] == b"59"


@pytest.mark.parametrize("part", ["meta", ""])
@pytest.mark.parametrize("form", FORMS)
def test_a_record_that_is_dropped_leaves_the_list(tmp_path, part, form):
    env = {"data": arrays(KEYS, nan=[KEYS[7]]), part: {b"keys": FORMS[form](KEYS), b"__len__": pickle.dumps(60)}}
    source = write(tmp_path / "env", env)
    assert wrong(datacheck.scan(source)) == [("data", "nan", "bad")]
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    before = f"{part}:" if part else ""
    assert receipt.repairs.lists == (f"{before}keys",)
    copy = read(tmp_path / "copy", part)
    assert READ[form](copy[b"keys"]) == [it for it in KEYS if it != KEYS[7]]
    assert pickle.loads(copy[b"__len__"]) == 59
    assert datacheck.scan(tmp_path / "copy").status == 0


def test_a_list_of_each_set(tmp_path):
    lists = {b"train": pickle.dumps(KEYS[:40]), b"val": pickle.dumps(KEYS[40:])}
    assert wrong(datacheck.scan(write(tmp_path / "sound", {"data": arrays(KEYS), "splits": lists}))) == []
    source = write(tmp_path / "env", {"data": arrays(KEYS[:30] + KEYS[31:], nan=[KEYS[50]]), "splits": lists})
    assert wrong(datacheck.scan(source)) == [("data", "nan", "bad"), ("data", "dangling", "bad")]
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    splits = read(tmp_path / "copy", "splits")
    assert pickle.loads(splits[b"train"]) == KEYS[:30] + KEYS[31:40]
    assert pickle.loads(splits[b"val"]) == KEYS[40:50] + KEYS[51:]
    assert datacheck.scan(tmp_path / "copy").status == 0


def test_a_list_of_the_keys_of_two_databases(tmp_path):
    """A key goes from the list with its sample, whichever database has the record that is bad."""
    env = {
        "images": {key: picture(at, (8, 8))[: 150 if at == 4 else None] for at, key in enumerate(KEYS)},
        "labels": {key: b"word %d" % at for at, key in enumerate(KEYS)},
        "meta": {b"__keys__": pickle.dumps(KEYS)},
    }
    source = write(tmp_path / "env", env)
    assert wrong(datacheck.scan(source)) == [("images", "truncated", "bad")]
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    kept = [it for it in KEYS if it != KEYS[4]]
    assert pickle.loads(read(tmp_path / "copy", "meta")[b"__keys__"]) == kept
    assert sorted(read(tmp_path / "copy", "images")) == sorted(read(tmp_path / "copy", "labels")) == sorted(kept)


@pytest.mark.parametrize(
    "meta",
    [
        {b"__keys__": pickle.dumps(["cat", "dog"])},
        {b"classes": json.dumps([str(it) for it in range(10)]).encode()},
        {b"columns": pickle.dumps(["x", "y"]), b"authors": json.dumps(["a", "b"]).encode()},
    ],
)
def test_lists_of_something_else(tmp_path, meta):
    env = {"data": arrays([b"%d" % at for at in range(60)], nan=[b"7"]), "meta": meta}
    source = write(tmp_path / "env", env)
    assert wrong(datacheck.scan(source)) == [("data", "nan", "bad")]
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy", "meta") == meta


@pytest.mark.parametrize(
    ("name", "said", "verdict"),
    [
        (b"num_samples", 97, "bad"),
        (b"length", 99, "bad"),
        (b"length", 96, "suspicious"),
        (b"len", 93, "suspicious"),
        (b"size", 99, None),
        (b"size", 96, None),
        (b"size", 100, None),
    ],
)
def test_a_number_that_is_near_to_that_of_the_records(tmp_path, name, said, verdict):
    """`size` may be one of pictures, `length` one of texts; what lies so near as one is most likely a count."""
    env = {"data": arrays([b"%05d" % at for at in range(100)]), "meta": {name: b"%d" % said}}
    report = datacheck.scan(write(tmp_path / "env", env))
    assert wrong(report) == ([] if verdict is None else [("data" if verdict == "bad" else "meta", "count", verdict)])


@pytest.mark.parametrize(("said", "found"), [(224, None), (96, "suspicious"), (100, None)])
def test_a_size_beside_the_records(tmp_path, said, found):
    env = {"": arrays([b"%05d" % at for at in range(100)]) | {b"size": b"%d" % said}}
    source = write(tmp_path / "env", env)
    assert wrong(datacheck.scan(source)) == ([] if found is None else [(None, "count", found)])
