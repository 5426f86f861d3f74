"""Jobs for the tests of workers, in their own module because a worker that loads a job loads its module.

A test module would also import pytest and what its tests need, which takes longer than starting the process.
"""

import gc
import os
import re
import resource
import signal
import sys
import time
from pathlib import Path

MEMORY = 1 << 30
"""Limit on the private memory of a worker, in bytes."""


def obey(task, watch):
    """Do what the task says, or return the task."""
    watch.timeout = 0.3
    watch.note(("at", task))
    match task:
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "abort":
            os.write(2, b"library.c:12: assertion failed\n")
            os.abort()
        case "exit":
            os._exit(7)
        case "hang":
            time.sleep(60)
        case "raise":
            raise ValueError("no")
        case "eat":
            return len(bytearray(4 * MEMORY))
        case "odd":
            return lambda: None
        case "pid":
            return os.getpid()
    return task


def die_or_tell(task, watch):
    """Die, raise or write as the task says, with or without a note; return the process id."""
    match task:
        case "die before a note":
            os.kill(os.getpid(), signal.SIGKILL)
        case "die":
            watch.note(("dying", task))
            os.write(2, b"last words\n")
            os.abort()
        case "raise":
            raise ValueError("no")
        case "grace":
            return watch._grace
        case "talk":
            os.write(2, b"earlier words\n")
        case "mute":
            os.abort()
    return os.getpid()


def about(task, watch):
    """Return this process's id, its parent's, whether colorsys is loaded, its RLIMIT_DATA and its sockets."""
    time.sleep(0.05)  # so that each worker gets a task
    descriptors = {str(it.readlink()) for it in Path("/proc/self/fd").iterdir() if it.is_symlink()}
    sockets = {it for it in descriptors if it.startswith("socket")}
    return os.getpid(), os.getppid(), "colorsys" in sys.modules, resource.getrlimit(resource.RLIMIT_DATA)[0], sockets


def pid_of(task, watch):
    """Return the process id, after a note."""
    watch.note(("pid", task))
    return os.getpid()


def pid_of_many(_, task, watch):
    """Return the process id; with its first argument bound, this is a job as large as that argument."""
    return pid_of(task, watch)


def step_and_sleep(task, watch):
    """Yield the process id as a step, then sleep for an hour."""
    yield os.getpid()
    time.sleep(3600)
    return os.getpid()


def tell(what, task, watch):
    """Return `what` and the process id."""
    return what, os.getpid()


def thresholds(task, watch):
    """Return the garbage collector's thresholds and its number of frozen objects."""
    return gc.get_threshold(), gc.get_freeze_count()


def stuck(task, watch):
    """Write the process id to the file `task`, then stay in C code that holds the GIL for ever."""
    Path(task).write_text(str(os.getpid()))
    re.match(r"(a+)+$", "a" * 80 + "b")


def asleep(task, watch):
    """Write the process id to the file `task`, then sleep for an hour."""
    Path(task).write_text(str(os.getpid()))
    time.sleep(3600)


def state(task, watch):
    """Return the blocked signals, the ignored signals and PYTHONWARNINGS."""
    blocked = {int(it) for it in signal.pthread_sigmask(signal.SIG_BLOCK, ())}
    ignored = {it for it in signal.valid_signals() if signal.getsignal(it) == signal.SIG_IGN}
    return blocked, set(map(int, ignored)), os.environ.get("PYTHONWARNINGS")


def die(task, watch):
    """Write a note, then die of the signal `task`."""
    watch.note("at it")
    os.kill(os.getpid(), task)
    time.sleep(60)


def leave(task, watch):
    """Write a note, then exit with the status `task`."""
    watch.note(task)
    os._exit(task)


class Panic(BaseException):
    """Like the exception that a Rust library raises when it panics: not an Exception."""


def panic(task, watch):
    """Write a note, then raise a BaseException that is not an Exception."""
    watch.note(task)
    raise Panic


def orphan_itself(task, watch):
    """Kill the parent if its id is `task`, and wait to be killed with it; otherwise return the process id."""
    watch.note("at it")
    if os.getppid() == task:
        os.kill(task, signal.SIGKILL)
        time.sleep(60)
    return os.getpid()


def orphan_itself_later(task, watch):
    """Yield a step, then do what `orphan_itself` does."""
    yield "step"
    return orphan_itself(task, watch)


def surroundings(_, watch):
    """Return what a worker inherits, as text.

    These are its open files other than pipes, some environment variables, whether a large block of memory is taken from
    the heap, and what is loaded of the command.
    """
    import ctypes

    files = {it: str(it.readlink()) for it in Path("/proc/self/fd").iterdir() if it.is_symlink()}
    files = sorted({it for it in files.values() if not it.startswith(("pipe:", "/memfd:", "/proc/"))})
    malloc = ctypes.CDLL(None).malloc
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    maps = [line.split() for line in Path("/proc/self/maps").read_text().split("\n") if line]
    before = {it[0].partition("-")[0] for it in maps}
    at = malloc(24 << 20)
    maps = [line.split() for line in Path("/proc/self/maps").read_text().split("\n") if line]
    ranges = [(int(low, 16), int(high, 16), low in before) for low, high in (it[0].split("-") for it in maps)]
    in_heap = any(low <= at < high and known for low, high, known in ranges)
    variables = {name: os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "BLOSC_NTHREADS", "OF_CALLER")}
    return f"{files} {variables} heap {in_heap} click {'click' in sys.modules}"
