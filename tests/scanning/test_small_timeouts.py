"""Test time limits that are too small for datacheck's own work, and what is advised after a record was not reached."""

import pytest
from building import raw_records, write_lmdb

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.model.finding import found
from datacheck.model.settings import TIMEOUT, Settings
from datacheck.reporting.advice import advice
from datacheck.reporting.tally import Tally
from datacheck.scanning.keys.keeping import Recognise
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.tasks import Job
from datacheck.workers.interface import Death


class Noted:
    """A watch that keeps the least processor time that it was told to allow."""

    timeout, patience, least = None, 1, float("inf")

    def note(self, value):
        self.least = min(self.least, self.timeout)


@pytest.mark.parametrize(("timeout", "least"), [(0.001, TIMEOUT), (300.0, 300.0)])
def test_a_small_limit_is_for_records_and_not_for_conventions(tmp_path, timeout, least):
    reader = LmdbReader(write_lmdb(tmp_path / "store", raw_records(8) | {b"num-samples": b"8"}))
    watch = Noted()
    Recognise({"": frozenset([b"num-samples"])}).run(Job(reader, Settings(timeout=timeout)), watch)
    assert watch.least == least


@pytest.fixture
def report(tmp_path):
    return datacheck.scan(write_lmdb(tmp_path / "store", raw_records(8)))


def lines(report, code, *, complete, message="given up"):
    tally = Tally(complete=complete)
    tally.count([found(code, message, verdict="unverifiable")])
    report.add(tally)
    return [it for it in (advice(report, ()) or "").splitlines() if it.startswith("to decide: ")]


def test_an_incomplete_scan_is_not_decided_by_ignoring_why(report):
    assert lines(report, "timeout", complete=False) == ["to decide: timeout: --timeout SECONDS allows a record more"]


def test_an_incomplete_scan_without_another_way_is_made_again(report):
    assert lines(report, "too-large", complete=False) == ["to decide: scan again; not every record was reached"]


@pytest.mark.parametrize("code", ["timeout", "too-large"])
def test_a_complete_scan_may_ignore_it(report, code):
    (line,) = lines(report, code, complete=True)
    assert line.endswith(f"--ignore {code} ignores it")


def test_what_does_not_end_a_scan_may_be_ignored(report):
    assert lines(report, "unsupported", complete=False) == [
        "to decide: unsupported: --ignore unsupported ignores it",
        "to decide: scan again; not every record was reached",
    ]


MORE = "to decide: too-large: allow more memory (ulimit -v, or the limit of the container or batch job)"


def test_where_memory_was_lacking_more_of_it_decides(report):
    message = finding_of_death(Death("MemoryError"), "reading it").message
    assert lines(report, "too-large", complete=False, message=message) == [MORE]


def test_after_a_kill_for_memory_more_of_it_decides(report):
    message = finding_of_death(Death("SIGKILL"), "reading it").message
    assert lines(report, "too-large", complete=True, message=message) == [f"{MORE}; --ignore too-large ignores it"]
