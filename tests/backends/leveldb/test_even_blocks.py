"""Test reading large blocks of one size together: the records are the same as one by one, or left to that."""

import random
import struct

import google_crc32c
import pytest
from leveldb_building import internal, noted_reads, write_store

from datacheck.backends.leveldb import large_blocks, merge
from datacheck.backends.leveldb.block import TRAILER, Damaged, masked
from datacheck.backends.leveldb.reader import LevelDbReader
from datacheck.backends.leveldb.table_files import open_table
from datacheck.backends.leveldb.version import read_version
from datacheck.model.blocks import Shard
from datacheck.model.equal_lengths import EqualLengths

COUNT = 40


def rows_of(key, size, count=COUNT):
    chance = random.Random(4)
    return [(internal(key(at), at + 1), chance.randbytes(size(at))) for at in range(count)]


def opened(path):
    (file,) = read_version(path).tables.values()
    return open_table(path, file)


def read_together(path):
    """Return the records, None for those of blocks that are left, and the count and values of each batch of blocks."""
    table, records, parts = opened(path), [], []
    with table.path.open("rb") as file:
        for count, entries in large_blocks.singles(table, file.fileno, range(len(table))):
            parts.append((count, entries[2] if not isinstance(entries, int) else None))
            if isinstance(entries, int):
                records.append(None)
            else:
                records += zip(entries[0], entries[1].tolist(), map(bytes, entries[2]), strict=True)
    return records, parts


def read_plainly(path):
    table = opened(path)
    with table.path.open("rb") as file:
        read = [table.read(file.fileno(), block) for block in range(len(table))]
    return [
        (key, tag, bytes(value))
        for keys, tags, values in read
        for key, tag, value in zip(keys, tags.tolist(), values, strict=True)
    ]


LIKE = {
    "one size": (lambda at: b"%06d" % at, lambda _: 20_000),
    "an odd size": (lambda at: b"key-%011d" % at, lambda _: 12_345),
}
UNLIKE = {
    "a longer key and a shorter value": (lambda at: b"%06d" % at + b"x" * (at == 7), lambda at: 20_000 - (at == 7)),
    "keys of all lengths": (lambda at: b"%06d" % at + b"y" * (at % 5), lambda at: 20_000 - at % 5),
    "a number of two bytes less": (
        lambda at: b"%06d" % at + b"z" * (2 if at == 3 else 0),
        lambda at: 16_385 - 3 * (at == 3),
    ),
}


@pytest.mark.parametrize("kind", LIKE)
def test_blocks_of_one_size_come_as_one_array(tmp_path, kind):
    path = write_store(tmp_path / "db", {5: (0, [[row] for row in rows_of(*LIKE[kind])])}, kind=0)
    records, parts = read_together(path)
    assert records == read_plainly(path)
    assert [count for count, _ in parts] == [COUNT]
    assert isinstance(parts[0][1], EqualLengths)


@pytest.mark.parametrize("kind", UNLIKE)
def test_blocks_of_one_size_that_are_divided_otherwise_are_read_one_by_one(tmp_path, kind):
    path = write_store(tmp_path / "db", {5: (0, [[row] for row in rows_of(*UNLIKE[kind])])}, kind=0)
    records, parts = read_together(path)
    assert records == read_plainly(path)
    assert not isinstance(parts[0][1], EqualLengths)


def test_any_byte_around_a_value_may_be_wrong_though_the_checksum_is_right(tmp_path):
    """An error that the checksum does not show is noticed from the bytes around the value, or the block is left."""
    key, size = LIKE["one size"]
    path = write_store(tmp_path / "db", {5: (0, [[row] for row in rows_of(key, size)])}, kind=0)
    table = opened(path)
    sound, content = read_plainly(path), bytearray(table.path.read_bytes())
    block = 9
    begin, length = table.offsets[block], table.sizes[block]
    seen = set()
    for place in [*range(22), *range(length - 9, length + 1)]:
        for bit in (1, 0x80):
            raw = bytearray(content)
            raw[begin + place] ^= bit
            crc = masked(google_crc32c.value(bytes(raw[begin : begin + length + 1])))
            struct.pack_into("<I", raw, begin + length + 1, crc)
            table.path.write_bytes(raw)
            records, _ = read_together(path)
            assert len(records) == COUNT
            assert records[:block] == sound[:block]
            assert records[block + 1 :] == sound[block + 1 :]
            with table.path.open("rb") as file:
                try:
                    keys, tags, values = table.read(file.fileno(), block)
                except Damaged:
                    assert records[block] is None
                    seen.add("left")
                else:
                    if records[block] is not None:
                        assert records[block] == (keys[0], int(tags[0]), bytes(values[0]))
                        seen.add("read")
    assert seen == {"left", "read"}


def test_a_wrong_checksum_costs_one_record(tmp_path):
    path = write_store(tmp_path / "db", {5: (0, [[row] for row in rows_of(*LIKE["one size"])])}, kind=0)
    table, sound = opened(path), read_plainly(path)
    raw = bytearray(table.path.read_bytes())
    raw[table.offsets[20] + table.sizes[20] + TRAILER - 2] ^= 4
    table.path.write_bytes(raw)
    records, _ = read_together(path)
    assert records == [*sound[:20], None, *sound[21:]]


@pytest.mark.parametrize("limit", [None, 3, 25])
def test_a_store_of_one_size_is_read_the_same_in_arrays_and_in_lists(tmp_path, monkeypatch, limit):
    def records():
        blocks = [it for it in LevelDbReader(path).blocks(Shard(), limit=limit) if len(it)]
        return [(key, bytes(value)) for it in blocks for key, value in zip(it.keys, it.values, strict=True)], blocks

    path = write_store(tmp_path / "db", {5: (0, [[row] for row in rows_of(*LIKE["one size"], 300)])}, kind=0)
    monkeypatch.setattr(merge, "ARRAY_BYTES", 1 << 60)
    in_lists, blocks = records()
    assert not any(isinstance(it.values, EqualLengths) for it in blocks)
    monkeypatch.setattr(merge, "ARRAY_BYTES", 100_000)
    in_arrays, blocks = records()
    assert in_arrays == in_lists
    assert len(in_lists) == 300
    assert any(isinstance(it.values, EqualLengths) for it in blocks) == (limit != 3)
    assert max(map(len, blocks)) <= (limit or 300)


def test_who_wants_few_records_does_not_wait_for_many(tmp_path, monkeypatch):
    path = write_store(tmp_path / "db", {5: (0, [[row] for row in rows_of(*LIKE["one size"], 300)])}, kind=0)
    read = noted_reads(monkeypatch)
    assert len(next(LevelDbReader(path).blocks(Shard(), limit=2))) == 2
    assert read[0] < 2 * 80_128
    assert sum(read) < 300 * 20_000 // 2
