"""Test that only what a reader or a decoder makes of a record's bytes is held against the record."""

import contextlib
import pickle
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest
from building import datum, key, pixels, write_lmdb
from leveldb_building import write_log_store
from patching import command, patched
from worker_readers import RECORDS, Fake

import datacheck
from datacheck.errors import ValidatorFailed
from datacheck.model.blocks import Position, Shard
from datacheck.reporting.document import Document
from datacheck.reporting.summary import text as summary
from datacheck.scanning.run import run
from datacheck.scanning.scan import prepare
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.tasks import Job
from datacheck.workers.pool import Pool
from datacheck.workers.templates import WORKER_BYTES


def scan(reader, **options):
    settings = make(workers=1, **{"timeout": 0.3, **options})
    reader, report = prepare(reader, settings)
    run(report, reader)
    return report


def said(report):
    return [(it.key, it.code, it.verdict) for it in report.findings]


@pytest.mark.parametrize(
    ("how", "code", "verdict", "words"),
    [
        ("spins", "timeout", "bad", "more processor time than --timeout allows"),
        ("sleeps", "timeout", "unverifiable", "did not finish in the time allowed (--timeout)"),
        ("is_killed", "too-large", "unverifiable", "was ended by SIGKILL, as containers"),
        ("is_terminated", "crash", "unverifiable", "killed the worker with SIGTERM"),
        ("runs_out_of_processor_time", "timeout", "unverifiable", "ulimit -t"),
        ("crashes", "crash", "bad", "killed the worker with SIGSEGV"),
        ("raises", "unreadable", "bad", "raised IndexError (no such thing in these bytes)"),
        ("eats", "too-large", "unverifiable", "needs more memory than the 4096 MiB allowed"),
        ("is_cut_off", "unreadable", "unverifiable", "raised OSError ([Errno 5] Input/output error)"),
    ],
)
def test_what_happens_to_a_reader_is_held_against_the_record_only_if_it_is_to_blame(how, code, verdict, words):
    report = scan(Fake(how))
    assert said(report) == [("00000007", code, verdict)]
    assert words in next(iter(report.findings)).message
    assert (report.checked, report.complete) == (60, True)
    assert report.status == (1 if verdict == "bad" else 3)


@pytest.mark.parametrize("how", ["is_killed_among_others", "is_late_but_once"])
def test_a_sound_record_that_a_loaded_machine_held_up_stays_sound(tmp_path, how):
    report = scan(Fake(how, mark=tmp_path / "mark"))
    assert (said(report), report.checked, report.status) == ([], 60, 0)


def test_a_store_that_makes_everybody_wait_is_given_up(monkeypatch):
    monkeypatch.setattr("datacheck.scanning.retry.DEATHS_A_SHARD", 10)
    report = scan(Fake("sleeps", tuple(range(60))), timeout=0.1)
    assert {(it.code, it.verdict) for it in report.findings} == {("timeout", "unverifiable")}
    assert len(report.findings) < 5
    assert (report.status, report.complete) == (3, False)


@pytest.mark.parametrize("kind", ["lmdb", "leveldb"])
def test_one_record_alone_is_that_record_in_every_store(tmp_path, kind):
    """The range that is retried holds the suspected record, and no other."""
    path = write_lmdb(tmp_path / kind, RECORDS) if kind == "lmdb" else write_log_store(tmp_path / kind, RECORDS.items())
    reader = datacheck.open_store(path)
    shard = reader.layout().shards[0]
    alone = Shard(shard.part, Position(key(7)), Position(key(7), 1))
    assert [bytes(it) for block in reader.blocks(alone, limit=1) for it in block.keys] == [key(7)]


def test_one_row_alone_is_that_row(tmp_path):
    import h5py

    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["data"] = np.arange(600.0).reshape(60, 10)
        file["label"] = np.arange(60)
    reader = datacheck.open_store(tmp_path / "rows.h5")
    (shard, *_) = reader.layout().shards
    places = []
    list(reader.blocks(shard, limit=1, note=lambda place, seen: places.append(place) if seen else None))
    place = places[7]
    alone = Shard(shard.part, place, Position(place.key, place.nth + 1))
    assert [row for block in reader.blocks(alone, limit=1) for row in block.rows] == [7]


@dataclass(frozen=True)
class Slip:
    """A built-in check with a bug, at some labels."""

    labels: tuple[int, ...]
    how: type[BaseException] = IndexError

    def __call__(self, batch):
        if batch.label:
            for value in batch.values.ravel().tolist():
                if value in self.labels:
                    raise self.how("list index out of range")
        return iter(())


@dataclass(frozen=True)
class Slipping:
    """A view with that check as its only validator."""

    slip: Slip

    def validators(self):
        return [self.slip]

    pixels = False

    def review(self, block, row, findings):
        return findings


