"""Test keys that no probe shows: small records lie in few pages, and the probes are spread over the pages."""

import hashlib

import pytest
from convention_stores import picture, read, write

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.model.blocks import Block
from datacheck.scanning.keys import further_keys as module
from datacheck.scanning.keys.further_keys import further_keys

COUNT = 700


def numbered(*names, count=COUNT):
    """Return numbered pictures, and for each of them small records that name it."""
    records = {b"image-%09d" % it: picture(it) for it in range(count)}
    return records | {b"%s-%09d" % (name.encode(), it): b"of %d" % it for name in names for it in range(count)}


def write_leveldb(path, records):
    import plyvel

    with plyvel.DB(str(path), create_if_missing=True) as store, store.write_batch() as batch:
        for key, value in records.items():
            batch.put(key, value)
    return path


def read_leveldb(path):
    import plyvel

    with plyvel.DB(str(path)) as store:
        return dict(store)


STORES = {"lmdb": (write, read), "leveldb": (write_leveldb, read_leveldb)}


@pytest.mark.parametrize("store", ["lmdb", pytest.param("leveldb", marks=pytest.mark.writes_leveldb)])
@pytest.mark.parametrize("names", [("label", "wh"), ("rank", "text", "zone")])
def test_small_records_of_a_sample_are_closed_up_with_its_picture(store, names, tmp_path):
    to, back = STORES[store]
    records = numbered(*names) | {b"length": b"%d" % COUNT}
    records[b"image-000000004"] = records[b"image-000000004"][:300]
    source = to(tmp_path / "source", records)
    assert datacheck.scan(source, workers=1).groups == COUNT
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = back(tmp_path / "copy")
    assert int(copy[b"length"]) == COUNT - 1
    assert len(copy) == (COUNT - 1) * (1 + len(names)) + 1
    for number in range(COUNT - 1):
        source_number = number + (number >= 4)
        assert copy[b"image-%09d" % number] == records[b"image-%09d" % source_number]
        assert {copy[b"%s-%09d" % (it.encode(), number)] for it in names} == {b"of %d" % source_number}


@pytest.mark.parametrize("store", ["lmdb", pytest.param("leveldb", marks=pytest.mark.writes_leveldb)])
def test_a_small_record_that_is_not_there_is_noticed(store, tmp_path):
    records = numbered("label", "wh") | {b"length": b"%d" % COUNT}
    del records[b"wh-000000650"]
    report = datacheck.scan(STORES[store][0](tmp_path / "source", records), workers=1)
    assert [(it.key, it.code, it.verdict) for it in report.findings] == [("image-000000650", "unpaired", "bad")]


def looks(monkeypatch):
    counted = []
    before = module.for_keys

    def counting(*args):
        counted.append(args)
        return before(*args)

    monkeypatch.setattr(module, "for_keys", counting)
    return counted


def test_one_look_is_enough_for_each_beginning(tmp_path, monkeypatch):
    counted = looks(monkeypatch)
    store = write(tmp_path / "env", {b"%s_%d" % (name, it): b"x" for name in (b"a", b"b", b"c") for it in range(500)})
    keys = further_keys(LmdbReader(store), "")
    assert {key[:2] for key in keys} == {b"a_", b"b_", b"c_"}
    assert len(counted) == 4, "the last look shows that there is no more"


def test_names_are_not_looked_through(tmp_path, monkeypatch):
    counted = looks(monkeypatch)
    letters = bytes.maketrans(b"0123456789", b"ghijklmnop")
    names = (hashlib.md5(b"%d" % it).hexdigest().encode().translate(letters) for it in range(500))
    further_keys(LmdbReader(write(tmp_path / "env", dict.fromkeys(names, b"x"))), "")
    assert len(counted) <= module.ALONE + 1


@pytest.mark.parametrize("option", ["integerkey", "reverse_key"])
def test_keys_in_another_order_are_not_looked_for(option, tmp_path):
    import lmdb

    with lmdb.open(str(tmp_path / "env"), max_dbs=1) as env:
        database = env.open_db(b"of", **{option: True})
        with env.begin(write=True, db=database) as transaction:
            for it in range(100):
                transaction.put(it.to_bytes(8, "little"), b"x")
    assert further_keys(LmdbReader(tmp_path / "env"), "of") == frozenset()


class Unordered:
    """A reader of unknown key order, from which no record may be read, since that might kill its worker."""

    backend = "other"

    def blocks(self, shard, *, limit=None, note=None):
        raise AssertionError("no record may be read that no probe is at")


def test_a_reader_that_does_not_know_its_order_is_not_asked():
    assert further_keys(Unordered(), "") == frozenset()


class Damaged(Unordered):
    def in_byte_order(self, part):
        return True

    def blocks(self, shard, *, limit=None, note=None):
        if shard.start is not None:
            raise OSError("no such block")
        yield Block([b"a_1", b"a_2"], [b"x", b"y"])


def test_what_cannot_be_read_is_left_to_the_scan():
    assert further_keys(Damaged(), "") == {b"a_1", b"a_2"}
