"""Hold back the signals that end a command while a file is created: what has no owner yet is removed by nobody."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a request to end, and the end of the terminal."""


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Let an interrupt that arrives within the block be raised at its end.

    For a few system calls only: creating a file, and keeping its descriptor. Handlers of signals run in the main
    thread, so a block in any other thread needs no protection.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
