"""Test small values on overflow pages: they come in one array, with the same bytes as in the map."""

import os
import random

import lmdb
import numpy as np
import pytest
from building import key, write_lmdb

from datacheck.backends.lmdb import direct, large_values, leaves
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.model.blocks import Shard
from datacheck.model.equal_lengths import EqualLengths

COUNT = 700


def of_length(size, count=COUNT):
    """Return a function that writes an environment of records of one size, in bytes."""
    return lambda path: write_lmdb(path, {key(at): random.Random(at).randbytes(size) for at in range(count)})


def in_any_order(path):
    """Write records in many commits in random order, so that neighbours lie anywhere."""
    numbers = list(range(COUNT))
    random.Random(2).shuffle(numbers)
    with lmdb.open(str(path), map_size=1 << 28) as environment:
        for start in range(0, COUNT, 50):
            with environment.begin(write=True) as transaction:
                for number in numbers[start : start + 50]:
                    transaction.put(key(number), random.Random(number).randbytes(5000))
    return path


def of_two_lengths(path):
    """Write many values of one length and then many of another, with a single odd one among the first."""
    sizes = [4096] * 300 + [8000] + [4096] * 100 + [6000] * 300
    return write_lmdb(path, {key(at): random.Random(at).randbytes(size) for at, size in enumerate(sizes)})


def of_many_lengths(path):
    return write_lmdb(path, {key(at): random.Random(at).randbytes(4000 + at % 900) for at in range(COUNT)})


def shrunk(path):
    """Overwrite large values with smaller ones in one transaction; they keep their pages, some without needing any."""
    with lmdb.open(str(path), map_size=1 << 28) as environment, environment.begin(write=True) as transaction:
        for size in (3000, 9):
            for number in range(COUNT):
                transaction.put(key(number), b"x" * (size if size > 9 or number % 3 else 0))
    return path


def all_empty(path):
    with lmdb.open(str(path), map_size=1 << 28) as environment, environment.begin(write=True) as transaction:
        for size in (3000, 0):
            for number in range(COUNT):
                transaction.put(key(number), b"x" * size)
    return path


MADE = {
    "shrunk": shrunk,
    "all empty": all_empty,
    "of 2,100 bytes": of_length(2100),
    "of 4,096 bytes": of_length(4096),
    "of 4,080 bytes, a whole page": of_length(4080),
    "of 16 KiB": of_length(16 << 10),
    "of 64 KiB": of_length(64 << 10, 320),
    "in any order": in_any_order,
    "of two lengths": of_two_lengths,
    "of many lengths": of_many_lengths,
}


@pytest.fixture(params=["read", "copied"])
def quicker(request, monkeypatch):
    """Make one of the two ways the faster one, whatever is measured."""
    monkeypatch.setattr(large_values.Way, "by_reading", request.param == "read")
    return request.param


def blocks_of(blocks):
    return [(it.keys, [bytes(value) for value in it.values]) for it in blocks if len(it)]


def records_of(blocks):
    return [pair for keys, values in blocks_of(blocks) for pair in zip(keys, values, strict=True)]


@pytest.mark.parametrize("name", MADE)
def test_the_values_are_those_in_the_map(tmp_path, quicker, name):
    path = MADE[name](tmp_path / "env")
    wanted = records_of(LmdbReader(path).peek(Shard("")))
    assert records_of(LmdbReader(path).blocks(Shard(""))) == wanted
    assert [it for it, _ in wanted] == sorted(it for it, _ in wanted)
    small = LmdbReader(path, 300_000)
    assert [it for shard in small.layout().shards for it in records_of(small.blocks(shard))] == wanted


@pytest.mark.parametrize("name", ["of 2,100 bytes", "of 4,096 bytes", "in any order"])
def test_a_block_has_the_records_of_many_leaves(tmp_path, quicker, name):
    path = MADE[name](tmp_path / "env")
    blocks = [it for it in LmdbReader(path).blocks(Shard("")) if len(it)]
    assert all(isinstance(it.values, EqualLengths) for it in blocks)
    assert max(map(len, blocks)) > 300


def test_a_value_of_another_length_divides_a_block(tmp_path, quicker):
    path = of_two_lengths(tmp_path / "env")
    blocks = [it for it in LmdbReader(path).blocks(Shard("")) if len(it)]
    assert [(len(it), it.values.length) for it in blocks if isinstance(it.values, EqualLengths)] == [
        (300, 4096), (1, 8000), (100, 4096), (300, 6000),
    ]  # fmt: skip


def test_a_block_is_untouched_while_the_next_ones_are_read(tmp_path, quicker):
    path = of_length(16 << 10, 1500)(tmp_path / "env")
    held = [it for it in LmdbReader(path).blocks(Shard("")) if len(it)]
    assert len(held) > 2
    assert records_of(held) == records_of(LmdbReader(path).peek(Shard("")))


@pytest.mark.parametrize("failing", ["short", "error"])
def test_what_cannot_be_read_is_left_to_the_map(tmp_path, monkeypatch, failing):
    monkeypatch.setattr(large_values.Way, "by_reading", True)
    path = of_length(4096)(tmp_path / "env")
    wanted = records_of(LmdbReader(path).peek(Shard("")))
    given, failed = os.preadv, []

    def preadv(file, buffers, offset):
        if len(buffers) == 1:
            return given(file, buffers, offset)
        failed.append(offset)
        if failing == "error":
            raise OSError(5, "Input/output error")
        return sum(map(len, buffers)) - 1

    monkeypatch.setattr(large_values.os, "preadv", preadv)
    assert records_of(LmdbReader(path).blocks(Shard(""))) == wanted
    assert failed


def test_values_that_lie_far_apart_or_in_another_order_are_not_read_together():
    places = np.arange(200) * 8192 + 16
    assert large_values._stretches(places, 4096) is not None
    assert large_values._stretches(np.concatenate([places, places + (1 << 30)]), 4096) is None
    assert large_values._stretches(places[::-1], 4096) is None
    assert large_values._stretches(np.arange(0, 400) * 40_000, 4096) is None


def test_both_ways_are_tried(tmp_path, monkeypatch):
    path = of_length(4096, 5000)(tmp_path / "env")
    way = large_values.Way()
    monkeypatch.setattr(direct, "TOGETHER_BYTES", 1 << 20)
    monkeypatch.setattr(large_values, "_way_together", lambda device, inode: way)
    wanted = records_of(LmdbReader(path).peek(Shard("")))
    assert records_of(LmdbReader(path).blocks(Shard(""))) == wanted
    assert (len(way.read), len(way.mapped)) >= (large_values.READ, large_values.MAPPED)


@pytest.mark.parametrize("name", ["of 4,096 bytes", "of many lengths"])
def test_headers_are_mapped_unless_the_values_are_read(tmp_path, monkeypatch, name):
    monkeypatch.setattr(large_values.Way, "by_reading", True)
    path = MADE[name](tmp_path / "env")
    mapped, given = [], leaves._mapped_heads

    def heads(pages, offsets):
        mapped.append(len(offsets))
        return given(pages, offsets)

    monkeypatch.setattr(leaves, "_mapped_heads", heads)
    reader = LmdbReader(path, 300_000)
    shards = reader.layout().shards
    assert sum(len(block) for shard in shards for block in reader.blocks(shard)) == COUNT
    assert (sum(mapped) < COUNT) == (name == "of 4,096 bytes")
