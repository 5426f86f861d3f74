"""Test that datacheck reads the records that the library reads, in any shards, and leaves no trace in the directory."""

import random
import shutil
from itertools import pairwise

import pytest
from building import SHARED, fingerprint, key
from leveldb_building import scanned, write_log_store

from datacheck.backends import open_store
from datacheck.backends.leveldb import block as leveldb_block
from datacheck.backends.leveldb import merge, write_batches
from datacheck.backends.leveldb import reading as backend
from datacheck.model.blocks import Position, Shard
from datacheck.model.escaping import escape

plyvel = pytest.importorskip("plyvel")


def everything(reader, **options):
    return [pair for shard in reader.layout().shards for pair in records(reader, shard, **options)]


def records(reader, shard, **options):
    blocks = list(reader.blocks(shard, **options))
    assert not any(block.findings for block in blocks)
    return [(at, bytes(value)) for block in blocks for at, value in zip(block.keys, block.values, strict=True)]


def library(path, tmp_path):
    """Return what plyvel reads from a copy, since it writes to a store that it opens."""
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(path, copy)
    copy.chmod(0o755)
    for file in copy.iterdir():
        file.chmod(0o644)
    with plyvel.DB(str(copy)) as db:
        return list(db)


def fill(path, seed, rounds=4, **options):
    """Write a random store, with overwrites, deletions, several levels, and records that are only in the log."""
    chance = random.Random(seed)
    keys = [b"", b"\0", b"a\0", b"a", b"\xff\xff", *(b"%06d" % chance.randrange(3000) for _ in range(1500))]
    keys += [chance.randbytes(chance.randrange(1, 300)) for _ in range(100)]
    for number in range(rounds):
        with plyvel.DB(str(path), create_if_missing=True, write_buffer_size=1 << 16, **options) as db:
            for _ in range(1200):
                at = chance.choice(keys)
                if chance.random() < 0.25:
                    db.delete(at)
                else:
                    size = chance.choice([0, 1, 20, 200, 2000] if chance.random() < 0.995 else [40_000, 150_000])
                    db.put(at, chance.randbytes(size // 2) + bytes(size - size // 2))
            with db.write_batch() as writes:
                for _ in range(50):
                    writes.put(chance.choice(keys), chance.randbytes(3000))
            if number == rounds // 2:
                db.compact_range()
    return path


OPTIONS = [
    {},
    {"compression": None, "block_size": 256},
    {"block_size": 1 << 16, "block_restart_interval": 1},
    {"compression": None, "block_size": 1024, "max_file_size": 1 << 20},
    {"bloom_filter_bits": 10, "block_restart_interval": 64},
]


@pytest.mark.parametrize("seed", range(len(OPTIONS)))
def test_random_stores_are_read_as_the_library_reads_them(tmp_path, monkeypatch, seed):
    path = fill(tmp_path / "db", seed, **OPTIONS[seed])
    truth = library(path, tmp_path)
    before = fingerprint(path)
    reader = open_store(path)
    assert len(truth) > 500
    for shard_bytes in (1 << 30, 200_000, 10_000):
        monkeypatch.setattr(backend, "SHARD_BYTES", shard_bytes)
        layout = reader.layout()
        assert not layout.findings
        assert (len(layout.shards) > 3) == (shard_bytes < 1 << 20)
        assert everything(reader) == truth
    assert everything(reader, limit=1) == truth
    assert everything(reader, limit=7) == truth
    assert fingerprint(path) == before


@pytest.mark.parametrize("seed", range(len(OPTIONS)))
@pytest.mark.parametrize("names", [["CURRENT", "MANIFEST"], ["index"], ["CURRENT", "MANIFEST", "index"]])
def test_random_stores_are_recovered_without_what_names_their_parts(tmp_path, seed, names):
    path = fill(tmp_path / "db", seed, **OPTIONS[seed])
    truth = library(path, tmp_path)
    for file in list(path.iterdir()):
        if file.name.startswith(tuple(names)):
            file.unlink()
        elif file.suffix == ".ldb" and "index" in names:
            file.write_bytes(file.read_bytes()[:-60] + bytes(60))
    opened, found, left = scanned(path)
    assert opened
    assert left == dict(truth)
    # the library may leave the first part of an unfinished compaction behind, which looks like a table that was cut
    assert {it.code for it in found} <= {"checksum", "orphan", "stale"}


def test_every_range_holds_what_lies_in_it(tmp_path):
    path = fill(tmp_path / "db", 11, block_size=512)
    truth = library(path, tmp_path)
    reader, chance = open_store(path), random.Random(1)
    places = [None, *(Position(chance.choice(truth)[0], chance.randrange(3)) for _ in range(40)), Position(b"00", 0)]
    for _ in range(60):
        start, stop = chance.choice(places), chance.choice(places)
        expected = [
            pair
            for pair in truth
            if (start is None or (pair[0], 0) >= (start.key, min(start.nth, 1)))
            and (stop is None or (pair[0], 0) < (stop.key, min(stop.nth, 1)))
        ]
        assert records(reader, Shard("", start, stop)) == expected


@pytest.mark.parametrize("padded", [1 << 26, 0])
def test_a_store_that_is_all_log(tmp_path, monkeypatch, padded):
    monkeypatch.setattr(write_batches, "PADDED_KEYS", padded)
    monkeypatch.setattr(merge, "CHUNK_RECORDS", 13)
    path, chance = tmp_path / "db", random.Random(3)
    long_key = chance.randbytes(70_000)
    with plyvel.DB(str(path), create_if_missing=True, write_buffer_size=1 << 26) as db:
        for number in range(400):
            at = b"%03d" % chance.randrange(300)
            db.put(at, chance.randbytes(chance.choice([0, 5, 500, 32_761, 32_768, 70_000])))
            if number % 3 == 0:
                db.delete(b"%03d" % chance.randrange(300))
        db.put(long_key, b"long")
    truth = library(path, tmp_path)
    layout = open_store(path).layout()
    assert layout.records == len(truth)
    assert not layout.findings
    assert everything(open_store(path)) == truth


def test_a_log_is_indexed_without_its_values(tmp_path):
    import tracemalloc

    path = tmp_path / "db"
    write_log_store(path, ((key(number), bytes(60_000)) for number in range(500)))
    reader = open_store(path)
    tracemalloc.start()
    count = sum(len(block) for block in reader.blocks(Shard()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 500
    assert peak < 8 << 20


def test_what_is_written_without_the_library_the_library_reads(tmp_path):
    pairs = [(key(number), bytes([number % 256]) * (number * 37 % 9000)) for number in range(300)]
    write_log_store(tmp_path / "db", pairs)
    assert library(tmp_path / "db", tmp_path) == pairs
    assert everything(open_store(tmp_path / "db")) == pairs


def test_a_store_is_read_while_another_has_it_open(tmp_path):
    with plyvel.DB(str(tmp_path / "db"), create_if_missing=True) as db:
        db.put(b"a", b"1")
        assert everything(open_store(tmp_path / "db")) == [(b"a", b"1")]
        db.put(b"b", b"2")
        assert everything(open_store(tmp_path / "db")) == [(b"a", b"1"), (b"b", b"2")]


def test_an_empty_store(tmp_path):
    plyvel.DB(str(tmp_path / "db"), create_if_missing=True).close()
    layout = open_store(tmp_path / "db").layout()
    assert (layout.records, list(layout.findings)) == (0, [])
    assert everything(open_store(tmp_path / "db")) == []


def test_a_comparator_of_its_own_is_not_followed(tmp_path):
    def comparator(one, other):
        return (one > other) - (one < other)

    with plyvel.DB(str(tmp_path / "db"), create_if_missing=True, comparator=comparator, comparator_name=b"mine") as db:
        db.put(b"a", b"1")
    layout = open_store(tmp_path / "db").layout()
    assert (list(layout.shards), list(layout.probes)) == ([], [])
    (finding,) = layout.findings
    assert (finding.code, finding.verdict) == ("unsupported", "unverifiable")
    assert "'mine'" in finding.message
    assert list(open_store(tmp_path / "db").blocks(Shard())) == []


def test_probes_are_spread_and_do_not_overlap(tmp_path):
    with plyvel.DB(str(tmp_path / "db"), create_if_missing=True, compression=None, write_buffer_size=1 << 20) as db:
        for number in range(4000):
            db.put(key(number), b"x" * 1000)
    reader = open_store(tmp_path / "db")
    layout = reader.layout()
    starts = [int(probe.start.key) for probe in layout.probes if probe.start]
    assert 30 < len(layout.probes) <= 64
    assert max(later - earlier for earlier, later in pairwise([0, *starts, 4000])) < 200
    assert all(one.stop == other.start for one, other in pairwise(layout.probes))


def test_probes_of_a_small_store_are_apart(tmp_path):
    write_log_store(tmp_path / "db", [(key(number), b"x") for number in range(100)])
    probes = open_store(tmp_path / "db").layout().probes
    assert [probe.start and int(probe.start.key) for probe in probes] == [None, 15, 31, 47, 63, 79, 95]


@pytest.fixture
def store(tmp_path):
    """A store of 500 records in a table and 20 in the log."""
    with plyvel.DB(str(tmp_path / "db"), create_if_missing=True, block_size=1024) as db:
        for number in range(500):
            db.put(key(number), b"%d" % number * 9)
        db.compact_range()
    with plyvel.DB(str(tmp_path / "db")) as db:
        for number in range(0, 500, 25):
            db.put(key(number), b"new")
        db.delete(key(3))
        db.put(b"line\n\xff", b"odd")
    return tmp_path / "db"


def test_one_record_by_its_key(store):
    reader = open_store(store)
    for name, value in [("00000025", b"new"), ("00000026", b"26" * 9), (escape(b"line\n\xff"), b"odd")]:
        shard = reader.find(name)
        assert [pair[1] for pair in records(reader, shard)] == [value]
    assert reader.find("00000003") is None
    assert reader.find("00000500") is None
    assert reader.find("") is None


@pytest.mark.parametrize("limit", [None, 1, 7])
def test_the_place_is_noted_before_a_block_is_handed_on(store, limit):
    notes = []
    for block in open_store(store).blocks(Shard(), limit=limit, note=lambda *it: notes.append(it)):
        assert notes[-1] == (Position(block.keys[0]), True)
        assert len(block) <= (limit or 1000)
    assert notes[-1] == (Position(b"line\n\xff", 1), False)


def test_blocks_are_of_bounded_size(tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "BLOCK_BYTES", 10_000)
    write_log_store(tmp_path / "db", [(key(number), bytes(number * 40)) for number in range(500)])
    sizes = [sum(map(len, block.values)) for block in open_store(tmp_path / "db").blocks(Shard())]
    assert sum(sizes) == sum(number * 40 for number in range(500))
    assert max(sizes) < 10_000 + 20_000


def test_large_values_are_views_and_small_ones_bytes(tmp_path):
    write_log_store(tmp_path / "log", [(key(number), bytes(5000)) for number in range(9)])
    with plyvel.DB(str(tmp_path / "db"), create_if_missing=True, compression=None) as db:
        for number in range(20):
            db.put(key(number), bytes(number * 100))
        db.compact_range()
    for path in (tmp_path / "log", tmp_path / "db"):
        for block in open_store(path).blocks(Shard()):
            for value in block.values:
                assert isinstance(value, bytes if len(value) < 1024 else memoryview)
                assert memoryview(value).readonly


@pytest.mark.parametrize("compression", ["snappy", None])
def test_memory_that_is_used_again_never_changes_a_value_in_use(tmp_path, monkeypatch, compression):
    monkeypatch.setattr(leveldb_block, "LARGE", 1 << 10)
    chance = random.Random(8)
    with plyvel.DB(str(tmp_path / "db"), create_if_missing=True, compression=compression) as db:
        for number in range(400):
            db.put(key(number), chance.randbytes(chance.randrange(4000)) + bytes(chance.randrange(9000)))
        db.compact_range()
    held = [list(zip(block.keys, block.values, strict=True)) for block in open_store(tmp_path / "db").blocks(Shard())]
    got = [(at, bytes(value)) for pairs in held for at, value in pairs]
    assert got == library(tmp_path / "db", tmp_path)
    reader = open_store(tmp_path / "db")
    del held
    assert everything(reader) == got


REAL = ["caffe-raw", "caffe-encoded", "mnist-test", "node-605k", *(f"go-fixtures/db-stage-{n}" for n in (1, 2, 3, 4))]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real stores is not here")
@pytest.mark.parametrize("name", REAL)
def test_real_stores_are_read_as_the_library_reads_them(tmp_path, monkeypatch, name):
    path = SHARED / "real" / f"leveldb-{name}"
    monkeypatch.setattr(backend, "SHARD_BYTES", 500_000)
    before = fingerprint(path)
    reader = open_store(path)
    assert not reader.layout().findings
    found = everything(reader)
    assert fingerprint(path) == before
    assert found == library(path, tmp_path)
