"""Test the places that an LMDB reader notes: a shard whose worker died is divided there, and each record read once."""

import random

import pytest
from backends.lmdb.test_damage import PLAIN, overwrite_leaf, wrong_page_number, zero_leaf
from covering import pairwise
from lmdb_building import STORES, File

from datacheck.backends import open_store
from datacheck.model.blocks import Position
from datacheck.testing.readers import assert_divides_where_noted


@pytest.mark.parametrize(
    ("kind", "damage", "limit"),
    pairwise(
        [kind for kind in PLAIN if kind != "large"],  # (which has only one leaf)
        [zero_leaf, overwrite_leaf, wrong_page_number],
        [None, 1],
    ),
)
def test_a_damaged_shard_divides_where_its_reader_says_it_is(tmp_path, kind, damage, limit):
    path = STORES[kind](tmp_path / "store")
    file = File(path)
    damage(file, random.Random(7))
    file.save()
    reader = open_store(path)
    shard = max(reader.layout().shards, key=lambda it: sum(map(len, reader.blocks(it))))
    keys = [key for block in reader.blocks(shard) for key in block.keys]
    assert len(keys) > 20
    for start in (None, Position(keys[1]), Position(keys[len(keys) // 2])):
        assert_divides_where_noted(reader, shard if start is None else shard.since(start), limit)
