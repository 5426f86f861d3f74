"""Each named convention: a store as its project writes it, what a scan says of it, and its loader on the copy."""

import gzip
import json
import pickle
import re
import struct

import msgspec
import numpy as np
import pytest
from convention_stores import read, write

import datacheck
from datacheck.conventions import CONVENTIONS

COUNT = 40


def pickled(number):
    return pickle.dumps({"id": f"name{number}", "values": np.arange(4, dtype=np.float32) + number})


def text(number):
    return json.dumps({"name": f"name{number}", "seq": "MKV" * (number % 5 + 1), "fitness": 0.25 * number}).encode()


def zipped(number):
    return gzip.compress(json.dumps({"id": f"name{number}", "label": number}).encode(), mtime=0)


def row(number):
    return np.array([number % 2, *(number + column for column in range(7))], np.uint32).tobytes()


def plain(number):
    return b"%d" % number


def listed(form, keys):
    return {"pickle": pickle.dumps, "msgpack": msgspec.msgpack.encode, "json": lambda it: json.dumps(it).encode()}[
        form
    ](keys)


class Named:
    """A convention: its name, the key and the value of a record, what is kept beside the records, and the loader."""

    def __init__(self, name, key, value, beside, load, *, dense=True):
        self.name, self.key, self.value, self.beside, self.load, self.dense = name, key, value, beside, load, dense

    def store(self, count=COUNT):
        records = {self.key(number): self.value(number) for number in range(count)}
        return records | self.beside(list(records))

    def __repr__(self):
        return self.name


def by_keys(load_list):
    def load(store):
        return [store[key] for key in load_list(store)]

    return load


def by_counted_keys(loads):
    def load(store):
        keys = loads(store[b"__keys__"])
        return [store[keys[at]] for at in range(loads(store[b"__len__"]))]

    return load


def by_split(store):
    made = []
    for keys in pickle.loads(store[b"__keys__"]).values():
        assert all(isinstance(key, str) for key in keys)
        made += [store[key.encode()] for key in keys]
    return made


def tensorpack(store):
    """Read as LMDBSerializer.load does to shuffle: by the list, and all of the others are records."""
    assert len(store) - 1 == sum(re.fullmatch(rb"[0-9]{8,}", key) is not None for key in store)
    return [store[key] for key in msgspec.msgpack.decode(store[b"__keys__"])]


def numbered(number_of):
    def load(store):
        return [store[b"%d" % number] for number in range(number_of(store))]

    return load


def atom3d(store):
    assert store[b"serialization_format"] == b"json"
    made = [json.loads(gzip.decompress(store[b"%d" % at])) for at in range(int(store[b"num_examples"]))]
    for name, number in json.loads(store[b"id_to_idx"]).items():
        assert made[number]["id"] == name
    return [store[b"%d" % at] for at in range(len(made))]


def pytorch_fm(store):
    assert store[b"field_dims"]
    return [store[struct.pack(">I", at)] for at in range(len(store) - 1)]


NAMED = [
    Named(
        f"efficient-pytorch {form}",
        plain,
        pickled,
        lambda keys, form=form: {b"__keys__": listed(form, keys), b"__len__": listed(form, len(keys))},
        by_counted_keys(load),
        dense=False,
    )
    for form, load in (("pickle", pickle.loads), ("msgpack", msgspec.msgpack.decode))
] + [
    Named(
        "tensorpack",
        lambda number: b"%08d" % number,
        lambda number: msgspec.msgpack.encode([f"name{number}", number]),
        lambda keys: {b"__keys__": listed("msgpack", keys)},
        tensorpack,
        dense=False,
    ),
    Named(
        "cbramod",
        lambda number: b"chb%02d_%d-seizure" % (number % 7, number),
        pickled,
        lambda keys: {
            b"__keys__": pickle.dumps(
                {"train": [key.decode() for key in keys[:30]], "val": [key.decode() for key in keys[30:]], "test": []}
            )
        },
        by_split,
        dense=False,
    ),
    Named(
        "uniter",
        lambda number: b"nlvr2_%x.npz" % (number * 7919),
        pickled,
        lambda keys: {b"__keys__": listed("json", [key.decode() for key in keys])},
        by_keys(lambda store: [key.encode() for key in json.loads(store[b"__keys__"])]),
        dense=False,
    ),
    Named(
        "lmdbdict",
        lambda number: pickle.dumps(number * 3),
        pickled,
        lambda keys: {
            b"__keys__": pickle.dumps(set(map(pickle.loads, keys))),
            **{
                b"__%s__" % it: pickle.dumps(None)
                for it in (b"key_dumps", b"key_loads", b"value_dumps", b"value_loads")
            },
        },
        by_keys(lambda store: [pickle.dumps(key) for key in sorted(pickle.loads(store[b"__keys__"]))]),
        dense=False,
    ),
    Named(
        "image-database",
        lambda number: pickle.dumps(number * 3),
        pickled,
        lambda keys: {
            b"protocol": pickle.dumps(pickle.DEFAULT_PROTOCOL),
            pickle.dumps("keys"): pickle.dumps(list(keys)),
        },
        by_keys(lambda store: pickle.loads(store[pickle.dumps("keys")])),
        dense=False,
    ),
    Named(
        "mmf",
        lambda number: b"COCO_train2014_%x" % (number * 7919),
        pickled,
        lambda keys: {b"keys": pickle.dumps(keys)},
        by_keys(lambda store: pickle.loads(store[b"keys"])),
        dense=False,
    ),
    Named(
        "tape",
        plain,
        pickled,
        lambda keys: {b"num_examples": pickle.dumps(len(keys))},
        numbered(lambda store: pickle.loads(store[b"num_examples"])),
    ),
    Named(
        "fairchem",
        plain,
        pickled,
        lambda keys: {b"length": pickle.dumps(len(keys), protocol=-1)},
        numbered(lambda store: pickle.loads(store[b"length"])),
    ),
    Named(
        "saprot",
        plain,
        text,
        lambda keys: {b"length": b"%d" % len(keys), b"info": b"name: of the protein\nseq: amino acids\n"},
        numbered(lambda store: int(store[b"length"])),
    ),
    Named(
        "atom3d",
        plain,
        zipped,
        lambda keys: {
            b"num_examples": b"%d" % len(keys),
            b"serialization_format": b"json",
            b"id_to_idx": json.dumps({f"name{at}": at for at in range(len(keys))}).encode(),
        },
        atom3d,
    ),
    Named(
        "pytorch-fm",
        lambda number: struct.pack(">I", number),
        row,
        lambda keys: {b"field_dims": np.arange(7, dtype=np.uint32).tobytes()},
        pytorch_fm,
    ),
]
every = pytest.mark.parametrize("named", NAMED, ids=repr)


