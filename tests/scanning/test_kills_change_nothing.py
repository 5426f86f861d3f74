"""Test that one or two kills from outside change nothing in a report, whatever task they hit; three are reported."""

import itertools

import msgspec
import pytest
from building import key, raw_records, write_lmdb
from killed_notes import killing
from leveldb_building import write_log_store

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader

RECORDS = raw_records(60)


@pytest.fixture
def stores(tmp_path):
    """Stores of which one has an empty record, and lacks one that the other has."""
    one = {name: value for name, value in RECORDS.items() if name != key(5)} | {key(3): b""}
    return [LmdbReader(write_lmdb(tmp_path / "one", one), 2000), write_lmdb(tmp_path / "two", RECORDS)]


def scanned(sources, kills=(), **options):
    """Return the reports as documents without times, and the name of the task that left each note."""
    seen = []
    reports = datacheck.scan(sources, engine=killing(kills, seen), workers=1, **options)
    reports = list(reports) if isinstance(sources, list) else [reports]
    documents = [msgspec.structs.replace(it.document(), seconds=0, started="") for it in reports]
    return [msgspec.to_builtins(it) for it in documents], seen


def edges(seen):
    """Return the first and the last note of the first task of each name."""
    runs = [(name, [at for at, _ in run]) for name, run in itertools.groupby(enumerate(seen, 1), lambda it: it[1])]
    first = dict(reversed(runs))
    return sorted({at for run in first.values() for at in (run[0], run[min(1, len(run) - 1)], run[-1])})


def check(sources, tasks, **options):
    """Compare the reports of scans that are killed twice at a time with that of one that is not."""
    expected, seen = scanned(sources, **options)
    assert tasks <= set(seen)
    for at in edges(seen):
        assert scanned(sources, {at, at + 1}, **options)[0] == expected, (at, seen[at - 1])


def test_a_scan(stores):
    check(stores[0], {"TakeLayout", "TakeProfile", "Check", "Recognise"})


def test_a_comparison_of_pairs(stores):
    check(stores, {"ComparePair"}, paired=True)


def test_the_counting_for_a_sample(tmp_path):
    store = write_log_store(tmp_path / "store", (RECORDS | {key(3): b""}).items())
    check(store, {"Count"}, sample="20")


def test_the_search_for_the_names_in_options(tmp_path):
    rare = {b"x-%d" % number: b"\0" * 12 for number in range(2)}
    store = write_lmdb(tmp_path / "store", raw_records(3000) | rare)
    check(store, {"LookForFamilies"}, array=["x-#=f4:3"])


def test_a_third_kill_of_one_task_is_told(stores):
    _, seen = scanned(stores, paired=True)
    at = seen.index("ComparePair") + 1
    (one, _), _ = scanned(stores, {at, at + 1, at + 2}, paired=True)
    assert not one["complete"]
    (finding,) = [it for it in one["findings"] if it["code"] == "too-large"]
    assert finding["verdict"] == "unverifiable"
    assert "with those of two was ended by SIGKILL 3 times" in finding["message"]
