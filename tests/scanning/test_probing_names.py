"""Test that a record that kills its reader while the profile is taken is named, and never the record before it."""

import os
import signal
from dataclasses import dataclass

import pytest
from building import key, raw_records, write_lmdb
from delegating import Delegating
from leveldb_building import write_log_store

import datacheck
from datacheck.backends import open_store
from datacheck.backends.interface import ignore


@dataclass(frozen=True)
class Deadly(Delegating):
    """A reader that dies at the value of a key, or before it notes that key if `unseen`."""

    deadly: bytes
    unseen: bool

    def blocks(self, shard, *, limit=None, note=ignore):
        def noted(place, seen):
            if not (self.unseen and limit == 1 and seen and place.key == self.deadly):
                note(place, seen)
            else:
                os.kill(os.getpid(), signal.SIGSEGV)

        for block in self.reader.blocks(shard, limit=limit, note=noted):
            if self.deadly in block.keys:
                os.kill(os.getpid(), signal.SIGSEGV)
            yield block


def store(kind, path):
    records = raw_records(60)
    return write_lmdb(path, records) if kind == "lmdb" else write_log_store(path, records.items())


@pytest.mark.parametrize("kind", ["lmdb", "leveldb"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_record_at_whose_value_the_reader_dies_is_named(tmp_path, kind, workers):
    reader = Deadly(open_store(store(kind, tmp_path / "s")), key(5), unseen=False)
    report = datacheck.scan(reader, workers=workers)
    of_profile = [it for it in report.findings if "probe" in it.details]
    assert {it.details["key"] for it in of_profile} == {"00000005"}
    assert all("00000005" in it.message for it in of_profile)
    assert [it.key for it in report.findings if it.key] == ["00000005"]


@pytest.mark.parametrize("kind", ["lmdb", "leveldb"])
def test_what_kills_before_it_is_seen_is_not_called_by_the_name_of_the_one_before(tmp_path, kind):
    reader = Deadly(open_store(store(kind, tmp_path / "s")), key(5), unseen=True)
    report = datacheck.scan(reader, workers=1)
    of_profile = [it for it in report.findings if "probe" in it.details]
    assert of_profile
    for it in of_profile:
        assert it.details["key"] is None
        assert "reading on behind 00000004 killed" in it.message
    assert "00000004" not in [it.key for it in report.findings]
