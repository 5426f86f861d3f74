"""Test large values that a scan takes from the map: populated at once, in large blocks, and the same as those read."""

import errno
import mmap
import random

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck.backends.lmdb import direct, large_values
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.model.blocks import Position, Shard
from datacheck.model.equal_lengths import EqualLengths

COUNT = 300
SIZES = {"of 90 kB": 90_000, "of 40 kB": 40_000}


@pytest.fixture(params=SIZES)
def path(request, tmp_path):
    chance = random.Random(8)
    size = SIZES[request.param]
    return write_lmdb(tmp_path / "env", {key(at): chance.randbytes(size) for at in range(COUNT)})


def records_of(path):
    return [
        (key, bytes(value))
        for block in LmdbReader(path).blocks(Shard(""))
        for key, value in zip(block.keys, block.values, strict=True)
    ]


@pytest.fixture
def mapping(monkeypatch):
    """Make the map the faster way; return a double of mmap, and the list of ranges that it is asked to populate."""
    monkeypatch.setattr(large_values.Way, "by_reading", False)
    asked = []

    class Map(mmap.mmap):
        failing = None

        def madvise(self, option, start=0, length=0):
            if option == large_values.POPULATE_READ:
                asked.append((start, length))
                if self.failing:
                    raise self.failing
            return super().madvise(option, start, length)

    monkeypatch.setattr(mmap, "mmap", Map)
    return Map, asked


def test_what_is_mapped_is_what_is_read(path, monkeypatch, mapping):
    _, asked = mapping
    mapped = records_of(path)
    assert sum(length for _, length in asked) >= sum(len(value) for _, value in mapped)
    monkeypatch.setattr(large_values.Way, "by_reading", True)
    assert mapped == records_of(path)
    assert len(mapped) == COUNT


@pytest.mark.parametrize("error", [OSError(errno.EINVAL, "no such advice"), OSError(errno.EFAULT, "a bad disk")])
def test_a_kernel_that_does_not_map_at_once_maps_page_by_page(path, monkeypatch, mapping, error):
    double, asked = mapping
    monkeypatch.setattr(double, "failing", error)
    mapped = records_of(path)
    assert asked
    monkeypatch.setattr(large_values.Way, "by_reading", True)
    assert mapped == records_of(path)


def test_blocks_of_the_map_are_larger_than_those_that_are_read(path, monkeypatch, mapping):
    monkeypatch.setattr(direct, "READ_BLOCK_BYTES", 1 << 20)
    blocks = [block for block in LmdbReader(path).blocks(Shard("")) if len(block)]
    assert all(isinstance(block.values, EqualLengths) for block in blocks)
    assert max(len(block) for block in blocks) > 100
    monkeypatch.setattr(large_values.Way, "by_reading", True)
    read = [block for block in LmdbReader(path).blocks(Shard("")) if len(block)]
    assert max(len(block) * block.values.length for block in read) <= 1 << 20


def test_the_place_is_noted_again_and_again_while_a_block_is_mapped(path, monkeypatch, mapping):
    monkeypatch.setattr(large_values, "MAPPED_AT_ONCE", 1 << 20)
    _, asked = mapping
    notes = []
    for block in LmdbReader(path).blocks(Shard(""), note=lambda place, seen: notes.append((place, seen, len(asked)))):
        if len(block):
            before = [place for place, _, _ in notes]
            assert before[-1] <= Position(block.keys[0])
    assert len({count for _, _, count in notes}) > len(asked) // 2
    assert not any(seen for _, seen, _ in notes)


def test_values_that_do_not_lie_evenly_apart_are_put_together_up_to_a_size(tmp_path, monkeypatch):
    sizes = [40_000 + 4096 * (at % 2) for at in range(60)]
    path = write_lmdb(tmp_path / "env", {key(at): bytes([at]) * size for at, size in enumerate(sizes)})
    assert [len(value) for _, value in records_of(path)] == sizes
    assert [value[:1] for _, value in records_of(path)] == [bytes([at]) for at in range(60)]


def test_what_a_block_costs_is_measured_until_the_next_is_asked_for(monkeypatch):
    clock = iter([1.0, 3.0, 10.0])
    monkeypatch.setattr(large_values.time, "thread_time", lambda: next(clock))
    way = large_values.Way()
    way.begin(large_values.TRIED, reading=True)
    way.end()
    way.end()
    assert way.read == [2.0 / large_values.TRIED]
    way.begin(large_values.TRIED, reading=False)
    way.give_up()
    way.end()
    way.begin(large_values.TRIED - 1, reading=False)
    way.end()
    assert not way.mapped


def test_the_last_pages_of_a_file_that_was_cut_are_left_alone(tmp_path):
    path = write_lmdb(tmp_path / "env", {key(at): bytes(90_000) for at in range(9)})
    with Pages(LmdbReader(path).data) as pages:
        size = len(pages.map)
        large_values._map_in(pages, size + 4096, 9000, lambda: None)
        large_values._map_in(pages, size - 5000, 90_000, lambda: None)
        assert np.frombuffer(pages.map, np.uint8).size == size
