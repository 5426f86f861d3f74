"""Test records read straight from LMDB's pages: in every range the same as the library reads one by one."""

import random

import lmdb
import numpy as np
import pytest
from building import SHARED, key, write_lmdb
from lmdb_building import STORES

from datacheck.backends import open_store
from datacheck.backends.lmdb import direct as lmdb_direct
from datacheck.backends.lmdb.direct import Direct
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.model.blocks import Position, Shard
from datacheck.model.equal_lengths import EqualLengths

NOBODY = {b"no such key"}
"""Keys to avoid: a reader that avoids any key reads one record at a time, through the library."""


def copied(reader, shard, **options):
    """Return the records; the values of each block are copied before the next one is asked for."""
    out = []
    for block in reader.blocks(shard, **options):
        out += [(at, bytes(value)) for at, value in zip(block.keys, block.values, strict=True)]
    return out


def of_sizes(sizes, count, seed=0, **options):
    """Return a function that writes an environment of records of these sizes, in bytes."""

    def make(path):
        chance = random.Random(seed)
        records = {key(number): chance.randbytes(chance.choice(sizes)) for number in range(count)}
        return write_lmdb(path, records, **options)

    return make


def integers(path):
    chance = random.Random(3)
    numbers = chance.sample(range(1 << 40), 700)
    records = [(number.to_bytes(8, "little"), chance.randbytes(200)) for number in numbers]
    return write_lmdb(path, records, name=b"db", integerkey=True)


def in_bits(path):
    """Write records in many commits in random order, so that leaves lie anywhere in the file."""
    chance = random.Random(4)
    numbers = list(range(900))
    chance.shuffle(numbers)
    with lmdb.open(str(path), map_size=1 << 28) as environment:
        for start in range(0, 900, 60):
            with environment.begin(write=True) as transaction:
                for number in numbers[start : start + 60]:
                    transaction.put(key(number), chance.randbytes(chance.choice([300, 300, 7000])))
    return path


MADE = {
    **STORES,
    "equal": of_sizes([793], 3000),
    "tiny": of_sizes([0, 1, 8], 9000),
    "of several sizes": of_sizes([0, 5, 300, 1900], 2000),
    "large": of_sizes([70_000], 60),
    "large of several sizes": of_sizes([5000, 70_000, 90_001], 60),
    "large and small": of_sizes([10, 200, 5000, 20_000], 400),
    "backwards": of_sizes([500], 900, name=b"db", reverse_key=True),
    "integers": integers,
    "in bits": in_bits,
}


@pytest.mark.parametrize("name", MADE)
def test_the_same_records_in_every_range(tmp_path, monkeypatch, name):
    path = MADE[name](tmp_path / "made")
    direct, held = Direct.pairs, []

    def counted(self, piece, note, limit=None):
        for pairs in direct(self, piece, note, limit):
            held.append(len(pairs[0]))
            yield pairs

    monkeypatch.setattr(Direct, "pairs", counted)
    chance = random.Random(1)
    for shard_bytes in (1 << 30, 40_000):
        reader = LmdbReader(path, shard_bytes)
        for shard in reader.layout().shards:
            found = copied(reader, shard)
            assert found == copied(reader, shard, avoid=NOBODY)
            keys = [at for at, _ in found]
            for _ in range(2):
                if len(set(keys)) < 3:
                    break
                ends = sorted(chance.sample(range(len(keys)), 2))
                start, stop = (Position(keys[at], chance.randrange(2)) for at in ends)
                part = Shard(shard.part, start, stop)
                there = copied(reader, part)
                assert there == copied(reader, part, avoid=NOBODY)
                for limit in (2, 7):
                    assert copied(reader, part, limit=limit) == there
                    assert all(len(block) <= limit for block in reader.blocks(part, limit=limit))
                    peeked = [block for block in reader.peek(part, limit) if len(block)]
                    assert [at for block in peeked for at in block.keys] == [at for at, _ in there]
                    assert all(len(block) <= limit for block in peeked)
    assert bool(held) == ("duplicates" not in name)


@pytest.mark.parametrize(
    ("name", "kind"), [("equal", EqualLengths), ("large", EqualLengths), ("of several sizes", list)]
)
def test_values_of_one_length_come_in_one_array(tmp_path, name, kind):
    reader = open_store(MADE[name](tmp_path / "made"))
    blocks = [block for shard in reader.layout().shards for block in reader.blocks(shard) if len(block)]
    assert all(isinstance(block.values, kind) for block in blocks)
    assert all(memoryview(value).readonly for block in blocks for value in block.values)


def test_large_values_that_are_peeked_at_are_views_and_lie_evenly_apart_wherever_they_can(tmp_path, monkeypatch):
    monkeypatch.setattr(lmdb_direct, "LARGE", 5000)
    path = of_sizes([6000], 2000)(tmp_path / "made")
    with Pages(path / "data.mdb") as pages:
        monkeypatch.setattr(Pages, "map", pages.map)
        (shard,) = LmdbReader(path, 1 << 30).layout().shards
        blocks = [block for block in LmdbReader(path).peek(shard) if len(block)]
        assert sum(map(len, blocks)) == 2000
        assert len(blocks) > 5
        assert all(np.shares_memory(block.values.rows, np.frombuffer(pages.map, np.uint8)) for block in blocks)
        del blocks


def test_the_library_is_not_asked(tmp_path, monkeypatch):
    reader = open_store(MADE["large and small"](tmp_path / "made"))
    layout = reader.layout()
    monkeypatch.setattr("datacheck.backends.lmdb.reading.transaction", None)
    monkeypatch.setattr(LmdbReader, "_refusal", lambda self: None)
    assert sum(len(block) for shard in layout.shards for block in reader.blocks(shard)) == 400


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real stores is not here")
@pytest.mark.parametrize("name", ["lmdb-caffe-raw", "lmdb-caffe-encoded", "lmdb-rkv/ref_env_64"])
def test_real_stores(name):
    path = SHARED / "real" / name
    if not path.exists():
        pytest.skip(f"{name} is not among the real stores")
    reader = open_store(path)
    for shard in reader.layout().shards:
        assert copied(reader, shard) == copied(reader, shard, avoid=NOBODY)
