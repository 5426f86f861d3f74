"""Test the limits on what concerns no single record: exceeding one says nothing about the data, nor about --timeout."""

import os
import signal
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from building import key, raw_records, write_lmdb

from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.model.blocks import Layout, Position, Shard, ignore
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.scanning import tasks
from datacheck.scanning.run import run
from datacheck.scanning.scan import prepare
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.tasks import OPENING_SECONDS, TakeLayout, opening_seconds
from datacheck.showing.record import show_record

RECORDS = raw_records(60)


@dataclass(frozen=True)
class Uncounted:
    """A reader whose layout has no record counts, and that ends its process when it opens or counts."""

    reader: LmdbReader
    opening: int = 0
    counting: int = 0
    at: bytes = key(7)
    parts: tuple[int, ...] = (0, 20, 40, 60)
    backend: str = "lmdb"
    finding: int = 0

    @property
    def path(self):
        return self.reader.path

    def layout(self):
        if self.opening:
            os.kill(os.getpid(), self.opening)
            time.sleep(60)
        edges = [Position(key(at)) for at in self.parts]
        shards = [Shard("", low, high) for low, high in pairwise(edges)]
        return Layout(shards, [Shard("", Position(key(40)), Position(key(50)))], None, 0)

    def find(self, name):
        if self.finding:
            os.kill(os.getpid(), self.finding)
            time.sleep(60)
        return self.reader.find(name)

    def name(self, shard, place, finding):
        return self.reader.name(shard, place, finding)

    def blocks(self, shard, *, limit=None, note=ignore):
        # only counting reads before there is a profile and without a limit
        counts = limit is None and self.counting and not Path(f"{self.reader.path}.counted").exists()
        for block in self.reader.blocks(shard, limit=limit, note=note):
            if counts and self.at in block.keys:
                Path(f"{self.reader.path}.counted").touch()
                os.kill(os.getpid(), self.counting)
                time.sleep(60)
            yield block


def scanned(reader, **options):
    reader, report = prepare(reader, make(workers=1, **options))
    run(report, reader)
    return report


@pytest.mark.parametrize("number", [signal.SIGPROF, signal.SIGALRM])
def test_a_store_whose_opening_takes_long_is_undecided_and_no_option_is_named(tmp_path, number):
    report = scanned(Uncounted(LmdbReader(write_lmdb(tmp_path / "env", RECORDS)), opening=number))
    assert [(it.code, it.verdict) for it in report.findings] == [("timeout", "unverifiable")]
    said = next(iter(report.findings)).message
    assert said == "opening the store did not finish in the time that datacheck allows for it"
    assert (report.status, report.complete) == (3, False)


def test_a_crash_of_a_library_that_opens_a_store_is_the_stores(tmp_path):
    report = scanned(Uncounted(LmdbReader(write_lmdb(tmp_path / "env", RECORDS)), opening=signal.SIGSEGV))
    assert [(it.code, it.verdict) for it in report.findings] == [("crash", "bad")]


def test_a_record_that_takes_long_to_find_is_undecided(tmp_path, monkeypatch):
    reader = Uncounted(LmdbReader(write_lmdb(tmp_path / "env", RECORDS)), finding=signal.SIGPROF)
    report = Report(Source(str(reader.path), reader.backend), make())
    monkeypatch.setattr("datacheck.showing.record.prepare_all", lambda *_: [(reader, report)])
    shown = show_record(str(reader.path), "00000003", make())
    assert shown.status == 3
    assert "timeout (unverifiable): finding it did not finish in the time that datacheck allows for it" in shown.text


class Paths:
    """A reader of files, some of which lie elsewhere."""

    def __init__(self, path, more=()):
        self.path, self.more = path, more

    def reads(self):
        yield from self.more


def test_the_time_to_open_a_store_grows_with_its_files_and_bytes(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    assert opening_seconds(Paths(folder)) == OPENING_SECONDS
    for number in range(100):
        (folder / f"{number}.h5").touch()
    many = opening_seconds(Paths(folder))
    assert many == OPENING_SECONDS + 100 / tasks.FILES_A_SECOND
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    large = opening_seconds(Paths(folder, [tmp_path / "large", tmp_path / "missing"]))
    assert large == many + 2 / tasks.FILES_A_SECOND + (1 << 40) / tasks.BYTES_A_SECOND
    assert opening_seconds(Paths(tmp_path / "missing")) == OPENING_SECONDS + 1 / tasks.FILES_A_SECOND


def test_the_worker_gets_that_time(tmp_path):
    @dataclass
    class Watching:
        timeout: float | None = None
        patience: int = 1

        def note(self, value):
            pass

    reader = LmdbReader(write_lmdb(tmp_path / "env", RECORDS))
    watch = Watching()
    TakeLayout().run(tasks.Job(reader, make()), watch)
    assert watch.timeout == opening_seconds(reader) > OPENING_SECONDS


@pytest.mark.parametrize("sample", ["10", "50%"])
def test_a_part_that_cannot_be_counted_is_said_and_checked_whole(tmp_path, sample):
    path = write_lmdb(tmp_path / "env", RECORDS)
    plain = scanned(Uncounted(LmdbReader(path)), sample=sample)
    assert (plain.status, plain.checked, plain.tally.records) == (3, 10 if sample == "10" else 30, 60)
    report = scanned(Uncounted(LmdbReader(path), counting=signal.SIGSEGV), sample=sample)
    (finding,) = report.findings
    assert finding.verdict == "unverifiable"
    assert finding.message.startswith("--sample leaves out part 1 of 3, which is checked whole: counting its records")
    assert report.checked == 20 + (10 if sample == "10" else 20)
    assert (report.status, report.bad, report.tally.records) == (3, 0, 60)
