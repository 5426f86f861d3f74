"""Test large values that a scan reads into memory: they equal those in the map, which is used if reading fails."""

import os
import random

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck.backends.lmdb import direct, large_values
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.model.blocks import Shard
from datacheck.model.equal_lengths import EqualLengths

COUNT = 300


@pytest.fixture(autouse=True)
def reading(monkeypatch):
    """Make reading the faster way, whatever is measured."""
    monkeypatch.setattr(large_values.Way, "by_reading", True)
    monkeypatch.setattr(direct, "READ_BLOCK_BYTES", 8 << 20)


@pytest.fixture
def path(tmp_path):
    chance = random.Random(8)
    return write_lmdb(tmp_path / "env", {key(at): chance.randbytes(90_000) for at in range(COUNT)})


def blocks_of(read, path):
    return [(block.keys, [bytes(value) for value in block.values]) for block in read(Shard("")) if len(block)]


def reads_counted(monkeypatch, given=os.preadv):
    """Record the sizes of the reads of values that bypass the map."""
    seen = []

    def preadv(file, buffers, offset):
        seen.append(given(file, buffers, offset))
        return seen[-1]

    monkeypatch.setattr(large_values.os, "preadv", preadv)
    return seen


def test_what_is_read_is_what_the_map_holds(path, monkeypatch):
    peeked = blocks_of(LmdbReader(path).peek, path)
    seen = reads_counted(monkeypatch)
    assert blocks_of(LmdbReader(path).blocks, path) == peeked
    assert sum(seen) > COUNT * 90_000
    assert sum(len(keys) for keys, _ in peeked) == COUNT
    assert max(seen) > 4 << 20


def test_a_block_is_untouched_while_the_next_is_read(path):
    held = [block for block in LmdbReader(path).blocks(Shard("")) if len(block)]
    assert len(held) > 2
    assert [(block.keys, [bytes(it) for it in block.values]) for block in held] == blocks_of(
        LmdbReader(path).peek, path
    )


@pytest.mark.parametrize("failing", ["short", "error"])
def test_what_cannot_be_read_is_left_to_the_map(path, monkeypatch, failing):
    peeked = blocks_of(LmdbReader(path).peek, path)

    def given(file, buffers, offset):
        if len(buffers[0]) < 4 << 20:
            return os.__dict__["_preadv"](file, buffers, offset)
        if failing == "error":
            raise OSError(5, "Input/output error")
        return len(buffers[0]) - 1

    monkeypatch.setitem(os.__dict__, "_preadv", os.preadv)
    monkeypatch.setattr(large_values.os, "preadv", given)
    assert blocks_of(LmdbReader(path).blocks, path) == peeked


def test_values_of_other_sizes_are_views(tmp_path, monkeypatch):
    chance = random.Random(9)
    path = write_lmdb(tmp_path / "env", {key(at): chance.randbytes(70_000 + at) for at in range(60)})
    seen = reads_counted(monkeypatch)
    mapped = LmdbReader(path)
    assert blocks_of(mapped.blocks, path) == blocks_of(mapped.peek, path)
    assert not [size for size in seen if size > 4 << 20]


def test_a_value_larger_than_a_block_is_no_copy(tmp_path, monkeypatch):
    path = write_lmdb(tmp_path / "env", {key(at): bytes([at]) * (12 << 20) for at in range(3)})
    seen = reads_counted(monkeypatch)
    blocks = [block for block in LmdbReader(path).blocks(Shard("")) if len(block)]
    assert [block.values[0][5] for block in blocks] == [0, 1, 2]
    assert not [size for size in seen if size > 4 << 20]


def test_a_limit_reads_nothing_ahead(path, monkeypatch):
    seen = reads_counted(monkeypatch)
    block = next(LmdbReader(path).blocks(Shard(""), limit=3))
    assert len(block) == 3
    assert isinstance(block.values, EqualLengths)
    assert not [size for size in seen if size > 1 << 20]
    assert np.array_equal(block.values.rows[0], np.frombuffer(bytes(block.values[0]), np.uint8))


def test_both_ways_are_tried_and_the_quicker_one_is_taken(monkeypatch):
    monkeypatch.undo()
    for read, mapped in ((1.0, 2.0), (2.0, 1.0)):
        way = large_values.Way()
        tried = []
        for _ in range(10):
            tried.append(way.by_reading)
            way.took(read if way.by_reading else mapped, 1, reading=way.by_reading)
        assert tried[:6] == [True] * 4 + [False] * 2
        assert tried[6:] == [read < mapped] * 4


@pytest.mark.parametrize("slow", ["read", "mapped"])
def test_the_bytes_are_the_same_whichever_is_quicker(path, monkeypatch, slow):
    monkeypatch.undo()
    way = large_values.Way()
    monkeypatch.setattr(large_values, "_way", lambda device, inode: way)
    given = large_values.Way.took

    def took(self, seconds, size, *, reading):
        given(self, float(reading == (slow == "read")), 1, reading=reading)

    monkeypatch.setattr(large_values.Way, "took", took)
    monkeypatch.setattr(direct, "LARGE_BLOCK_BYTES", 1 << 20)
    monkeypatch.setattr(direct, "READ_BLOCK_BYTES", 1 << 20)
    monkeypatch.setattr(direct, "MAPPED_BLOCK_BYTES", 1 << 20)
    monkeypatch.setattr(large_values, "TRIED", 1 << 19)
    seen = reads_counted(monkeypatch)
    reader = LmdbReader(path)
    read = [it for shard in reader.layout().shards for it in blocks_of(lambda _, at=shard: reader.blocks(at), path)]
    peeked = [it for shard in reader.layout().shards for it in blocks_of(lambda _, at=shard: reader.peek(at), path)]
    assert read == peeked
    large = sum(size > 200_000 for size in seen)
    assert large == large_values.READ if slow == "read" else large > large_values.READ
