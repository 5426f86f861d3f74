"""The jobs that `EngineContract` gives an engine: by themselves, because a worker that loads a job loads its module."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator
from typing import Any

from datacheck.workers.interface import Watch

MEMORY = 1 << 30
"""Bytes of private memory that a task of the contract may have."""


def obey(task: Any, watch: Watch) -> Any:
    """Do as the task says. Runs in a worker."""
    if isinstance(task, str):
        watch.timeout = {"spin": 0.5, "notes": 3.0}.get(task)
        watch.note(("at", task))
        _die(task)
    match task:
        case "notes":
            for number in range(3):
                watch.note(number)
                time.sleep(1.2)
            return "noted"
        case "raise":
            raise ValueError("as it was told")
        case "eat":
            return len(bytearray(4 * MEMORY))
        case "odd":
            return lambda: None
        case "pid":
            return os.getpid()
    return task


def _die(task: str) -> None:
    """End the process, if that is the task."""
    match task:
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "abort":
            os.write(2, b"library.c:12: assertion failed\n")
            os.abort()
        case "exit":
            os._exit(7)
        case "spin":
            while True:  # busy, so that nobody can say it only waits
                pass


def count_up(task: int, watch: Watch) -> Generator[int, None, str]:
    """Give as many steps as the task says; 5 goes wrong on its way. Runs in a worker."""
    yield from range(task)
    if task == 5:
        raise OSError(28, "No space left on device")
    return "done"


def report_and_wait(task: str, watch: Watch) -> Generator[int, None, None]:
    """Give the process's number, and then do not end. Runs in a worker."""
    yield os.getpid()
    time.sleep(600)
