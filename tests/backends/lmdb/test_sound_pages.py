"""Test pages that look odd but are sound, each beside the fault that looks most like it."""

import os
import struct

import lmdb
import pytest
from building import datum, key, pixels
from lmdb_building import OVERFLOW, PAGE, File

import datacheck
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.backends.lmdb.skeleton import skeleton


def value(number, side):
    return datum(pixels(number, (3, side, side)), 1)


def overwritten(path, **options):
    """Write values, and replace one by a longer and then by a shorter value in the same transaction."""
    with lmdb.open(str(path), map_size=1 << 26, **options) as environment, environment.begin(write=True) as transaction:
        for number in range(20):
            transaction.put(key(number), value(number, 50))
        transaction.put(key(5), value(5, 90))
        transaction.put(key(5), value(5, 50))
    return path


def held(file, page):
    return struct.unpack_from("=I", file.raw, page * PAGE + file.header - 4)[0]


def longest(file):
    return max(file.pages(OVERFLOW), key=lambda page: held(file, page))


@pytest.mark.parametrize("options", [{}, {"writemap": True}, {"lib_version": 1}], ids=str)
def test_a_value_that_keeps_more_pages_than_it_needs_is_sound(tmp_path, options):
    path = overwritten(tmp_path / "env", **options)
    file = File(path)
    assert held(file, longest(file)) == 6
    report = datacheck.scan(path, workers=1)
    assert (report.bad, report.suspicious, report.tally.records) == (0, 0, 20)
    receipt = datacheck.rebuild(path, tmp_path / "copy", drop_bad=True, workers=1)
    assert receipt.kept == 20


@pytest.mark.parametrize("holds", [1, 7, 1 << 30])
def test_a_value_that_says_it_holds_fewer_or_others_pages_is_not(tmp_path, holds):
    path = overwritten(tmp_path / "env")
    file = File(path)
    struct.pack_into("=I", file.raw, longest(file) * PAGE + 12, holds)
    file.save()
    report = datacheck.scan(path, workers=1)
    assert "damaged-store" in report.counts
    assert not report.clean


def deleted_in_small_steps(path):
    """Write an environment whose free list is a B-tree of two levels."""
    with lmdb.open(str(path), map_size=1 << 28, sync=False) as environment:
        with environment.begin(write=True) as transaction:
            for number in range(12_000):
                transaction.put(key(number), datum(pixels(number % 50, (1, 28, 28)), 1))
        for start in range(0, 10_800, 60):
            with environment.begin(write=True) as transaction:
                for number in range(start, start + 60):
                    transaction.delete(key(number))
    return path


def test_a_free_list_of_two_levels_is_sound(tmp_path):
    path = deleted_in_small_steps(tmp_path / "env")
    with Pages(path / "data.mdb") as pages:
        assert pages.meta.free.depth > 1
    report = datacheck.scan(path, workers=1)
    assert (list(report.findings), report.tally.records) == ([], 1200)


def test_a_free_list_of_two_levels_that_leads_twice_to_one_leaf_is_not(tmp_path):
    path = deleted_in_small_steps(tmp_path / "env")
    with Pages(path / "data.mdb") as pages:
        root = pages.meta.free.root
    file = File(path)
    one, two = struct.unpack_from("=HH", file.raw, root * PAGE + file.header)
    file.raw[root * PAGE + two : root * PAGE + two + 4] = file.raw[root * PAGE + one : root * PAGE + one + 4]
    file.save()
    assert any("is used twice" in finding.message for finding in skeleton(file.path).findings)


def short(path):
    """Write an environment whose last pages were allocated and freed in one transaction."""
    with lmdb.open(str(path), map_size=1 << 26) as environment:
        for turn in range(5):
            with environment.begin(write=True) as transaction:
                for number in range(20):
                    transaction.put(key(number), value(number + 100 * turn, 50))
        with environment.begin(write=True) as transaction:
            for number in range(20, 60):
                transaction.put(key(number), value(number, 50))
            for number in range(30, 60):
                transaction.delete(key(number))
    return path


def test_a_file_that_ends_before_its_last_page_is_sound_where_all_behind_is_free(tmp_path):
    path = short(tmp_path / "env")
    with Pages(path / "data.mdb") as pages:
        assert pages.size < (pages.meta.last_page + 1) * PAGE
    report = datacheck.scan(path, workers=1)
    assert (list(report.findings), report.tally.records) == ([], 30)


def test_a_file_that_ends_before_a_page_that_is_used_is_not(tmp_path):
    path = short(tmp_path / "env")
    file = File(path)
    last = int(skeleton(file.path).used.nonzero()[0].max())
    lost = next(page for page in range(len(file) - 1, 2, -1) if skeleton(file.path).used[page] != 2)
    assert lost <= last
    del file.raw[lost * PAGE :]
    file.save()
    assert "truncated-store" in datacheck.scan(path, workers=1).counts


def test_counters_of_many_values_stay_high_after_deletions(tmp_path):
    path = tmp_path / "env"
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=2) as environment:
        database = environment.open_db(b"dups", dupsort=True)
        with environment.begin(write=True, db=database) as transaction:
            for number in range(6):
                for nth in range(2000):
                    transaction.put(key(number), b"%06d" % nth)
        with environment.begin(write=True, db=database) as transaction:
            for number in range(5):
                transaction.delete(key(number))
    record = skeleton(path / "data.mdb").trees["dups"].record
    assert record.leaves > 20
    reader = LmdbReader(path)
    (shard,) = reader.layout().shards
    account = {}
    for block in reader.blocks(shard):
        assert not block.findings
        for name, count in block.account.items():
            account[name] = account.get(name, 0) + count
    assert reader.conclude(account) == []


def test_counters_of_single_values_that_stay_high_are_said(tmp_path):
    path = overwritten(tmp_path / "env")
    file = File(path)
    meta = max((0, 1), key=lambda page: struct.unpack_from("=Q", file.raw, page * PAGE + 144)[0])
    struct.pack_into("=Q", file.raw, meta * PAGE + 16 + 24 + 48 + 16, 99)
    file.save()
    os.utime(file.path)
    (finding,) = datacheck.scan(path, workers=1).findings
    assert "99 leaf pages" in finding.message
