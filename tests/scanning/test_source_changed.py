"""Test a source that is written to during the scan: findings count only if they are found again while nobody writes."""

import csv
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest
from building import write_lmdb
from leveldb_building import write_log_store

import datacheck
from datacheck.backends import open_store
from datacheck.backends.interface import Reader
from datacheck.errors import RebuildFailed
from datacheck.model.blocks import Block, ignore
from datacheck.model.finding import found

COUNT = 60


def npy(number, bad=False):
    file = io.BytesIO()
    values = np.full((2, 3), number, np.float32) + np.arange(3, dtype=np.float32)
    values[1, 1] = np.nan if bad else 1
    np.save(file, values)
    return file.getvalue()


def records(bad=()):
    return {b"%08d" % n: npy(n, n in bad) for n in range(COUNT)}


def write(kind, folder, bad=()):
    if kind == "lmdb":
        return write_lmdb(folder / "env", records(bad))
    if kind == "leveldb":
        return write_log_store(folder / "level", records(bad).items())
    rows = np.random.default_rng(0).normal(size=(COUNT, 8))
    rows[list(bad), 3] = np.nan
    with h5py.File(folder / "rows.h5", "w") as file:
        file["data"] = rows
    return folder / "rows.h5"


KINDS = ("lmdb", "leveldb", "hdf5")
WRITTEN = ("lmdb", pytest.param("leveldb", marks=pytest.mark.writes_leveldb), "hdf5")
SEVENTH = {"lmdb": "00000007", "leveldb": "00000007", "hdf5": "/[7]"}


def touch(path):
    """Make a source look as if somebody had written to it."""
    file = (
        path if path.is_file() else next(it for it in sorted(path.iterdir()) if it.name in ("data.mdb", "000003.log"))
    )
    status = file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


@dataclass(frozen=True)
class Written:
    """A source that is written to while it is read, `times` times, each time with a wrong seventh record."""

    inner: Reader
    notes: Path
    times: int
    garbage: bool = True

    @property
    def backend(self):
        return self.inner.backend

    @property
    def path(self):
        return self.inner.path

    def layout(self):
        return self.inner.layout()

    def blocks(self, shard, *, limit=None, note=ignore):
        ends = [(it.start, it.stop) for it in self.inner.layout().shards]
        whole = limit is None and (shard.start, shard.stop) in ends
        number = len(list(self.notes.iterdir()))
        writing = whole and number < self.times
        if writing:
            (self.notes / str(number)).touch()
            touch(self.path)
        for block in self.inner.blocks(shard, limit=limit, note=note):
            yield self.spoilt(block) if writing and self.garbage else block

    def spoilt(self, block):
        if isinstance(block, Block):
            values = [b"" if key == b"00000007" else it for key, it in zip(block.keys, block.values, strict=True)]
            return msgspec.structs.replace(block, values=values)
        wrong = found("unreadable", "a chunk is not what it should be", field="data")
        return msgspec.structs.replace(block, findings=[(7, wrong)]) if 7 in block.rows else block

    def find(self, key):
        return self.inner.find(key)

    def name(self, shard, place, finding):
        return self.inner.name(shard, place, finding)


def written(kind, tmp_path, times, *, bad=(), garbage=True):
    notes = tmp_path / "notes"
    notes.mkdir()
    return Written(open_store(write(kind, tmp_path, bad)), notes, times, garbage)


def said(report):
    return [(it.key, it.code, it.verdict) for it in report.findings]


