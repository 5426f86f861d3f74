"""Fork the template of a command from the command itself, while it has loaded almost nothing.

A fresh interpreter takes 10 ms to start, and 15 ms to load what the command has loaded by then. A fork has both at
once. It is as good as a fresh interpreter only in a process of one thread that nobody has changed, so only such a
process is forked.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

from datacheck.files import common
from datacheck.workers.interpreter import FREED_BYTES, MAPPED_BYTES, NOT_PASSED_ON, environment

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LIBRARIES = frozenset({"numpy", "h5py", "lmdb", "plyvel"})
"""Modules of libraries that a command loads only later."""
Loading = Callable[[], Sequence[str]]
"""Function that returns the names of the modules to load. It runs in the fork."""


class OwnFork:
    """A fork of this process, with the attributes of subprocess.Popen that a template uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None
        self._lock = threading.Lock()
        """A process id may be used again as soon as it was waited for, so only one thread waits or kills at a time."""

    def poll(self) -> int | None:
        """Return how it ended, or None if it still runs."""
        with self._lock:
            return self._waited(os.WNOHANG)

    def wait(self) -> int:
        """Wait until it ends; return how it ended, or 0 if the system does not tell."""
        with self._lock:
            return self._waited(0) or 0

    def kill(self) -> None:
        with self._lock:
            if self._waited(os.WNOHANG) is None:
                os.kill(self.pid, signal.SIGKILL)

    def _waited(self, how: int) -> int | None:
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, how)
            except ChildProcessError:  # whoever started this command ignores SIGCHLD
                self._status = 0
            else:
                self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status


def is_bare() -> bool:
    """Check whether a fork of this process would be what a fresh interpreter for workers is.

    It is not if this process has several threads, is traced, runs with options that workers do not inherit, lacks a
    standard stream, or belongs to a program that handles signals or has loaded libraries: HDF5, for one, would go on
    reading a file that it had opened through a descriptor that is closed in the fork.
    """
    options = "bytes_warning", "debug", "dev_mode", "inspect", "interactive", "optimize", "verbose"
    if any(getattr(sys.flags, it) for it in options) or sys.warnoptions or sys._xoptions:
        return False
    if sys.gettrace() is not None or sys.getprofile() is not None or not NOT_PASSED_ON.isdisjoint(os.environ):
        return False
    if None in (sys.stdin, sys.stdout, sys.stderr) or not LIBRARIES.isdisjoint(sys.modules):
        return False
    if any(callable(signal.getsignal(it)) for it in signal.valid_signals() - {signal.SIGINT}):
        return False
    try:
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208  (a thread need not be Python's)
    except OSError:
        return False


def fork_template(ends: Sequence[int], memory: int, collecting: tuple[int, ...], loading: Loading) -> OwnFork:
    """Fork this process into a template that keeps only these descriptors. Raises OSError."""
    variables = environment()
    pid = os.fork()
    if pid:
        return OwnFork(pid)
    try:
        _become_template(ends, memory, collecting, loading, variables)
    finally:
        os._exit(1)


def _become_template(
    ends: Sequence[int], memory: int, collecting: tuple[int, ...], loading: Loading, variables: Mapping[str, str]
) -> None:
    os.environ.clear()
    os.environ.update(variables)
    common.forget()
    _keep_only(ends)
    from datacheck.workers.forking import fork_workers

    _set_malloc()
    channel, life = ends
    fork_workers(channel, life, True, memory, collecting, ["numpy", *loading()])
    os._exit(0)


def _keep_only(ends: Sequence[int]) -> None:
    """Close all descriptors except these, and let the standard streams lead nowhere. Raises OSError."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    for number in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208  (their range may go into the billions)
        if number > 2 and number not in ends:
            with contextlib.suppress(OSError):  # the descriptor that listed them is closed already
                os.close(number)


def _set_malloc() -> None:
    """Set what MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ set, which glibc reads only when a process starts."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):  # another C library
        c_library = ctypes.CDLL(None)
        c_library.mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)
        c_library.mallopt(M_TRIM_THRESHOLD, FREED_BYTES)
