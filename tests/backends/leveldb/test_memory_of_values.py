"""Test what large values of one size cost: as many reads as wanted, and the memory of one block, used again."""

import random

import pytest
from leveldb_building import internal, noted_reads, write_store

from datacheck.backends.leveldb import large_blocks, many_blocks, merge
from datacheck.backends.leveldb.reader import LevelDbReader
from datacheck.backends.shared.read_buffers import _Pool
from datacheck.model.blocks import Shard

COUNT, SIZE = 60, 20_000


@pytest.fixture
def stored(tmp_path):
    chance = random.Random(3)
    rows = [(internal(b"%06d" % at, at + 1), chance.randbytes(SIZE)) for at in range(COUNT)]
    return write_store(tmp_path / "db", {5: (0, [[row] for row in rows])}, kind=0), [value for _, value in rows]


@pytest.fixture
def memory(monkeypatch):
    kept = _Pool()
    monkeypatch.setattr(large_blocks, "reused", kept.take)
    monkeypatch.setattr(many_blocks, "EVEN_BYTES", 10 * SIZE + 1000)
    monkeypatch.setattr(merge, "ARRAY_BYTES", SIZE)
    return kept


def test_blocks_share_their_memory_with_a_caller_that_lets_go_of_them(stored, memory):
    path, values = stored
    read = []
    for block in LevelDbReader(path).blocks(Shard()):
        read += map(bytes, block.values)
        del block
    assert read == values
    assert len(memory._buffers) == 1


def test_what_a_caller_keeps_stays_as_it_was(stored, memory):
    path, values = stored
    blocks = list(LevelDbReader(path).blocks(Shard()))
    assert len(blocks) == 6
    assert [bytes(value) for block in blocks for value in block.values] == values


@pytest.mark.parametrize("limit", [1, 8, 20])
def test_as_many_blocks_are_read_as_records_are_wanted(stored, monkeypatch, limit):
    path, values = stored
    read = noted_reads(monkeypatch)
    block = next(LevelDbReader(path).blocks(Shard(), limit=limit))
    assert [bytes(value) for value in block.values] == values[:limit]
    assert sum(read) // SIZE == (limit if limit > 1 else 0)  # a block alone is read by itself