WHOLE = (None, "source-changed", "unverifiable")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_found_again_is_not_bad(tmp_path, kind):
    report = datacheck.scan(written(kind, tmp_path, 1), workers=1)
    assert said(report) == [(SEVENTH[kind], "source-changed", "unverifiable"), WHOLE]
    assert (report.bad, report.unverifiable, report.status) == (0, 2, 3)
    assert report.counts == {"source-changed": 2}
    first, whole = report.findings
    assert first.details["was"] in ("empty", "unreadable")
    assert "the source was changed meanwhile, and this was not found again: scan it again when" in first.message
    assert "the source was changed while it was read (changed: " in whole.message
    assert list(report.bad_keys()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_real_damage_in_a_source_that_changed_elsewhere_stays_bad(tmp_path, kind):
    report = datacheck.scan(written(kind, tmp_path, 1, bad=[40]), workers=1)
    fortieth = SEVENTH[kind].replace("7", "40").replace("000000040", "00000040")
    assert said(report) == [(SEVENTH[kind], "source-changed", "unverifiable"), (fortieth, "nan", "bad"), WHOLE]
    assert (report.bad, report.unverifiable, report.status) == (1, 2, 1)
    assert list(report.bad_keys()) == [fortieth]


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_changed_and_has_nothing_wrong_is_not_clean(tmp_path, kind):
    report = datacheck.scan(written(kind, tmp_path, 1, garbage=False), workers=1)
    assert said(report) == [WHOLE]
    assert (report.bad, report.status) == (0, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_source_that_never_rests_nothing_is_bad(tmp_path, kind):
    report = datacheck.scan(written(kind, tmp_path, 99, bad=[40]), workers=1)
    assert {it.verdict for it in report.findings} == {"unverifiable"}
    assert (report.bad, report.status) == (0, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_looked_at_again_until_it_rests(tmp_path, kind):
    report = datacheck.scan(written(kind, tmp_path, 2, bad=[40]), workers=1)
    assert report.bad == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_nobody_writes_to_is_as_it_was(tmp_path, kind):
    report = datacheck.scan(written(kind, tmp_path, 0, bad=[40]), workers=1)
    assert [it.code for it in report.findings] == ["nan"]
    assert (report.bad, report.unverifiable, report.status) == (1, 0, 1)


def test_only_what_is_in_doubt_is_looked_at_again(tmp_path):
    reader = written("lmdb", tmp_path, 1, garbage=False)
    asked = []
    report = datacheck.scan(reader, workers=1, progress=lambda done, total, bad: asked.append(done))
    assert report.checked == report.source.records == COUNT
    assert max(asked) == COUNT


def test_the_files_have_what_the_report_has(tmp_path):
    paths = [tmp_path / f"report.{suffix}" for suffix in ("json", "jsonl", "csv")]
    report = datacheck.scan(written("lmdb", tmp_path, 1, bad=[40]), workers=1, reports=paths)
    codes = ["source-changed", "nan", "source-changed"]
    assert [it.code for it in report.findings] == codes
    assert [it["code"] for it in json.loads(paths[0].read_text())["findings"]] == codes
    lines = [json.loads(line) for line in paths[1].read_text().splitlines()]
    assert [it["code"] for it in lines if "code" in it] == codes
    assert len(lines) == len(codes) + 1
    with paths[2].open(newline="") as file:
        assert [row["code"] for row in csv.DictReader(file)] == codes


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_rebuild_of_a_source_that_changed_refuses(tmp_path, kind):
    path = write(kind, tmp_path, [40])
    seen = []

    def watch(phase, *counts):
        if not seen:
            touch(path)
        seen.append(phase)

    with pytest.raises(
        RebuildFailed, match="it was changed while it was scanned; rebuild it when nothing writes to it"
    ):
        datacheck.rebuild(path, tmp_path / "copy", drop_bad=True, progress=watch, workers=1)
    assert set(seen) == {"scan"}
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_rebuild_of_a_source_that_changes_while_it_is_copied_refuses(tmp_path, monkeypatch, kind):
    path = write(kind, tmp_path)
    done = []

    def watch(phase, *counts):
        if phase != "scan" and not done:
            done.append(phase)
            touch(path)

    with pytest.raises(RebuildFailed, match="it was changed while it was copied; rebuild it when nothing writes"):
        datacheck.rebuild(path, tmp_path / "copy", progress=watch, workers=1)
    assert done
    assert not (tmp_path / "copy").exists()


def test_the_files_that_a_list_names_are_part_of_the_source(tmp_path):
    path = write("hdf5", tmp_path)
    listed = tmp_path / "list.txt"
    listed.write_text(f"{path}\n")
    before = datacheck.scan(listed, workers=1).source.fingerprint
    assert [Path(it.name).name for it in before.files] == ["list.txt", "rows.h5"]
    touch(path)
    assert datacheck.scan(listed, workers=1).source.fingerprint != before
