"""Test a command that is ended early: it leaves nothing half-done behind, and says no more than it has to."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from building import key, raw_records, write_lmdb

PROGRAM = [sys.executable, "-m", "datacheck"]
TRIES = 10
"""Number of attempts, since a signal may come too late on a loaded machine."""
SECONDS = 300
"""Timeout for what must happen; on a loaded machine, starting the command alone may take half a minute."""


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    return write_lmdb(tmp_path_factory.mktemp("big") / "env", raw_records(20_000) | {key(7): b""})


def hearing():
    """Let the command be told of the end of the terminal, even if the tests run under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def started(*args, **options):
    options.setdefault("preexec_fn", hearing)
    return subprocess.Popen(
        [*PROGRAM, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def copying(folder, process):
    """Wait until a rebuild copies into its work folder, or has ended before that was noticed."""
    end = time.monotonic() + SECONDS
    while process.poll() is None and not any(folder.glob(".copy.*/copy/data.mdb")):
        assert time.monotonic() < end, "nothing was copied"
        time.sleep(0.002)


def size(path):
    """Return the size of a file, or 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize(
    ("number", "times"), [(signal.SIGHUP, 1), (signal.SIGTERM, 1), (signal.SIGTERM, 8), (signal.SIGINT, 8)]
)
def test_a_rebuild_that_is_ended_leaves_nothing_behind(big, tmp_path, number, times):
    for _ in range(TRIES):
        with started("rebuild", big, tmp_path / "copy", "--drop-bad", "--workers", "1") as process:
            copying(tmp_path, process)
            for _ in range(times):
                process.send_signal(number)
                time.sleep(0.01)
            said, complaints = process.communicate(timeout=SECONDS)
        if process.returncode:
            break
        shutil.rmtree(tmp_path / "copy")  # the command finished before the signal
    told = f"{big} is unchanged, and nothing was written to {tmp_path / 'copy'}; the same command starts over"
    assert (process.returncode, said, complaints) == (130, "", f"datacheck: interrupted; {told}\n")
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_the_terminal_ends_all_processes_and_leaves_a_report(big, tmp_path):
    args = ("scan", big, "--report", tmp_path / "r.jsonl", "--workers", "1")
    for _ in range(TRIES):
        with started(*args, start_new_session=True) as process:
            while not size(tmp_path / "r.jsonl.partial") and process.poll() is None:  # empty until records are read
                time.sleep(0.005)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGHUP)
            _, complaints = process.communicate(timeout=SECONDS)
        if process.returncode == 130:
            break
        (tmp_path / "r.jsonl").unlink()  # the command finished before the terminal ended
    assert (process.returncode, complaints) == (130, "")
    last = json.loads((tmp_path / "r.jsonl").read_text().splitlines()[-1])
    assert last["complete"] is False
    assert "crash" not in last["counts"]
    assert [it.name for it in tmp_path.iterdir()] == ["r.jsonl"]


CREATING = """
import fnmatch, os, signal, sys

def interrupting(create):
    def interrupted(name, *args, **options):
        made = create(name, *args, **options)
        if fnmatch.fnmatchcase(os.fsdecode(name), sys.argv[1]): os.kill(os.getpid(), getattr(signal, sys.argv[2]))
        return made
    return interrupted

os.open, os.mkdir = interrupting(os.open), interrupting(os.mkdir)
from datacheck.cli.entry import main
main(sys.argv[3:])
"""


@pytest.mark.parametrize("name", ["r.jsonl.partial", "later.jsonl.partial"])
@pytest.mark.parametrize("number", ["SIGHUP", "SIGINT"])
def test_a_signal_that_comes_when_a_report_is_created_leaves_no_report(tmp_path, name, number):
    store = write_lmdb(tmp_path / "env", raw_records(5))
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "r.jsonl").write_text("old")
    reports = [it for stem in ("r", "later") for it in ("--report", folder / f"{stem}.jsonl")]
    done = subprocess.run(
        [sys.executable, "-c", CREATING, name, number, *map(str, ["scan", store, *reports])],
        preexec_fn=hearing, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert {it.name: it.read_text() for it in folder.iterdir()} == {"r.jsonl": "old"}


def test_a_signal_that_comes_when_a_rebuild_creates_its_work_folder_leaves_nothing(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(5) | {key(7): b""})
    words = ["*.datacheck-partial", "SIGTERM", "rebuild", store, tmp_path / "copy", "--drop-bad"]
    done = subprocess.run(
        [sys.executable, "-c", CREATING, *map(str, words)],
        preexec_fn=hearing, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (130, "")
    assert [it.name for it in tmp_path.iterdir()] == ["env"]


def ignoring(*numbers):
    return lambda: [signal.signal(it, signal.SIG_IGN) for it in numbers]


def test_what_nohup_ignores_stays_ignored(big, tmp_path):
    args = ("rebuild", big, tmp_path / "copy", "--drop-bad", "--workers", "1")
    for _ in range(TRIES):
        with started(*args, preexec_fn=ignoring(signal.SIGHUP), start_new_session=True) as process:
            copying(tmp_path, process)
            running = process.poll() is None
            if running:
                os.killpg(process.pid, signal.SIGHUP)
            _, complaints = process.communicate(timeout=SECONDS)
        if running:
            break
        shutil.rmtree(tmp_path / "copy")  # the command finished before the signal
    assert (process.returncode, complaints) == (0, "")
    assert [it.name for it in tmp_path.iterdir()] == ["copy"]


LOADING = """
import os, signal, sys
os.kill(os.getpid(), signal.SIGINT)
"""


def test_an_interrupt_while_the_command_loads_says_nothing(tmp_path):
    """A module that interrupts when it is imported stands for a user who does so at that moment."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "click.py").write_text(LOADING)
    store = write_lmdb(tmp_path / "env", raw_records(5))
    env = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [*PROGRAM, "scan", store], capture_output=True, text=True, env=env, timeout=SECONDS, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


LATE = """
import os, signal, sys
from pathlib import Path
from datacheck.files.staging import Workplace
publish = Workplace.publish

def late(self, work):
    if sys.argv[1] == "before": os.kill(os.getpid(), signal.SIGTERM)
    publish(self, work)
    if sys.argv[1] == "after": os.kill(os.getpid(), signal.SIGTERM)

Workplace.publish = late
from datacheck.cli.entry import main
main(sys.argv[2:])
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_signal_that_comes_when_the_copy_is_published_comes_too_late(tmp_path, when):
    """The receipt and the quarantine belong to the copy: none of the three exists without the others."""
    store = write_lmdb(tmp_path / "env", raw_records(30) | {key(7): b""})
    (tmp_path / "receipt.json").write_text("old")
    args = ["rebuild", store, tmp_path / "copy", "--drop-bad", "--quarantine", tmp_path / "held"]
    done = subprocess.run(
        [sys.executable, "-c", LATE, when, *map(str, [*args, "--report", tmp_path / "receipt.json"])],
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "receipt.json").read_text())["written"] is True
    assert sorted(it.name for it in tmp_path.iterdir()) == ["copy", "env", "held", "receipt.json"]


def test_an_interrupt_that_was_lost_in_a_finalizer_can_be_repeated():
    code = (
        "import os, signal\nfrom datacheck.cli import interrupts\ninterrupts.heed()\n"
        "class It:\n    def __del__(self): os.kill(os.getpid(), signal.SIGINT); [None for _ in range(1000)]\n"
        "it = It()\ndel it\nprint('lost', flush=True)\n"
        "try:\n    os.kill(os.getpid(), signal.SIGTERM)\n    for _ in range(1000): pass\n"
        "except KeyboardInterrupt: print('heard')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.stdout, done.stderr) == ("lost\nheard\n", "")
