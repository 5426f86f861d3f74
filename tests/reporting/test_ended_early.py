"""Test that the reports of a run that ended early name the sources that it did not reach: they must not look clean."""

import csv
import json
import os
import signal

import pytest
from building import key, raw_records, write_lmdb
from commanding import datacheck, process

import datacheck as library
from datacheck.scanning.store_scan import StoreScan

LATE = "{}: not reached: the run ended before its turn"
STORES = ("first", "second", "third")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three stores, of which the last has a bad record."""
    folder = tmp_path_factory.mktemp("stores")
    for name in STORES:
        write_lmdb(folder / name, raw_records(20) | ({key(3): b""} if name == "third" else {}))
    return folder


@pytest.fixture
def interrupted(monkeypatch):
    """Interrupt the scan of the second store as Ctrl-C does."""
    real = StoreScan.run

    def run(self, progress, listen):
        if self.report.source.path.endswith("second"):
            os.kill(os.getpid(), signal.SIGINT)
        real(self, progress, listen)

    monkeypatch.setattr(StoreScan, "run", run)


def not_reached(*names):
    return [{"source": name, "message": LATE.format(name)} for name in names]


def test_an_interrupted_run_names_the_sources_that_were_not_begun(folder, interrupted):
    files = ("r.json", "r.csv", "r.html", "r.xml")
    words = [word for name in files for word in ("--report", name)]
    done = datacheck("scan", *STORES, "gone", *words, cwd=folder)
    assert done.returncode == 130
    assert "4 sources: 1 clean, 1 INTERRUPTED, 2 not scanned" in done.stdout
    document = json.loads((folder / "r.json").read_text())
    assert (document["status"], document["clean"], len(document["reports"])) == (130, False, 2)
    gone = {"source": "gone", "message": "gone: there is nothing at this path"}
    assert document["not_scanned"] == [gone, *not_reached("third")]
    rows = list(csv.DictReader((folder / "r.csv").read_text().splitlines()))
    late = f"not scanned: {LATE.format('third')}"
    assert [(it["source"], it["code"], it["message"]) for it in rows] == [
        ("second", "", "not complete: INTERRUPTED after 0 records: nothing wrong so far"),
        ("gone", "", "not scanned: gone: there is nothing at this path"),
        ("third", "", late),
    ]
    assert "2 of 4 sources were not scanned" in (folder / "r.html").read_text()
    assert LATE.format("third") in (folder / "r.xml").read_text()


@pytest.mark.parametrize("form", ["json", "github"])
def test_standard_output_names_them_too(folder, interrupted, form):
    done = datacheck("scan", *STORES, "--format", form, cwd=folder)
    assert done.returncode == 130
    if form == "json":
        assert json.loads(done.stdout)["not_scanned"] == not_reached("third")
    else:
        assert f"::error file=third,line=1,title=not scanned::{LATE.format('third')}" in done.stdout.splitlines()


def test_a_library_call_that_is_interrupted_writes_them_too(folder, interrupted, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(KeyboardInterrupt):
        library.scan(list(STORES), reports=["called.jsonl"])
    (*_, last) = (folder / "called.jsonl").read_text().splitlines()
    assert json.loads(last)["not_scanned"] == not_reached("third")


def test_a_report_is_not_clean_if_the_pipe_was_closed_before_all_sources_were_scanned(folder):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = process("scan", *STORES, "--report", "pipe.json", cwd=folder, capture_output=False, stdout=closed)
    assert done.returncode == 2
    document = json.loads((folder / "pipe.json").read_text())
    assert (document["status"], document["clean"]) == (2, False)
    assert document["not_scanned"] == not_reached("second", "third")


def test_a_run_that_reached_all_sources_names_none(folder):
    done = datacheck("scan", "first", "first", "second", "--report", "all.json", cwd=folder)
    document = json.loads((folder / "all.json").read_text())
    assert (done.returncode, document["clean"], "not_scanned" in document) == (0, True, False)


LOG = "I0101 10:10:10.000000  1 s.cpp:1] Iteration 0, loss = 2\n"


def test_the_table_of_logs_names_one_that_could_not_be_read(tmp_path):
    (tmp_path / "sound").write_text(LOG)
    assert datacheck("log", "sound", "gone", "--report", "r.csv", cwd=tmp_path).returncode == 2
    first, second = csv.DictReader((tmp_path / "r.csv").read_text().splitlines())
    assert (first["source"], first["loss"], first["message"]) == ("sound", "2.0", "")
    assert {name: it for name, it in second.items() if it} == {
        "source": "gone",
        "message": "not scanned: gone: there is nothing at this path",
    }


def test_the_table_of_logs_names_those_that_were_not_reached(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).write_text(LOG)
    monkeypatch.setattr("datacheck.logs.text.log_text", lambda report: os.kill(os.getpid(), signal.SIGINT))
    assert datacheck("log", "a", "b", "--report", "r.csv", cwd=tmp_path).returncode == 130
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert [(it["source"], it["message"]) for it in rows] == [("a", ""), ("b", f"not scanned: {LATE.format('b')}")]


def test_a_sample_that_found_nothing_does_not_look_clean_in_a_table(folder):
    assert datacheck("scan", "first", "--sample", "5", "--report", "sample.csv", cwd=folder).returncode == 3
    (row,) = csv.DictReader((folder / "sample.csv").read_text().splitlines())
    assert row["message"] == "not complete: UNDECIDED: nothing wrong in the 5 of 20 records looked at"


def test_a_resumed_report_is_not_finished_by_a_closed_pipe(folder):
    words = ("scan", *STORES, "--resume", "resumed.jsonl")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        assert process(*words, cwd=folder, capture_output=False, stdout=closed).returncode == 2
    assert [it.name for it in folder.glob("resumed*")] == ["resumed.jsonl.partial"]
    done = datacheck(*words, cwd=folder)
    assert (done.returncode, done.stderr) == (1, "datacheck: continuing where resumed.jsonl.partial ends\n")
    assert [it.name for it in folder.glob("resumed*")] == ["resumed.jsonl"]
    (*_, last) = (folder / "resumed.jsonl").read_text().splitlines()
    assert [it["source"]["path"] for it in json.loads(last)["reports"]] == [*STORES]
