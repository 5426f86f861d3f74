"""Test that the partial file of a killed run, and nothing else, is removed when the next run begins the same file."""

import fcntl
import os
import signal
import subprocess
import sys

import pytest

from datacheck.files.guard import Guard
from datacheck.files.output import Output

KILLED = """
import os, signal, sys
from datacheck.files.output import Output
with Output(sys.argv[1]) as out:
    out.file.write(b"half of it")
    out.file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def left_by_a_killed_run(path):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = path.parent.iterdir()
    assert left.name.endswith(".datacheck-partial")
    return left


def written(path, *sources):
    with Output(path, Guard(sources)) as out:
        out.file.write(b"all of it")
        out.publish()
    assert path.read_bytes() == b"all of it"


@pytest.mark.parametrize("name", ["r.json", "r" * 250, "[r]*.json"])
def test_what_a_killed_run_has_left_goes_when_the_file_is_written(tmp_path, name):
    path = tmp_path / name
    left_by_a_killed_run(path)
    written(path)
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_living_run_writes_stays(tmp_path):
    path = tmp_path / "r.json"
    with Output(path) as out:
        written(path)
        out.file.write(b"later")
        out.publish()
    assert path.read_bytes() == b"later"


def test_what_another_run_takes_for_left_before_it_is_locked_is_begun_again(tmp_path, monkeypatch):
    path, lock = tmp_path / "r.json", fcntl.flock

    def flock(descriptor, how):
        monkeypatch.setattr(fcntl, "flock", lock)
        written(path)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with Output(path) as out:
        out.file.write(b"mine")
        out.publish()
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("what", ["source", "hard link", "link", "folder", "pipe", "another file's", "another name"])
def test_what_is_no_unfinished_file_of_ours_stays(tmp_path, what):
    path, own = tmp_path / "r.json", tmp_path / ".r.json.0123abcd.datacheck-partial"
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    sources = []
    if what == "hard link":
        os.link(other, own)
    elif what == "link":
        own.symlink_to(other)
    elif what == "folder":
        own.mkdir()
    elif what == "pipe":
        os.mkfifo(own)
    else:
        names = {
            "another file's": ".r.jsonl.0123abcd.datacheck-partial",
            "another name": ".r.json.my.datacheck-partial",
        }
        own = tmp_path / names.get(what, own.name)
        own.write_bytes(b"mine")
        sources = [own] if what == "source" else []
    before = own.lstat()
    written(path, *sources)
    assert own.lstat().st_ino == before.st_ino
    assert other.read_bytes() == b"mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_what_another_user_left_stays(tmp_path):
    path = tmp_path / "r.json"
    left = left_by_a_killed_run(path)
    os.chown(left, 65534, 65534)
    written(path)
    assert left.read_bytes() == b"half of it"
