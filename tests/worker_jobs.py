"""Jobs that the tests of workers give them: by themselves, because a worker that loads a job loads its module.

A module of tests has pytest with it, and what its tests need, which takes longer than to start the process.
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
"""Bytes of private memory that a worker may have."""


def obey(task, watch):
    """Do as the task says, or give it back."""
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
    """Die or write as the task says, with a note or without one; give the process."""
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
    """Tell of this process: its number, its parent's, whether a module is loaded, its limit, its descriptors."""
    time.sleep(0.05)  # so that each worker gets a task
    descriptors = {str(it.readlink()) for it in Path("/proc/self/fd").iterdir() if it.is_symlink()}
    sockets = {it for it in descriptors if it.startswith("socket")}
    return os.getpid(), os.getppid(), "colorsys" in sys.modules, resource.getrlimit(resource.RLIMIT_DATA)[0], sockets


def pid_of(task, watch):
    """Give the process, after a note."""
    watch.note(("pid", task))
    return os.getpid()


def pid_of_many(_, task, watch):
    """Give the process; bound to something, this is a job as large as that."""
    return pid_of(task, watch)


def step_and_sleep(task, watch):
    """Give the process as a step, and do not end."""
    yield os.getpid()
    time.sleep(3600)
    return os.getpid()


def tell(what, task, watch):
    """Give what it was told, and the process."""
    return what, os.getpid()


def thresholds(task, watch):
    """Give how garbage is looked for."""
    return gc.get_threshold(), gc.get_freeze_count()


def stuck(task, watch):
    """Sit in C code that holds the interpreter's lock for ever."""
    Path(task).write_text(str(os.getpid()))
    re.match(r"(a+)+$", "a" * 80 + "b")


def asleep(task, watch):
    """Sleep after the mark."""
    Path(task).write_text(str(os.getpid()))
    time.sleep(3600)


def state(task, watch):
    """Give the signals that are blocked and ignored, and the warnings asked for."""
    blocked = {int(it) for it in signal.pthread_sigmask(signal.SIG_BLOCK, ())}
    ignored = {it for it in signal.valid_signals() if signal.getsignal(it) == signal.SIG_IGN}
    return blocked, set(map(int, ignored)), os.environ.get("PYTHONWARNINGS")


def die(task, watch):
    """Note something, and die of the signal that is the task."""
    watch.note("at it")
    os.kill(os.getpid(), task)
    time.sleep(60)


def leave(task, watch):
    """Leave with the status that is the task."""
    watch.note(task)
    os._exit(task)


class Panic(BaseException):
    """What a library in Rust raises when it panics: no Exception."""


def panic(task, watch):
    """Raise what is no Exception."""
    watch.note(task)
    raise Panic


def orphan_itself(task, watch):
    """Kill the parent, and wait to be killed with it, where the task is that process; else give the process."""
    watch.note("at it")
    if os.getppid() == task:
        os.kill(task, signal.SIGKILL)
        time.sleep(60)
    return os.getpid()


def orphan_itself_later(task, watch):
    """Give a step, then do so."""
    yield "step"
    return orphan_itself(task, watch)
