"""Test reading LMDB environments of every kind, in ranges, and rejecting what is not one."""

import os
import sys

import lmdb
import pytest
from building import SHARED, datum, key, pixels, raw_records, write_lmdb

from datacheck.backends import open_store
from datacheck.backends.interface import StoreOptions
from datacheck.backends.lmdb.format import PageDamaged
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.errors import SourceUnknown
from datacheck.model.blocks import Position, Shard
from datacheck.model.escaping import unescape


def everything(reader, **options):
    return [
        (shard.part, at, bytes(value))
        for shard in reader.layout().shards
        for block in reader.blocks(shard, **options)
        for at, value in zip(block.keys, block.values, strict=True)
    ]


@pytest.fixture
def many(tmp_path):
    """An environment of 2,000 small and 20 large records."""
    records = {key(number): os.urandom(9000 if number % 100 == 7 else 60) for number in range(2000)}
    return write_lmdb(tmp_path / "many", records), records


@pytest.mark.parametrize("limit", [None, 1, 7])
@pytest.mark.parametrize("shard_bytes", [1 << 30, 50_000, 4096])
def test_shards_cover_every_record_once_and_in_order(many, limit, shard_bytes):
    path, records = many
    reader = LmdbReader(path, shard_bytes)
    layout = reader.layout()
    assert layout.records == 2000
    assert (len(layout.shards) > 1) == (shard_bytes < 1 << 20)
    assert everything(reader, limit=limit) == [("", at, value) for at, value in records.items()]


def test_probes_are_spread_over_the_store(many):
    path, _ = many
    starts = [int(probe.start.key) for probe in open_store(path).layout().probes if probe.start]
    assert len(starts) > 30
    assert max(later - earlier for earlier, later in zip([0, *starts], [*starts, 2000], strict=True)) < 150


def test_probes_of_a_small_store_do_not_overlap(tmp_path):
    path = write_lmdb(tmp_path / "env", {key(number): os.urandom(1000) for number in range(200)})
    starts = [int(probe.start.key) for probe in open_store(path).layout().probes if probe.start]
    assert len(starts) == 11
    assert all(later - earlier >= 14 for earlier, later in zip([0, *starts], [*starts, 200], strict=True))


def test_the_data_file_by_itself_is_an_environment_too(many):
    path, records = many
    assert len(everything(open_store(path / "data.mdb"))) == len(records)


def test_no_lock_file_is_made(many):
    path, _ = many
    (path / "lock.mdb").unlink()
    everything(open_store(path))
    assert not (path / "lock.mdb").exists()


@pytest.mark.parametrize("lib_version", [0, 1])
def test_both_file_versions(tmp_path, lib_version):
    records = {key(number): bytes([number % 256]) * (5000 if number % 9 == 0 else 50) for number in range(500)}
    reader = LmdbReader(write_lmdb(tmp_path / "env", records, lib_version=lib_version), 5000)
    assert len(reader.layout().shards) > 3
    assert everything(reader) == [("", at, value) for at, value in records.items()]
    assert everything(reader, limit=1) == [("", at, value) for at, value in records.items()]


@pytest.mark.parametrize("lib_version", [0, 1])
def test_each_named_database_is_read(tmp_path, lib_version):
    path = tmp_path / "env"
    write_lmdb(path, {b"a": b"1"}, name=b"train", lib_version=lib_version)
    write_lmdb(path, {b"a": b"2", b"b": b"3"}, name=b"te\x01st", lib_version=lib_version)
    assert everything(open_store(path)) == [("te\\x01st", b"a", b"2"), ("te\\x01st", b"b", b"3"), ("train", b"a", b"1")]


def test_records_beside_named_databases_are_read_and_the_names_are_not(tmp_path):
    path = tmp_path / "env"
    write_lmdb(path, {b"a": b"1"}, name=b"train")
    write_lmdb(path, {b"z": b"9" * 48})
    for limit in (None, 1):
        assert everything(open_store(path), limit=limit) == [("", b"z", b"9" * 48), ("train", b"a", b"1")]


