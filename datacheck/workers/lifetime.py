"""The worker's side of its life: it dies with its caller, and the signals that are to end it do.

A worker may sit in C code that never returns to the interpreter, so nothing that runs in it can be relied on to notice
that the caller is gone. The kernel notices. The caller holds the writing end of a pipe that nothing is written to, and
the kernel sends the worker SIGKILL when that end closes (fcntl(2), F_SETSIG). A process that the caller forked
meanwhile may hold the end open as well; where the caller's main thread started the worker, the end of the caller is a
signal too (prctl(2), PR_SET_PDEATHSIG, which fires at the end of the *thread* that started it, and so is of no use to
workers that other threads start).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import threading

PR_SET_PDEATHSIG = 1
FATAL = frozenset(
    number
    for name in ("ABRT", "ALRM", "BUS", "CHLD", "FPE", "ILL", "IO", "PROF", "SEGV", "SYS", "TRAP", "VTALRM", "XCPU")
    if (number := getattr(signal, f"SIG{name}", None)) is not None
)
"""Signals that a worker needs as they are by default, whatever its caller has ignored or blocked."""


def heed_signals() -> None:
    """Undo what a worker inherits of its caller's handling of signals, as far as that would keep it from ending."""
    for number in (signal.SIGINT, signal.SIGHUP):  # the caller, who gets it too, ends its workers
        signal.signal(number, signal.SIG_IGN)
    for number in FATAL:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FATAL)


def end_with_caller(life: int, *, with_thread: bool) -> None:
    """End this process when the writing end of the pipe `life` closes or, `with_thread`, when its starter ends."""
    if with_thread:
        end_with_parent()
    try:
        fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)  # type: ignore[attr-defined, unused-ignore]
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)  # type: ignore[attr-defined, unused-ignore]
    except (AttributeError, OSError):
        threading.Thread(target=_end_at_hangup, args=(life,), daemon=True).start()
        return
    if select.select([life], [], [], 0)[0]:  # closed before the kernel was asked to tell
        os._exit(0)


def end_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when the thread that made it ends, where the kernel can.

    A `parent` that is not that of this process any more has ended already.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent not in (None, os.getppid()):
        os._exit(0)


def _end_at_hangup(life: int) -> None:
    select.select([life], [], [])
    os._exit(0)
