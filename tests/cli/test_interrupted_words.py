"""Test what an interrupted command says: what it leaves behind, and what to do next."""

import subprocess
import sys

import pytest
from building import key, raw_records, write_lmdb

STRIKE = """
import os, signal, sys
from datacheck.{module} import {name} as real
import datacheck.{module}

def struck(*args, **options):
    os.kill(os.getpid(), signal.SIGTERM)
    return real(*args, **options)

datacheck.{module}.{name} = struck
from datacheck.cli.entry import main
main(sys.argv[1:])
"""
"""Sends a signal at the moment when a function is called."""


def struck(module, name, *args):
    code = STRIKE.format(module=module, name=name)
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def store(tmp_path):
    return write_lmdb(tmp_path / "env", raw_records(30) | {key(7): b""})


def test_a_rebuild_names_both_places_that_it_would_have_written(store, tmp_path):
    args = ("rebuild", store, tmp_path / "copy", "--drop-bad", "--quarantine", tmp_path / "held")
    done = struck("rebuilding.rebuild", "_plan", *args)
    places = f"{tmp_path / 'copy'} and {tmp_path / 'held'}"
    said = f"datacheck: interrupted; {store} is unchanged, and nothing was written to {places}; "
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == f"{said}the same command starts over\n"
    assert sorted(it.name for it in tmp_path.iterdir()) == ["env"]


def test_a_dry_run_says_that_it_writes_nothing(store, tmp_path):
    done = struck("rebuilding.rebuild", "_draft", "rebuild", store, tmp_path / "copy", "--dry-run")
    said = f"datacheck: interrupted; {store} is unchanged, and a dry run writes no copy; the same command starts over\n"
    assert (done.returncode, done.stdout, done.stderr) == (130, "", said)


def test_pairs_are_the_sources(store, tmp_path):
    other = write_lmdb(tmp_path / "other", raw_records(30))
    args = ("rebuild", store, other, tmp_path / "copies", "--paired", "--drop-bad")
    done = struck("rebuilding.pairs", "_refuse_numbers", *args)
    assert "the sources are unchanged, and nothing was written to" in done.stderr
    assert (done.returncode, sorted(it.name for it in tmp_path.iterdir())) == (130, ["env", "other"])


def test_a_checksum_file_is_not_begun(store, tmp_path):
    done = struck("comparing.checksum", "_gather", "checksum", store, "--out", tmp_path / "sums")
    said = f"datacheck: interrupted; {store} is unchanged, and nothing was written to {tmp_path / 'sums'}; "
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"{said}the same command starts over\n")
    assert [it.name for it in tmp_path.iterdir()] == ["env"]


def test_names_in_the_sentence_bring_no_line_of_their_own(tmp_path):
    store = write_lmdb(tmp_path / "a\nb", raw_records(30))
    done = struck("rebuilding.rebuild", "_plan", "rebuild", store, tmp_path / "c\x1b[31m")
    assert (done.returncode, done.stderr.count("\n")) == (130, 1)
    assert "\x1b" not in done.stderr


def test_a_comparison_says_that_it_is_no_result(store, tmp_path):
    other = write_lmdb(tmp_path / "other", raw_records(30))
    done = struck("comparing.compare", "of_reading", "compare", store, other, "--report", tmp_path / "r.json")
    said = "datacheck: interrupted; the stores were not compared to the end; "
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"{said}the same command starts over\n")
