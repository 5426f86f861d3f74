"""Test advice on what to run next, for sources whose path is not their name, and reports that outlive a bug in it."""

import importlib.util
import json
import shlex

import pytest
from building import key, raw_records, write_lmdb
from click.testing import CliRunner

from datacheck.backends.leveldb.log_writer import create as write_leveldb
from datacheck.cli.entry import cli
from datacheck.model.finding import found
from datacheck.model.settings import Settings
from datacheck.reporting import advice, summary
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.reporting.tally import Tally


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    path = write_lmdb(tmp_path / "train.lmdb", raw_records(30) | {key(7): b""})
    monkeypatch.chdir(path)
    return path


def run(*args):
    return CliRunner().invoke(cli, [*map(str, args)], standalone_mode=False)


def advised(path):
    report = Report(Source(path, "lmdb"), Settings())
    tally = Tally(records=1, checked=1)
    tally.count([found("damaged-store", "a page is broken")])
    report.add(tally)
    return advice.advice(report, []) or ""


@pytest.mark.parametrize("spelled", [".", "./", "../train.lmdb/.", ".."])
def test_a_source_by_any_path_gets_a_copy_beside_it(dataset, monkeypatch, spelled):
    if spelled == "..":
        (dataset / "below").mkdir()
        monkeypatch.chdir(dataset / "below")
    done = run("scan", spelled, "--report", dataset.parent / "r.json")
    assert (done.exception, done.return_value) == (None, 1)
    assert json.loads((dataset.parent / "r.json").read_text())["bad"] == 1
    (line,) = (it for it in done.stdout.splitlines() if it.startswith("a clean copy: "))
    command = shlex.split(line.removeprefix("a clean copy: datacheck "))
    assert (dataset.parent / "x" / command[2]).resolve() == dataset.parent / "train_clean.lmdb"
    assert run(*command).return_value == 0
    assert run("scan", dataset.parent / "train_clean.lmdb").return_value == 0


def test_the_root_of_all_folders_has_nothing_beside_it():
    assert "rebuild" not in advised("/")
    assert "rebuild / " not in advised("/..")
    assert "datacheck rebuild a/b/ a/b_clean --drop-bad" in advised("a/b/")


@pytest.mark.parametrize("module", [advice, summary])
def test_a_report_outlives_a_slip_in_what_is_shown(dataset, monkeypatch, module):
    def slip(*args, **options):
        raise ValueError("a slip")

    monkeypatch.setattr(module, "advice" if module is advice else "text", slip)
    done = run("scan", dataset, "--report", dataset.parent / "r.json")
    assert isinstance(done.exception, ValueError)
    document = json.loads((dataset.parent / "r.json").read_text())
    assert (document["complete"], document["bad"]) == (True, 1)


def test_a_scan_that_fails_still_leaves_the_old_report(dataset, monkeypatch):
    from datacheck.scanning.store_scan import StoreScan

    def fail(*args):
        raise ValueError("no scan")

    (dataset.parent / "r.json").write_text("old")
    monkeypatch.setattr(StoreScan, "run", fail)
    assert isinstance(run("scan", dataset, "--report", dataset.parent / "r.json").exception, ValueError)
    assert (dataset.parent / "r.json").read_text() == "old"


@pytest.mark.parametrize(("without", "to"), [(["plyvel"], ["--to", "lmdb"]), ([], [])])
def test_a_copy_is_of_a_kind_that_can_be_written_here(tmp_path, monkeypatch, without, to):
    """plyvel has no wheels for every Python, but the printed command has to run all the same."""
    write_leveldb(tmp_path / "store", (raw_records(30) | {key(7): b""}).items())
    there = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *more: None if name in without else (object() if name == "plyvel" else there(name, *more)),
    )
    done = run("scan", tmp_path / "store")
    (line,) = (it for it in done.stdout.splitlines() if it.startswith("a clean copy: "))
    words = shlex.split(line)
    assert words[words.index("--drop-bad") + 1 :] == to
    if to:
        assert run(*words[words.index("datacheck") + 1 :]).return_value == 0
        assert run("scan", tmp_path / "store_clean").return_value == 0
