"""Test that workers share machine code if no folder can be written, and that nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from ctypes import CFUNCTYPE, c_int64

import pytest

from datacheck.decoders.pictures.eyes import installed

if not installed():  # this does not load numba
    pytest.skip("numba is not installed: JPEGs are not walked", allow_module_level=True)

from datacheck.decoders.pictures import kept
from datacheck.files import common

pytestmark = pytest.mark.skipif(not kept.possible(), reason="machine code is not kept on such a machine")
ENTRIES = "datacheck.decoders.pictures.jpeg_scans.entries"
ANSWER = 'define i64 @"{0}"() {{ ret i64 {1} }}'
WORKER = f"""
import os, signal, sys
from datacheck.decoders.pictures import kept
kept._folders = lambda module: iter(())
print(os.getpid(), flush=True)
with kept.compile_lock({ENTRIES!r}):
    found = kept.address_of({ENTRIES!r}, "answer") is not None
    print(found, flush=True)
    sys.stdin.readline()
    if not found:
        kept.keep({ENTRIES!r}, "answer", 'define i64 @"answer"() {{ ret i64 42 }}', "answer")
"""


@pytest.fixture
def shared(monkeypatch):
    """Set up a file in common, as in a worker, and no folder for the cache."""
    common._shared_file.cache_clear()
    monkeypatch.setattr(kept, "_folders", lambda module: iter(()))
    monkeypatch.setenv(*next(iter(common.worker_environment().items())))
    yield
    os.close(common._shared_file())
    common._shared_file.cache_clear()


def called(address):
    return CFUNCTYPE(c_int64)(address)()


def keep(name, number):
    assert called(kept.keep(ENTRIES, name, ANSWER.format(name, number), name)) == number


def worker():
    return subprocess.Popen(
        [sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
    )


def test_what_one_has_made_the_others_have(shared):
    assert kept.address_of(ENTRIES, "answer") is None
    keep("answer", 42)
    keep("other", 43)
    assert called(kept.address_of(ENTRIES, "answer")) == 42
    assert called(kept.address_of(ENTRIES, "other")) == 43
    assert kept.address_of(ENTRIES, "question") is None


def test_one_process_compiles_while_another_waits_also_if_the_first_is_killed(shared):
    first = worker()
    assert first.stdout.readline().strip() == str(first.pid)
    assert first.stdout.readline() == "False\n"
    second = worker()
    assert second.stdout.readline().strip() == str(second.pid)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert second.stdout.readline() == "False\n"
    third = worker()
    second.communicate("go on\n")
    assert third.communicate("go on\n")[0] == f"{third.pid}\nTrue\n"


def test_half_of_what_one_wrote_is_passed_over(shared):
    descriptor = common.opened()
    os.write(descriptor, kept._packed(kept._file_name(ENTRIES, "answer"), "answer", b"code")[:-2])
    os.close(descriptor)
    assert kept.address_of(ENTRIES, "answer") is None
    keep("answer", 42)
    assert called(kept.address_of(ENTRIES, "answer")) == 42


@pytest.mark.parametrize("what", ["nothing", "a file", "a descriptor of a file", "another file in memory", "closed"])
def test_nothing_else_is_taken_for_it(tmp_path, shared, monkeypatch, what):
    file = tmp_path / "mine"
    file.write_bytes(b"mine")
    opened = os.open(file, os.O_RDWR)
    memory = os.memfd_create("mine")
    paths = {
        "nothing": "",
        "a file": str(file),
        "a descriptor of a file": f"/proc/{os.getpid()}/fd/{opened}",
        "another file in memory": f"/proc/{os.getpid()}/fd/{memory}",
        "closed": f"/proc/{os.getpid()}/fd/1000000",
    }
    monkeypatch.setenv(common.VARIABLE, paths[what])
    with kept.compile_lock(ENTRIES), kept.compile_lock(ENTRIES):
        keep("answer", 42)
    assert kept.address_of(ENTRIES, "answer") is None
    assert (file.read_bytes(), os.fstat(memory).st_size) == (b"mine", 0)
    os.close(opened)
    os.close(memory)


def test_what_others_might_write_is_not_run(shared):
    keep("answer", 42)
    os.fchmod(common._shared_file(), 0o666)
    assert kept.address_of(ENTRIES, "answer") is None