@pytest.mark.parametrize("workers", [1, 2])
def test_a_mistake_of_our_own_says_nothing_of_the_record(tmp_path, workers):
    path = write_lmdb(tmp_path / "env", RECORDS | {key(30): datum(pixels(1)[:2], 3)})
    reader, report = prepare(path, make(workers=workers))
    run(report, reader, view=Slipping(Slip((7,))))
    slips = [it for it in report.findings if it.code == "internal-error"]
    assert [it.key for it in slips] == [f"{number:08d}" for number in range(7, 60, 10)]
    assert {it.verdict for it in slips} == {"unverifiable"}
    assert slips[0].message == "datacheck failed with IndexError: list index out of range"
    assert 'raise self.how("list index out of range")' in slips[0].details["traceback"]
    assert len([it for it in slips if "traceback" in it.details]) < len(slips)
    assert [(it.key, it.code) for it in report.findings if it.verdict == "bad"] == [("00000030", "shape")]
    assert (report.checked, report.complete, report.unverifiable) == (60, True, 6)


def test_no_mistake_of_our_own_leaves_a_store_clean(tmp_path):
    path = write_lmdb(tmp_path / "env", RECORDS)
    reader, report = prepare(path, make(workers=1))
    run(report, reader, view=Slipping(Slip((7,))))
    assert report.status == 3
    text = summary(report)
    assert "internal-error (unverifiable): 6" in text
    assert "please report this, with the traceback that --report FILE.json has in its details" in text


def test_memory_that_our_own_code_lacks_is_no_mistake(tmp_path):
    reader, report = prepare(write_lmdb(tmp_path / "env", RECORDS), make(workers=1))
    run(report, reader, view=Slipping(Slip((7,), MemoryError)))
    assert {(it.code, it.verdict) for it in report.findings} == {("too-large", "unverifiable")}


class Wrong(Exception):
    """An exception whose constructor takes other arguments than it stores, so that it cannot be unpickled."""

    def __init__(self, one, two):
        super().__init__(one + two)


@dataclass(frozen=True)
class Own:
    how: str

    def __call__(self, batch):
        if self.how == "raises":
            deep_inside()
        if self.how == "raises oddly":
            raise Wrong("a", "b")
        yield (0, "not a finding") if self.how == "yields nonsense" else (10**6, datacheck.found("constant", "so"))


def deep_inside():
    raise KeyError("my own mistake")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("raises", "KeyError: 'my own mistake'"),
        ("raises oddly", "Wrong: ab"),
        ("yields nonsense", "TypeError: it yields 'not a finding' for a Finding"),
        ("yields a place that is not there", "IndexError"),
    ],
)
def test_what_a_callers_validator_raises_comes_with_its_traceback(tmp_path, how, words):
    with pytest.raises(ValidatorFailed, match=r"Own\(how=") as caught:
        datacheck.scan(write_lmdb(tmp_path / "env", RECORDS), validators=[Own(how)])
    assert words in str(caught.value)
    assert words in caught.value.traceback
    assert ("deep_inside()" in caught.value.traceback) == (how == "raises")
    assert caught.value.traceback in caught.value.__notes__
    assert pickle.loads(pickle.dumps(caught.value)).traceback == caught.value.traceback


def raise_oddly(task, watch):
    raise Wrong("a", "b")


def test_an_exception_that_does_not_unpickle_is_told_all_the_same():
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(Pool(raise_oddly, 1, WORKER_BYTES))
        stack.enter_context(pytest.raises(RuntimeError, match=r"Wrong\('ab'\)"))
        list(pool.run([0]))


@dataclass(frozen=True)
class Nap:
    seconds: float
    timeout: float | None

    def run(self, job, watch):
        if self.timeout is not None:
            watch.timeout = self.timeout
            watch.note(None)
        time.sleep(self.seconds)
        return self.seconds


def test_the_alarm_of_one_task_does_not_ring_in_the_next():
    with Pool(Job(Fake("sleeps"), make()), 1, WORKER_BYTES) as pool:
        assert [result for _, result in pool.run([Nap(0, 0.2), Nap(0.6, None)])] == [0, 0.6]


# On a copy of the package with a mistake in it


SLIP = '\n        raise IndexError("a slip")'
MISTAKES = {
    "statistics": ("statistics/measure.py", "    def add(self, batch: Batch) -> None:", SLIP),
    "their end": ("statistics/measure.py", "    def finish(self) -> None:", SLIP),
    "the profile": (
        "scanning/profile/recognition.py",
        "        return cls(votes, rest, bool(others) and rest is None)",
        "",
    ),
    "a check": ("checks/validators.py", "        if batch.label or batch.pixels_skipped or batch.few", ""),
}


