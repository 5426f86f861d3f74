"""Test that little of a store is read before the first shard, however large its records are."""

from types import SimpleNamespace

import pytest
from building import datum, key, pixels, write_lmdb

import datacheck
from datacheck.model.blocks import Block, Position, Shard
from datacheck.model.settings import Settings
from datacheck.scanning.keys import sample_keys
from datacheck.scanning.keys.sample_keys import SampleKeys
from datacheck.scanning.profile.profiling import PROFILE_BYTES
from datacheck.scanning.profile.recognition import SAMPLED


class Reader:
    """A store of values of one size, which counts the records that are read."""

    backend = "leveldb"

    def __init__(self, size):
        self.value, self.read = bytes(size), 0

    def blocks(self, shard, *, limit=None, note=None):
        at = int(shard.start.key) if shard.start else 0
        while True:
            keys = [b"%08d" % number for number in range(at, at + (limit or 100))]
            self.read += len(keys)
            yield Block(keys, [self.value] * len(keys))
            at += len(keys)


class Peeked(Reader):
    def peek(self, shard, limit=None):
        return self.blocks(shard, limit=limit)


PROBES = tuple((number, Shard("", Position(b"%08d" % (1000 * number)))) for number in range(64))


def sampled(reader, limit=64):
    watch = SimpleNamespace(note=lambda value: None)
    keys = SampleKeys(PROBES, limit).run(SimpleNamespace(reader=reader, settings=Settings()), watch)
    assert list(keys) == [""]
    return keys[""]


@pytest.mark.parametrize("size", [0, 100, 4000])
def test_keys_of_small_records_are_taken_at_every_probe(size):
    reader = Reader(size)
    assert len(sampled(reader)) == 64 * 64


@pytest.mark.parametrize("size", [20_000, 200_000, 2 << 20])
def test_keys_of_large_records_cost_a_bounded_number_of_bytes(size):
    reader = Reader(size)
    keys = sampled(reader)
    assert reader.read * size <= sample_keys.SAMPLE_BYTES + 2 * sample_keys.FEWEST_KEYS * size
    assert len(keys) >= min(64, sample_keys.SAMPLE_BYTES // size) - 1
    places = sorted({int(name) // 1000 for name in keys})
    assert len(places) > 1
    assert max(places) - min(places) >= 31  # spread, not the first ones


def test_keys_that_cost_nothing_are_all_taken():
    assert len(sampled(Peeked(2 << 20))) == 64 * 64


def test_large_records_are_profiled_from_a_few_of_them(tmp_path):
    records = {key(at): datum(pixels(at % 7, (3, 180, 180)), at % 10) for at in range(700)}
    path = write_lmdb(tmp_path / "env", records)
    reports = [datacheck.scan(path, workers=workers) for workers in (1, 2)]
    (family,) = reports[0].profile.families.values()
    assert SAMPLED <= family.sampled <= PROFILE_BYTES // (3 * 180 * 180) + 2
    assert family.fields["data"].shape == (3, 180, 180)
    assert reports[0].profile == reports[1].profile
    assert reports[0].clean
