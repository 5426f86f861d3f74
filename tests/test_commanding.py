"""Test that the stand-in for processes in the tests behaves like a process."""

import os
import signal
import sys
import warnings
from pathlib import Path

import commanding
import kept_workers
import pytest
from building import key, raw_records, write_lmdb
from commanding import datacheck, process, shell
from documents import TIME

from datacheck.workers.pool import Pool
from datacheck.workers.process import _ahead


@pytest.fixture
def home(tmp_path):
    write_lmdb(tmp_path / "env", raw_records(30) | {key(7): b""})
    (tmp_path / "datacheck.toml").write_text("labels = 10\n")
    return tmp_path


def timeless(said):
    return TIME.sub("", said if isinstance(said, str) else said.decode())


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["--help"],
        ["scan"],
        ["scan", "env", "--quiet", "--report", "r.csv"],
        ["scan", "nothing"],
        ["scan", "env", "--labels", "x"],
        ["show", "env", "00000007"],
        ["explain", "nan", "nonsense"],
    ],
    ids=" ".join,
)
def test_a_command_does_here_what_it_does_in_a_process(home, words):
    for options in ({}, {"env": {**os.environ, "COLUMNS": "50"}, "text": False}):
        here, there = (run(*words, cwd=home, **options) for run in (datacheck, process))
        assert (here.returncode, here.stderr) == (there.returncode, there.stderr)
        assert timeless(here.stdout) == timeless(there.stdout)


def surroundings():
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    streams = (sys.stdin, sys.stdout, sys.stderr, sys.__stdout__, sys.argv)
    descriptors = [(os.fstat(number).st_dev, os.fstat(number).st_ino) for number in range(3)]
    return str(Path.cwd()), dict(os.environ), handlers, streams, descriptors, warnings.filters[:]


@pytest.mark.parametrize("words", [["scan", "env"], ["scan", "nothing"], ["rebuild", "env", "copy", "--drop-bad"]])
def test_a_command_leaves_everything_as_it_was(home, words):
    before = surroundings()
    datacheck(*words, cwd=home, env={"PATH": os.environ["PATH"]})
    assert surroundings() == before


def test_a_command_that_does_not_end_is_ended(home, monkeypatch):
    os.mkfifo(home / "pipe")
    monkeypatch.setattr(commanding.entry, "_status", lambda argv: os.open(home / "pipe", os.O_RDONLY))
    before = surroundings()
    with pytest.raises(commanding.Endless, match="no end within 1 s"):
        datacheck("scan", "env", timeout=1)
    assert surroundings() == before


def test_what_an_interpreter_reads_at_its_start_needs_one(monkeypatch):
    asked = []
    monkeypatch.setattr(commanding, "process", lambda *words, **options: asked.append(words))
    datacheck("--version", env={**os.environ, "PYTHONWARNINGS": "error"})
    datacheck("--help", input="x")
    assert asked == [("--version",), ("--help",)]


def test_the_shell_reads_the_line(home, monkeypatch):
    monkeypatch.chdir(home)
    (home / "env").rename(home / "a 'b")
    assert shell("datacheck scan \"$(printf 'a \\047b')\" --quiet").returncode == 1


def told(task, watch):
    mask = os.umask(0)
    os.umask(mask)
    return os.getpid(), str(Path.cwd()), mask


def asked():
    with Pool(told, 1, 1 << 30) as pool:
        ((_, answer),) = pool.run([0])
    return answer


@pytest.mark.skipif(not kept_workers.STATUS.exists(), reason="without /proc no worker is kept")
def test_a_worker_is_kept_and_goes_where_the_test_is_but_for_other_circumstances(tmp_path, monkeypatch):
    first, place, mask = asked()
    assert place == str(Path.cwd())
    monkeypatch.chdir(tmp_path)
    assert asked() == (first, str(tmp_path), mask)
    before = os.umask(0o027)
    try:
        other, _, now = asked()
    finally:
        os.umask(before)
    assert (other != first, now) == (True, 0o027)
    assert asked()[0] == first
    monkeypatch.setenv("SOMETHING", "else")
    assert asked()[0] not in (first, other)


@pytest.mark.own_workers
def test_none_is_kept_for_who_wants_that():
    assert not _ahead
    assert asked()[0] != asked()[0]
    assert not _ahead
