"""Test that shards end with tables where these are about as large, and are of equal size where they are not."""

import pytest
from leveldb_building import internal, write_store

from datacheck.backends.leveldb.reader import LevelDbReader
from datacheck.backends.leveldb.survey import Survey
from datacheck.backends.leveldb.version import read_version


def surveyed(path, tables):
    """Return the survey of a store whose tables have so many records of 1,000 bytes each."""
    first, given = 0, {}
    for number, count in enumerate(tables, 5):
        rows = [(internal(b"%06d" % at, at + 1), bytes(1000)) for at in range(first, first + count)]
        given[number] = (1, [[row] for row in rows])
        first += count
    store = write_store(path / "db", given, kind=0)
    survey = Survey(1)
    for table in read_version(store).tables.values():
        survey.table(store, table)
    return survey, store


@pytest.mark.parametrize(
    ("tables", "parts", "lasts"),
    [
        ([10, 10, 10, 10], 4, [9, 19, 29]),
        ([11, 11, 11, 7], 4, [10, 21, 32]),
        ([5, 5, 5, 5, 5, 5, 5, 5], 3, [14, 24]),
        ([40], 4, [9, 19, 29]),
        ([20, 20], 4, [9, 19, 29]),
        ([3], 8, [0, 1]),
    ],
)
def test_a_part_ends_with_a_table_that_ends_nearby(tmp_path, tables, parts, lasts):
    survey, store = surveyed(tmp_path, tables)
    assert survey.spread_by_table(parts) == [b"%06d" % last for last in lasts]
    keys = [
        key
        for shard in LevelDbReader(store).layout().shards
        for it in LevelDbReader(store).blocks(shard)
        for key in it.keys
    ]
    assert keys == [b"%06d" % at for at in range(sum(tables))]


def test_a_store_without_tables_or_for_one_part_is_not_divided(tmp_path):
    assert Survey(1).spread_by_table(4) == []
    assert surveyed(tmp_path, [9])[0].spread_by_table(1) == []
