"""Test that names that a convention might keep are looked up once if none of them can be there."""

import random

import lmdb
import pytest

from datacheck import scan
from datacheck.backends import open_store
from datacheck.backends.leveldb.reader import LevelDbReader
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.scanning.keys.absent_keys import AbsentKeys
from datacheck.scanning.keys.keys_read import value_of


def store(path, keys, part=None, **options):
    with lmdb.open(str(path), map_size=1 << 24, max_dbs=3) as environment:
        database = environment.open_db(part, **options) if part or options else None
        with environment.begin(write=True, db=database) as transaction:
            for key in keys:
                transaction.put(key, b"a value of " + key)
    return open_store(path)


@pytest.fixture
def looks(monkeypatch):
    """The start keys of the lookups in a store."""
    seen = []
    given = LmdbReader.peek

    def peek(self, shard, limit=None):
        seen.append(shard.start.key)
        return given(self, shard, limit)

    monkeypatch.setattr(LmdbReader, "peek", peek)
    return seen


@pytest.mark.parametrize("seed", range(8))
def test_what_is_said_to_be_absent_is(tmp_path, seed):
    chance = random.Random(seed)

    def name():
        return bytes(chance.choices(b"0189_az\xff", k=chance.randint(1, 4)))

    keys = {name() for _ in range(chance.choice([1, 9, 400]))}
    absent = AbsentKeys(store(tmp_path / "s", keys), "")
    asked = [name() for _ in range(120)]
    assert [absent.lacks(key) for key in asked] == [key not in keys for key in asked]


def test_one_look_is_enough_for_all_names_behind_the_last_key(tmp_path, looks):
    absent = AbsentKeys(store(tmp_path / "s", [b"%06d" % at for at in range(500)]), "")
    assert all(absent.lacks(key) for key in (b"__len__", b"length", b"num-samples", b"nextid"))
    assert looks == [b"__len__"]


def test_one_look_is_enough_between_two_keys(tmp_path, looks):
    absent = AbsentKeys(store(tmp_path / "s", [b"label-000001", b"length"]), "")
    assert all(absent.lacks(key) for key in (b"__len__", b"a", b"label"))
    assert not absent.lacks(b"length")
    assert absent.lacks(b"num-samples")
    assert looks == [b"__len__", b"length", b"num-samples"]


@pytest.mark.parametrize("options", [{"reverse_key": True}, {"integerkey": True}])
def test_of_another_order_nothing_is_known(tmp_path, looks, options):
    keys = [at.to_bytes(8, "little") for at in range(1, 300)]
    reader = store(tmp_path / "s", keys, b"part", **options)
    absent = AbsentKeys(reader, "part")
    assert not absent.lacks((500).to_bytes(8, "little"))
    assert looks == []


def test_of_a_leaf_that_is_damaged_it_says_what_looking_for_each_key_says(tmp_path):
    """What is in the leaf counts as absent; the scan reports what that costs."""
    path = tmp_path / "s"
    keys = [b"%06d" % at for at in range(2000)]
    store(path, keys)
    raw = bytearray((path / "data.mdb").read_bytes())
    at = -1
    while (at := raw.find(b"001000a value of 001000", at + 1)) >= 0:
        page = at - at % 4096
        raw[page + 10 : page + 16] = b"\xff" * 6
    (path / "data.mdb").write_bytes(raw)
    reader = open_store(path)
    absent = AbsentKeys(reader, "")
    asked = [b"000500", b"001000", b"001000x", b"001050", b"001500", b"x"]
    lacking = [absent.lacks(key) for key in asked]
    assert lacking == [value_of(reader, key) is None for key in asked]
    assert lacking[0] is False
    assert lacking[2] is True


def test_a_reader_that_does_not_tell_its_order_is_not_asked(tmp_path):
    assert not AbsentKeys(LevelDbReader(tmp_path), "").lacks(b"any")


def test_a_scan_finds_what_the_store_keeps_between_its_keys(tmp_path):
    keys = [b"image-%09d" % at for at in range(1, 400)]
    path = tmp_path / "s"
    store(path, keys)
    with lmdb.open(str(path), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"num-samples", b"398")
    report = scan(path, workers=1)
    assert "count" in {it.code for it in report.findings} or report.conventions