@pytest.mark.parametrize("where", MISTAKES)
def test_a_mistake_anywhere_in_our_own_code_is_told_as_one(tmp_path, where):
    file, before, slip = MISTAKES[where]
    after = before + slip if slip else f"{SLIP[1:]}\n{before}"
    lib = patched(tmp_path, file, before, after)
    path = write_lmdb(tmp_path / "env", RECORDS)
    done = command(lib, "scan", path, "--report", tmp_path / "report.json")
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stderr == ""
    assert "please report this" in done.stdout
    document = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Document)
    assert {it.code for it in document.findings if it.code != "unknown-payload"} == {"internal-error"}
    assert 'raise IndexError("a slip")' in document.findings[0].details["traceback"]


COPYING = {
    "copying": ("rebuilding/pair_copier.py", "        digest = PairDigest()\n"),
    "verifying": ("rebuilding/pair_copier.py", "        digest, count = PairDigest(), 0\n"),
    "objecting": ("rebuilding/pair_copier.py", "        return self._writer().refusals(reader)\n"),
    "the parent": ("rebuilding/rebuild.py", "    plan = _plan(order, report, workplace, holding, draft.gone)\n"),
}


@pytest.mark.parametrize("where", COPYING)
def test_a_mistake_while_copying_leaves_nothing_half_made(tmp_path, where):
    file, before = COPYING[where]
    indent = before[: len(before) - len(before.lstrip())]
    lib = patched(tmp_path, file, before, f'{indent}raise IndexError("a slip")\n{before}')
    path = write_lmdb(tmp_path / "env", RECORDS)
    target = tmp_path / "out" / "env"
    target.parent.mkdir()
    to = ["--to", "leveldb"] if "refusals" in before else []
    done = command(lib, "rebuild", path, target, *to)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "IndexError" in done.stderr
    assert "a slip" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert list(target.parent.iterdir()) == []


def test_a_mistake_in_the_command_itself_is_one_sentence_and_its_traceback_is_to_be_had(tmp_path):
    lib = patched(
        tmp_path,
        "scanning/run.py",
        "        layout = take_layout(pool, reader)\n",
        '        raise IndexError("a slip")\n',
    )
    path = write_lmdb(tmp_path / "env", RECORDS)
    done = command(lib, "scan", path)
    assert done.returncode == 2
    assert done.stderr == (
        "datacheck: internal error: IndexError: a slip; please report it with the traceback, "
        "which DATACHECK_TRACEBACK=1 in the environment shows\n"
    )
    done = command(lib, "scan", path, DATACHECK_TRACEBACK="1")
    assert done.returncode == 2
    assert 'raise IndexError("a slip")' in done.stderr


def test_output_that_nobody_can_take_is_one_sentence(tmp_path):
    path = write_lmdb(tmp_path / "env", RECORDS)
    with Path("/dev/full").open("w") as full:
        arguments = [sys.executable, "-m", "datacheck", "scan", path]
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "datacheck: standard output: could not be written: No space left on device\n",
    )


def test_a_picture_that_this_process_has_no_memory_for_is_not_corrupt(monkeypatch):
    from datacheck.decoders.pictures import pillow

    def lacks(file):
        raise MemoryError

    monkeypatch.setitem(pillow.PLUGINS, "BMP", lacks)
    with pytest.raises(MemoryError):
        pillow.read(b"BM", "BMP")


def test_a_block_that_this_process_has_no_memory_for_is_not_damaged(tmp_path, monkeypatch):
    """A block that the file cannot hold is damaged."""
    from datacheck.backends.leveldb import block as leveldb_block

    def lacks(size):
        raise MemoryError

    monkeypatch.setattr(leveldb_block, "reused", lacks)
    monkeypatch.setattr(leveldb_block, "LARGE", 10)
    with (tmp_path / "table").open("w+b") as file:
        file.write(bytes(100))
        file.flush()
        with pytest.raises(MemoryError):
            leveldb_block.read_block(file.fileno(), 0, 90)
        with pytest.raises(leveldb_block.Damaged, match="beyond the end"):
            leveldb_block.read_block(file.fileno(), 0, 1 << 50)


def test_a_tiff_is_read_where_no_temporary_file_can_be_made(monkeypatch):
    import io

    from PIL import Image

    from datacheck.decoders.pictures import pillow

    raw = io.BytesIO()
    Image.new("L", (9, 7)).save(raw, "TIFF")
    monkeypatch.setattr(pillow, "small_file", lambda: None)
    picture, findings = pillow.read(raw.getvalue(), "TIFF")
    assert (findings, picture.pixels.shape) == ([], (1, 7, 9))
