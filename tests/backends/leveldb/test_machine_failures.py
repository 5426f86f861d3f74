"""Test a machine that fails while it reads a sound store: what was not read is named, and is neither bad nor clean."""

import errno
import io
import json
import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from building import key
from covering import pairwise
from leveldb_building import batch, flip, internal, scanned, write_store

import datacheck
from datacheck.backends.leveldb import block, table_files, version, write_batches
from datacheck.backends.leveldb.block import Damaged, read_failure
from datacheck.backends.leveldb.merge import OPEN_FILES, Files
from datacheck.backends.leveldb.reader import LevelDbReader
from datacheck.model.blocks import ignore

TABLES, EACH = 150, 4


def npy(number):
    file = io.BytesIO()
    np.save(file, np.full((2, 3), number, np.float32) + np.arange(3, dtype=np.float32))
    return file.getvalue()


def write_many_tables(path):
    rows = [(internal(key(n), n + 1), npy(n)) for n in range(TABLES * EACH)]
    tables = {10 + t: (1, [rows[t * EACH : (t + 1) * EACH]]) for t in range(TABLES)}
    return write_store(path, tables, {5: []})


@pytest.mark.parametrize("most", [16, 20, 24])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_low_limit_on_open_files_leaves_no_record_unread(tmp_path, most, workers):
    path = write_many_tables(tmp_path / "db")
    words = [sys.executable, "-m", "datacheck", "scan", str(path), "--format", "json", "--workers", str(workers)]
    command = ["bash", "-c", f'ulimit -n {most}; exec "$@"', "bash", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert (report["checked"], report["findings"], report["complete"]) == (TABLES * EACH, [], True)
    assert done.returncode == 0


@contextmanager
def files_left(count):
    """Let this process open `count` more files at a time."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open("/", os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_files_of_a_pass_make_room_for_one_another(tmp_path, count):
    paths = [tmp_path / str(n) for n in range(9)]
    for path in paths:
        path.write_bytes(path.name.encode())
    with Files() as files, files_left(count):
        for path in [*paths, *paths]:
            assert os.pread(files[path], 9, 0) == path.name.encode()


def test_what_cannot_be_opened_at_all_is_told(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with Files() as files, files_left(0), pytest.raises(Damaged) as caught:
        files[path]
    assert (caught.value.code, caught.value.verdict) == ("unreadable", "unverifiable")


def test_a_pass_keeps_some_files_open(tmp_path):
    paths = [tmp_path / str(n) for n in range(OPEN_FILES + 9)]
    for path in paths:
        path.touch()
    with Files() as files:
        for path in paths:
            files[path]
        assert len(files._open) == OPEN_FILES


@contextmanager
def failing(call, name, number):
    """Make a function of `os`, `open` or `pread`, fail with the error `number` for the file of this name."""
    sound = getattr(os, call)

    def fails(file, *args, **kwargs):
        path = Path(f"/proc/self/fd/{file}").readlink() if isinstance(file, int) else Path(file)
        if path.name == name:
            raise OSError(number, os.strerror(number), str(path))
        return sound(file, *args, **kwargs)

    with mock.patch.object(os, call, fails):
        yield


@dataclass(frozen=True)
class Failing:
    """A LevelDB on a disk that fails at one file, in the survey, in the pass or in both."""

    inner: LevelDbReader
    call: str
    file: str
    number: int
    where: tuple[str, ...]
    backend = "leveldb"

    @property
    def path(self):
        return self.inner.path

    def _disk(self, what):
        return failing(self.call, self.file if what in self.where else "", self.number)

    def layout(self):
        with self._disk("survey"):
            return self.inner.layout()

    def blocks(self, shard, *, limit=None, note=ignore):
        with self._disk("pass"):
            yield from self.inner.blocks(shard, limit=limit, note=note)

    def find(self, key):
        return self.inner.find(key)

    def name(self, shard, place, finding):
        return self.inner.name(shard, place, finding)


CALLS = [
    ("open", "000005.ldb"),
    ("pread", "000005.ldb"),
    ("open", "000008.log"),
    ("pread", "000008.log"),
    ("open", "MANIFEST-000002"),
    ("pread", "MANIFEST-000002"),
    ("open", "CURRENT"),
]
NUMBERS = [errno.EIO, errno.ESTALE, errno.ENOMEM]


def write_npy_tables(path):
    rows = [(internal(key(n), n + 1), npy(n)) for n in range(40)]
    logs = {8: [batch(100 + n, [(key(50 + n), npy(n))]) for n in range(4)]}
    return write_store(path, {5: (1, [rows[:10], rows[10:20]]), 7: (1, [rows[20:]])}, logs)


@pytest.mark.parametrize(
    ("of", "number", "where"), pairwise(CALLS, NUMBERS, [("survey", "pass"), ("survey",), ("pass",)])
)
def test_a_failing_disk_is_neither_bad_nor_clean(tmp_path, of, number, where):
    call, name = of
    path = write_npy_tables(tmp_path / "db")
    report = datacheck.scan(Failing(LevelDbReader(path), call, name, number, where), workers=1)
    findings = list(report.findings)
    if name == "MANIFEST-000002" and where == ("pass",):  # the process remembers it from the survey
        assert (report.checked, findings, report.complete) == (44, [], True)
        return
    assert {it.verdict for it in findings} == {"unverifiable"}, findings
    assert report.bad == 0
    assert report.status == 3
    assert not report.complete
    said = [(it.file, it.message) for it in findings]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(("call", "name"), [it for it in CALLS if it[1] != "CURRENT"])
def test_a_pass_tells_of_a_failure_that_the_survey_did_not_meet(tmp_path, call, name, number):
    """The pass may run in another process than the survey, one that has read nothing yet."""
    path = write_npy_tables(tmp_path / "db")
    reader = LevelDbReader(path)
    (shard,) = reader.layout().shards
    for cached in (table_files._open_table, version._read_manifest, write_batches._open_log):
        cached.cache_clear()
    with failing(call, name, number):
        findings = [finding for it in reader.blocks(shard) for _, finding in it.findings if finding.code != "stale"]
    assert findings
    assert {(it.code, it.verdict) for it in findings} == {("unreadable", "unverifiable")}


def test_a_large_block_that_the_disk_does_not_give_is_not_held_against_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(block, "LARGE", 1)
    path = write_npy_tables(tmp_path / "db")
    with failing("preadv", "000007.ldb", errno.EIO):
        layout, findings, _ = scanned(path)
    assert {(it.code, it.verdict) for it in [*layout, *findings]} == {("unreadable", "unverifiable")}


@pytest.mark.parametrize("name", ["read_log", "Writes._parse", "Writes.feed"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOMEM])
def test_a_failure_while_a_log_is_read_says_nothing_of_it(tmp_path, monkeypatch, name, number):
    def fails(*args):
        raise OSError(number, os.strerror(number))

    path = write_npy_tables(tmp_path / "db")
    monkeypatch.setattr(f"datacheck.backends.leveldb.write_batches.{name}", fails)
    (finding,) = LevelDbReader(path).layout().findings
    said = f"000008.log cannot be read: {os.strerror(number)}"
    assert (finding.code, finding.verdict, finding.message) == ("unreadable", "unverifiable", said)


@pytest.mark.parametrize(
    ("name", "code"), [("000005.ldb", "checksum"), ("000008.log", "checksum"), ("MANIFEST-000002", "checksum")]
)
def test_a_flipped_bit_stays_bad(tmp_path, name, code):
    path = write_npy_tables(tmp_path / "db")
    flip(path / name, 40)
    report = datacheck.scan(path, workers=1)
    assert [(it.code, it.verdict) for it in report.findings if it.key is None] == [(code, "bad")]
    assert report.complete
    assert report.status == 1


@pytest.mark.parametrize("name", ["000005.ldb", "MANIFEST-000002", "CURRENT"])
def test_a_file_that_is_gone_stays_bad(tmp_path, name):
    path = write_npy_tables(tmp_path / "db")
    (path / name).unlink()
    report = datacheck.scan(path, workers=1)
    assert "bad" in {it.verdict for it in report.findings if it.key is None}
    assert report.status == 1


def test_an_error_that_is_not_the_machines_stays_bad():
    damage = read_failure(OSError(errno.EINVAL, "Invalid argument"), "a file")
    assert (damage.code, damage.verdict, damage.why) == ("unreadable", "bad", "a file cannot be read: Invalid argument")
    assert (damage.at(7, 8).verdict, damage.with_text("x").verdict) == ("bad", "bad")
