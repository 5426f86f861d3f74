"""Make a worker die with its caller, and make sure that fatal signals end it.

A worker may be in C code that never returns to the interpreter, so nothing that runs in it can be relied on to notice
that the caller is gone. The kernel can: the caller holds the write end of a pipe that nothing is written to, and the
kernel sends the worker SIGKILL when that end closes (fcntl(2), F_SETSIG). A process that the caller forked meanwhile
may hold that end open as well. So if the caller's main thread started the worker, the worker also asks for a signal at
the end of its parent (prctl(2), PR_SET_PDEATHSIG). That signal is sent at the end of the *thread* that started the
worker, so it is of no use for workers that other threads start.
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
DEFAULT_SIGNALS = frozenset(
    number
    for name in ("ABRT", "ALRM", "BUS", "CHLD", "FPE", "ILL", "IO", "PROF", "SEGV", "SYS", "TRAP", "VTALRM", "XCPU")
    if (number := getattr(signal, f"SIG{name}", None)) is not None
)
"""Signals that must keep their default action in a worker, even if its caller ignores or blocks them."""


def reset_signals() -> None:
    """Reset the signal handling inherited from the caller, as far as it would keep a worker from ending."""
    for number in (signal.SIGINT, signal.SIGHUP):  # the caller gets them too, and ends its workers
        signal.signal(number, signal.SIG_IGN)
    for number in DEFAULT_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, DEFAULT_SIGNALS)


def end_with_caller(life: int, *, with_thread: bool) -> None:
    """End this process when the write end of the pipe `life` closes or, `with_thread`, its starting thread ends."""
    if with_thread:
        end_with_parent()
    try:
        fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)  # type: ignore[attr-defined, unused-ignore]
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)  # type: ignore[attr-defined, unused-ignore]
    except (AttributeError, OSError):
        threading.Thread(target=_end_at_hangup, args=(life,), daemon=True).start()
        return
    if select.select([life], [], [], 0)[0]:  # closed before the kernel was asked to signal it
        os._exit(0)


def end_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when the thread that made it ends, if the kernel supports that.

    If `parent` is no longer the parent of this process, it has ended already, so this process exits.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent not in (None, os.getppid()):
        os._exit(0)


def _end_at_hangup(life: int) -> None:
    select.select([life], [], [])
    os._exit(0)