@pytest.mark.parametrize("limit", [None, 1, 3])
def test_dupsort_values_are_records_of_their_own(tmp_path, limit):
    pairs = [(b"k%d" % (number // 5), b"v%02d" % number) for number in range(20)]
    reader = open_store(write_lmdb(tmp_path / "env", pairs, name=b"dups", dupsort=True))
    assert [pair[1:] for pair in everything(reader, limit=limit)] == pairs


def test_a_range_may_begin_and_end_among_the_values_of_a_key(tmp_path):
    pairs = [(b"k%d" % (number // 5), b"v%02d" % number) for number in range(20)]
    reader = open_store(write_lmdb(tmp_path / "env", pairs, name=b"dups", dupsort=True))
    shard = Shard("dups", Position(b"k1", 2), Position(b"k2", 1))
    for limit in (None, 1, 2):
        values = [bytes(value) for block in reader.blocks(shard, limit=limit) for value in block.values]
        assert values == [b"v07", b"v08", b"v09", b"v10"]


@pytest.mark.parametrize("options", [{"integerkey": True}, {"reverse_key": True}])
def test_other_key_orders_are_kept(tmp_path, options):
    keys = [number.to_bytes(8, "little") for number in range(0, 5000, 7)]
    path = write_lmdb(tmp_path / "env", dict.fromkeys(keys, b"x" * 40), name=b"db", **options)
    reader = LmdbReader(path, 4096)
    assert len(reader.layout().shards) > 3
    found = [at for _, at, _ in everything(reader)]
    assert sorted(found) == sorted(keys)
    assert [at for _, at, _ in everything(reader, limit=1)] == found


def test_an_empty_environment(tmp_path):
    reader = open_store(write_lmdb(tmp_path / "env", {}))
    assert everything(reader) == []
    assert reader.layout().records == 0


def test_one_record_by_its_key(many):
    path, records = many
    reader = open_store(path)
    found = [(at, bytes(block.values[0])) for block in reader.blocks(reader.find("00000107")) for at in block.keys]
    assert found == [(b"00000107", records[b"00000107"])]
    assert reader.find("00009999") is None


def test_a_place_is_noted_before_each_value_is_touched(many):
    path, _ = many
    reader, notes = open_store(path), []
    blocks = reader.blocks(Shard(), limit=1, note=lambda place, seen: notes.append((place.key, seen)))
    for number, _ in zip(range(5), blocks, strict=False):
        assert (key(number), True) in notes


def test_a_32_bit_environment_is_refused_with_the_reason(tmp_path):
    (tmp_path / "data.mdb").write_bytes(bytes(12) + (0xBEEFC0DE).to_bytes(4, "little") + bytes(5000))
    with pytest.raises(SourceUnknown, match="32-bit machine"):
        open_store(tmp_path)


def test_one_of_the_other_byte_order_is_refused_with_the_reason(tmp_path):
    (tmp_path / "data.mdb").write_bytes(bytes(16) + (0xBEEFC0DE).to_bytes(4, "big") + bytes(5000))
    with pytest.raises(SourceUnknown, match="other byte order"):
        open_store(tmp_path)


def test_an_environment_with_its_first_meta_page_gone_is_still_one(many):
    path, _ = many
    with (path / "data.mdb").open("r+b") as file:
        file.write(bytes(4096))
    assert LmdbReader.recognise(path, StoreOptions()) is not None
    assert [finding.code for finding in open_store(path).layout().findings] == ["damaged-store", "damaged-store"]


def test_a_file_that_was_cut_says_how_many_bytes_are_lost(many):
    path, _ = many
    size = (path / "data.mdb").stat().st_size
    os.truncate(path / "data.mdb", size - 5000)
    finding = open_store(path).layout().findings[0]
    assert (finding.code, finding.details) == ("truncated-store", {"size": size - 5000, "expected": size})


def test_damaged_pages_never_raise_anything_else(tmp_path):
    import random

    path = write_lmdb(tmp_path / "env", raw_records(300))
    good = (path / "data.mdb").read_bytes()
    chance = random.Random(7)
    refused = read = 0
    for _ in range(300):
        broken = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(broken))
            broken[at : at + 8] = chance.randbytes(8)[: len(broken) - at]
        (tmp_path / "broken").write_bytes(broken)
        try:
            with Pages(tmp_path / "broken") as pages:
                pages.seams(pages.meta.main, 50)
                nodes = list(pages.leaf_nodes(pages.meta.main))
        except PageDamaged:
            refused += 1
            continue
        read += 1
        assert len(nodes) <= 300
        assert all(node.offset <= len(page) for node, page in nodes)
        assert all(page[node.offset - len(node.key) : node.offset] == node.key for node, page in nodes)
    assert min(refused, read) > 20


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real stores is not here")
@pytest.mark.parametrize(
    ("name", "count"),
    [("lmdb-caffe-raw", 300), ("lmdb-caffe-encoded", 300), ("lmdb-caffe-fashion", 10_000), ("lmdb-rkv/ref_env_64", 50)],
)
def test_real_environments_are_read_as_lmdb_reads_them(name, count):
    path = SHARED / "real" / name
    records = everything(LmdbReader(path, 300_000))
    assert len(records) == count
    with lmdb.open(str(path), readonly=True, lock=False, max_dbs=1) as environment:
        part = records[0][0]
        handle = environment.open_db(unescape(part), create=False) if part else environment.open_db(None)
        with environment.begin(db=handle) as transaction:
            assert [(part, *pair) for pair in transaction.cursor()] == records


def test_datum_values_are_views_into_the_map(tmp_path):
    path = write_lmdb(tmp_path / "env", {b"a": datum(pixels(1, (3, 64, 64)))})
    values = [value for block in open_store(path).blocks(Shard()) for value in block.values]
    assert [type(value) for value in values] == [memoryview]


@pytest.mark.parametrize("kind", [{}, {"integerkey": True}, {"reverse_key": True}])
@pytest.mark.parametrize("size", [0, 48, 3000])
def test_many_records_taken_at_once_are_those_taken_one_by_one(tmp_path, kind, size):
    path = tmp_path / "env"
    keys = [
        number.to_bytes(8, sys.byteorder) if "integerkey" in kind else b"%d" % number for number in range(0, 900, 3)
    ]
    with lmdb.open(str(path), map_size=1 << 24, max_dbs=1) as environment:
        part = environment.open_db(b"named", **kind)
        with environment.begin(write=True, db=part) as transaction:
            for key in keys:
                transaction.put(key, key * (size // 8) or b"x")
    reader = LmdbReader(path)
    (whole,) = reader.layout().shards
    ordered = [key for block in reader.blocks(whole, limit=7) for key in block.keys]
    assert sorted(ordered) == sorted(keys)
    places = [None, Position(b""), *(Position(ordered[at], nth) for at in (0, 5, 150, 299) for nth in (0, 1))]
    if not kind:
        places += [Position(b"10"), Position(b"zzz")]
    for start in places:
        for stop in places[1:]:
            shard = Shard("named", start, None if stop.key == b"" else stop)
            slow, fast = (
                [(key, bytes(value)) for block in blocks for key, value in zip(block.keys, block.values, strict=True)]
                for blocks in (reader.blocks(shard, limit=4096), reader.blocks(shard))
            )
            assert fast == slow
