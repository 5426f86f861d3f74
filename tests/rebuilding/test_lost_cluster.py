"""Test that a rebuild that loses its cluster says that there is no copy, and how to lose less the next time."""

from collections import deque

import pytest
from building import raw_records, write_lmdb
from killed_scans import Here

import datacheck
from datacheck.backends.lmdb import layout
from datacheck.errors import ClusterFailed

GONE = "the Dask scheduler at tcp://head:8786 does not answer any more"


def lost_at(name):
    """Return an engine that is lost at the first task of this name, or at the second one for Check."""

    class Lost(Here):
        name = "dask"

        def run(self, tasks):
            seen = 0
            waiting = tasks if isinstance(tasks, deque) else deque(tasks)
            for task, result in super().run(waiting):
                seen += type(task).__name__ == name
                if seen > (name == "Check"):
                    raise ClusterFailed(GONE)
                yield task, result

    return Lost


SAVES = "a scan of {} with --resume FILE.jsonl keeps what it has found when that happens"


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "SHARD_BYTES", 4000)
    monkeypatch.setattr(layout, "LARGEST_SHARD_BYTES", 4000)
    return write_lmdb(tmp_path / "env", raw_records(400))


@pytest.mark.parametrize("task", ["Check", "Verify"])
def test_a_rebuild_says_that_there_is_no_copy_and_what_would_keep_the_findings(tmp_path, store, task):
    with pytest.raises(ClusterFailed) as told:
        datacheck.rebuild(store, tmp_path / "clean", drop_bad=True, engine=lost_at(task))
    saves = f"{SAVES.format(store)}, and rebuild --from-report FILE.jsonl needs no other scan"
    assert str(told.value) == f"{GONE}; no copy was written to {tmp_path / 'clean'}; {saves}"
    assert [it.name for it in tmp_path.iterdir()] == ["env"]


def test_before_anything_was_found_nothing_is_said_of_keeping_it(tmp_path, store):
    with pytest.raises(ClusterFailed) as told:
        datacheck.rebuild(store, tmp_path / "clean", drop_bad=True, engine=lost_at("TakeProfile"))
    assert str(told.value) == f"{GONE}; no copy was written to {tmp_path / 'clean'}"


def test_what_rests_on_a_report_begins_anew_with_it(tmp_path, store):
    report = tmp_path / "r.jsonl"
    datacheck.scan(store, reports=[report])
    with pytest.raises(ClusterFailed) as told:
        datacheck.rebuild(store, tmp_path / "clean", drop_bad=True, from_report=report, engine=lost_at("Verify"))
    said = f"{GONE}; no copy was written to {tmp_path / 'clean'}; the same command starts over with {report}"
    assert str(told.value) == said


def test_a_dry_run_would_have_written_none(tmp_path, store):
    with pytest.raises(ClusterFailed) as told:
        datacheck.rebuild(store, tmp_path / "clean", drop_bad=True, dry_run=True, engine=lost_at("Check"))
    assert str(told.value).startswith(f"{GONE}; {SAVES.format(store)}")


def test_of_pairs_the_same_is_said_once(tmp_path, store):
    other = write_lmdb(tmp_path / "other", raw_records(400))
    with pytest.raises(ClusterFailed) as told:
        datacheck.rebuild([store, other], tmp_path / "clean", paired=True, drop_bad=True, engine=lost_at("Check"))
    assert str(told.value) == f"{GONE}; no copy was written to {tmp_path / 'clean'}"
    assert not (tmp_path / "clean").exists()
