"""Records whose values are keys of others, or lists of such: the pictures of each class, the frames of each clip."""

import json
import pickle

import lmdb
import msgspec
import pytest
from convention_stores import picture, read, write

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.conventions.conclusions import list_findings
from datacheck.conventions.naming_records import Index
from datacheck.model.settings import Settings
from datacheck.scanning.keys.keys_read import CompareIndexes
from datacheck.scanning.tasks import Job

DUMPS = {"json": lambda it: json.dumps(it).encode(), "pickle": pickle.dumps, "msgpack": msgspec.msgpack.encode}
LOADS = {"json": json.loads, "pickle": pickle.loads, "msgpack": msgspec.msgpack.decode}


class Watch:
    timeout = patience = None

    def note(self, value):
        pass


def key_of(number):
    return b"clip%02d/%04d" % divmod(number, 8)


def pictures(count=80, cut=(), gone=(), key=key_of):
    made = {}
    for number in range(count):
        value = picture(number)
        if number not in gone:
            made[key(number)] = value[: len(value) // (1 + (number in cut))]
    return made


def indexed(path, records, entries, part=b"data", several=True, **more):
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=4) as env, env.begin(write=True) as transaction:
        data = env.open_db(part, txn=transaction) if part else None
        index = env.open_db(b"by_class", txn=transaction, dupsort=several)
        for key, value in (records | {name.encode(): it for name, it in more.items()}).items():
            transaction.put(key, value, db=data) if data else transaction.put(key, value)
        for key, value in entries:
            transaction.put(key, value, db=index)
    return path


def entries_of(path, several=True):
    with lmdb.open(str(path), readonly=True, lock=False, max_dbs=4) as env, env.begin() as transaction:
        index = env.open_db(b"by_class", txn=transaction, dupsort=several, create=False)
        return [(bytes(key), bytes(value)) for key, value in transaction.cursor(index)]


def said(report):
    return [(it.code, it.verdict) for it in report.findings if it.code not in ("gap",)]


@pytest.mark.parametrize("part", [b"data", None])
@pytest.mark.parametrize("classes", [2, 5, 40])
def test_an_index_by_class_is_held_to_the_records_and_true_in_a_copy(tmp_path, part, classes):
    entries = sorted((b"class %d" % (number % classes), key_of(number)) for number in range(80))
    assert said(datacheck.scan(indexed(tmp_path / "sound", pictures(), entries, part))) == []
    report = datacheck.scan(indexed(tmp_path / "gone", pictures(gone=[28]), entries, part))
    assert said(report) == [("dangling", "bad")]
    for name in ("gone", "cut"):
        if name == "cut":
            indexed(tmp_path / "cut", pictures(cut=[28]), entries, part)
        receipt = datacheck.rebuild(tmp_path / name, tmp_path / f"{name} copy", drop_bad=True)
        assert entries_of(tmp_path / f"{name} copy") == [it for it in entries if it[1] != key_of(28)]
        assert receipt.kept + receipt.dropped == receipt.records
        assert said(datacheck.scan(tmp_path / f"{name} copy")) == []


def test_an_index_follows_records_that_are_renumbered(tmp_path):
    def key(number):
        return b"img%d" % number

    entries = sorted((b"class %d" % (number % 5), key(number)) for number in range(80))
    source = indexed(tmp_path / "store", pictures(cut=[28], key=key), entries, length=b"80")
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, renumber=True)
    made = entries_of(tmp_path / "copy")
    with lmdb.open(str(tmp_path / "copy"), readonly=True, lock=False, max_dbs=4) as env, env.begin() as transaction:
        data = env.open_db(b"data", txn=transaction, create=False)
        pictured = {(name, bytes(transaction.get(value, db=data))) for name, value in made}
    assert len(made) == 79
    assert pictured == {(b"class %d" % (number % 5), picture(number)) for number in range(80) if number != 28}


@pytest.mark.parametrize("form", DUMPS)
def test_lists_of_the_frames_of_each_clip(tmp_path, form):
    lists = {
        b"clip%02d_keys" % clip: DUMPS[form]([key_of(8 * clip + at).decode() for at in range(8)]) for clip in range(10)
    }
    assert said(datacheck.scan(write(tmp_path / "sound", pictures() | lists))) == []
    assert said(datacheck.scan(write(tmp_path / "gone", pictures(gone=[28]) | lists))) == [("dangling", "bad")]
    source = write(tmp_path / "store", pictures(cut=[28]) | lists)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    made = {name: [it.encode() for it in LOADS[form](copy[name])] for name in lists}
    assert sorted(it for keys in made.values() for it in keys) == sorted(key_of(at) for at in range(80) if at != 28)
    assert copy[b"clip05_keys"] == lists[b"clip05_keys"]
    assert said(datacheck.scan(tmp_path / "copy")) == []


def test_texts_that_may_be_keys_are_none(tmp_path):
    numbers = [(b"%d" % number, b"%d" % (number % 7)) for number in range(80)]
    records = pictures(key=lambda number: b"%d" % (number + 1))
    assert said(datacheck.scan(indexed(tmp_path / "classes", records, numbers, several=False))) == []
    words = [(b"n%02d" % number, b"clip%02d" % (number % 10)) for number in range(80)]
    assert said(datacheck.scan(indexed(tmp_path / "words", pictures(), words, several=False))) == []


def test_two_processes_say_what_one_says(tmp_path):
    entries = sorted((b"class %d" % (number % 5), key_of(number)) for number in range(80))
    source = indexed(tmp_path / "store", pictures(gone=[28]), entries)
    reports = [datacheck.scan(source, workers=it) for it in (1, 2)]
    assert list(reports[0].findings) == list(reports[1].findings)


def test_what_a_copy_does_not_make_true_is_said(tmp_path):
    names = {b"pair-%03d" % at: key_of(at) for at in range(80)}
    source = write(tmp_path / "store", pictures(cut=[28]) | names)
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert any(it.startswith("pair-# names keys of records as before") for it in receipt.unkept)
    receipt = datacheck.rebuild(write(tmp_path / "gone", pictures(gone=[28]) | names), tmp_path / "other")
    assert [it.code for it in receipt.lost] == ["dangling"]


def test_of_more_than_can_be_held_it_is_said_that_they_were_not_checked(tmp_path, monkeypatch):
    monkeypatch.setattr("datacheck.scanning.keys.keys_read.MOST_NAMED", 20)
    source = indexed(tmp_path / "store", pictures(), [(b"class %d" % (at % 5), key_of(at)) for at in range(80)])
    reader = LmdbReader(source)
    data, by_class = ([it for it in reader.layout().shards if it.part == part] for part in ("data", "by_class"))
    task = CompareIndexes(tuple(data), (Index("by_class"),), tuple(by_class))
    (listed,) = task.run(Job(reader, Settings()), Watch())
    (finding,) = list_findings(listed)
    assert (finding.code, finding.verdict) == ("unsupported", "unverifiable")
