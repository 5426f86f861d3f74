"""A count in the main database of what lies in db0, db1 and so on, and counts that are written as 60.0."""

import lmdb
import pytest
from convention_stores import picture, read, write

import datacheck


def sharded(path, main, parts=("db0", "db1"), cut=()):
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=4) as env, env.begin(write=True) as transaction:
        for key, value in main.items():
            transaction.put(key, value)
        for at, part in enumerate(parts):
            database = env.open_db(part.encode(), txn=transaction)
            for number in range(60 * at, 60 * at + 60):
                value = picture(number % 40)
                transaction.put(b"%06d" % number, value[: len(value) // (1 + (number in cut))], db=database)
    return path


def counted(path):
    return [(it.verdict, it.details.get("found")) for it in datacheck.scan(path).findings if it.code == "count"]


@pytest.mark.parametrize("parts", [("db0", "db1"), ("shard_00", "shard_01", "shard_02")])
@pytest.mark.parametrize("name", [b"length", b"num_samples", b"__len__"])
def test_a_count_of_all_shards(tmp_path, parts, name):
    every = 60 * len(parts)
    assert counted(sharded(tmp_path / "sound", {name: b"%d" % every}, parts)) == []
    assert counted(sharded(tmp_path / "more", {name: b"%d" % (every + 1)}, parts)) == [("bad", every)]
    source = sharded(tmp_path / "store", {name: b"%d" % (every + 1)}, parts, cut=[7])
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[name] == b"%d" % (every - 1)


@pytest.mark.parametrize(("said", "verdicts"), [(b"60", []), (b"117", ["suspicious"]), (b"5000", []), (b"240", [])])
def test_a_length_of_databases_that_are_no_shards(tmp_path, said, verdicts):
    source = sharded(tmp_path / "store", {b"length": said}, ("train", "val"))
    assert [verdict for verdict, _ in counted(source)] == verdicts


FRACTIONS = [(b"len", b"60.0"), (b"length", b"60.0"), (b"length", b"60.00")]


@pytest.mark.parametrize(("name", "said"), FRACTIONS)
@pytest.mark.parametrize("left", [60, 59])
def test_a_count_that_is_written_as_a_fraction(tmp_path, name, said, left):
    store = {b"%06d" % number: picture(number) for number in range(60) if left == 60 or number != 7} | {name: said}
    source = write(tmp_path / "store", store)
    assert [verdict for verdict, _ in counted(source)] == ["suspicious"]


@pytest.mark.parametrize("said", [b"61.5", b"12.25", b"58.0", b"3600.0"])
def test_a_length_in_seconds_is_no_count(tmp_path, said):
    store = {b"%06d" % number: picture(number) for number in range(60)} | {b"length": said}
    assert counted(write(tmp_path / "sound", store)) == []
    store[b"000007"] = store[b"000007"][:500]
    datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"length"] == said
