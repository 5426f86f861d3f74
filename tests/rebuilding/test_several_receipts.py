"""Test that two `--report` options of a rebuild write the receipt twice: as a document and as a page."""

import json

import pytest
from building import key, raw_records, write_lmdb
from click.testing import CliRunner
from page_reading import Page

from datacheck.cli.entry import cli


@pytest.fixture
def store(tmp_path):
    return write_lmdb(tmp_path / "env", raw_records(30) | {key(7): b""})


def rebuild(store, *args):
    words = ["rebuild", str(store), str(store.parent / "copy"), "--drop-bad", *map(str, args)]
    return CliRunner().invoke(cli, words, standalone_mode=False)


def test_each_file_that_is_named_is_written(store, tmp_path):
    done = rebuild(store, "--report", tmp_path / "r.html", "-o", tmp_path / "r.json")
    assert (done.exception, done.return_value) == (None, 0)
    assert json.loads((tmp_path / "r.json").read_text())["dropped"] == 1
    assert "29 of 30 records kept" in Page((tmp_path / "r.html").read_text("utf-8")).words()


def test_a_file_that_cannot_be_written_is_refused_before_anything_is(store, tmp_path):
    done = rebuild(store, "--report", tmp_path / "r.json", "--report", tmp_path / "r.txt")
    assert "a receipt's name ends in .json or .html" in str(done.exception)
    assert not (tmp_path / "copy").exists()
    assert not (tmp_path / "r.json").exists()


def test_two_of_one_name_are_refused(store, tmp_path):
    done = rebuild(store, "--report", tmp_path / "r.json", "--report", tmp_path / "r.json")
    assert "give each its own" in str(done.exception)
    assert not (tmp_path / "copy").exists()