def wrong(report):
    return {(it.key, it.code) for it in report.findings if it.code != "unknown-payload"}


def name_of(named):
    return named.name.split()[0]


def test_each_name_has_a_store():
    generic = {"ocr", "stylegan2", "latents", "ase", "basicsr", "gr-1", "key-list", "count", "dense"}
    of_hdf5 = {name for name, row in CONVENTIONS.items() if row.of_hdf5}
    assert {name_of(named) for named in NAMED} == CONVENTIONS.keys() - generic - of_hdf5


@every
def test_a_sound_store_has_no_finding(tmp_path, named):
    source = write(tmp_path / "store", named.store())
    report = datacheck.scan(source)
    assert wrong(report) == set()
    assert [it.name for it in report.conventions] == [name_of(named)]
    assert len(named.load(read(source))) == COUNT
    asked = datacheck.scan(source, convention=name_of(named))
    assert ([it.name for it in asked.conventions], wrong(asked)) == ([name_of(named)], set())


@every
@pytest.mark.parametrize("how", ["scan", "report"])
def test_the_loader_takes_the_copy(tmp_path, named, how):
    form = {"subdir": False} if how == "scan" else {}
    records = named.store()
    kept = [records[named.key(number)] for number in range(COUNT) if number not in (3, 11, 39)]
    del records[named.key(11)], records[named.key(39)]
    records[named.key(3)] = b""
    source = write(tmp_path / "store", records, **form)
    report = tmp_path / "report.json"
    said = wrong(datacheck.scan(source, reports=[report]))
    assert (None, "dangling") in said
    receipt = datacheck.rebuild(
        source, tmp_path / "copy", drop_bad=True, from_report=report if how == "report" else None
    )
    assert (tmp_path / "copy").is_dir() == (not form)
    assert named.load(read(tmp_path / "copy")) == kept
    assert wrong(datacheck.scan(tmp_path / "copy")) == set()
    assert receipt.dropped == 1
    assert bool(list(receipt.renamed())) == named.dense


@every
@pytest.mark.parametrize("more", [-7, 9])
def test_a_count_that_is_not_true(tmp_path, named, more):
    records = named.store()
    stale = named.beside([named.key(number) for number in range(COUNT + more)])
    source = write(tmp_path / "store", records | stale)
    report = datacheck.scan(source)
    if named.name == "pytorch-fm":
        assert wrong(report) == set(), "nothing counts them"
        return
    assert {code for _, code in wrong(report)} & {"count", "dangling"}
    assert list(report.bad_keys()) == [], "what is kept of the records is never dropped"
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    made = named.load(read(tmp_path / "copy"))
    assert len(made) == (COUNT if named.dense else min(COUNT, COUNT + more))


@pytest.mark.writes_leveldb
@every
def test_a_copy_from_leveldb(tmp_path, named):
    records = named.store() | {named.key(3): b""}
    kept = [value for number in range(COUNT) if (value := records[named.key(number)])]
    datacheck.rebuild(write(tmp_path / "lmdb", records), tmp_path / "leveldb", keep=["bad"], to="leveldb")
    assert wrong(datacheck.scan(tmp_path / "leveldb")) == wrong(datacheck.scan(tmp_path / "lmdb"))
    datacheck.rebuild(tmp_path / "leveldb", tmp_path / "copy", drop_bad=True, to="lmdb")
    assert named.load(read(tmp_path / "copy")) == kept
