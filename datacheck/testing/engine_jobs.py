"""The jobs that `EngineContract` runs, in a module of their own because a worker imports the module of its job."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator
from typing import Any

from datacheck.workers.interface import Watch

MEMORY = 1 << 30
"""Private memory that a task of the contract may use, in bytes."""


def obey(task: Any, watch: Watch) -> Any:
    """Do what the task says. Runs in a worker."""
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
    """End the process if the task says so."""
    match task:
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "abort":
            os.write(2, b"library.c:12: assertion failed\n")
            os.abort()
        case "exit":
            os._exit(7)
        case "spin":
            while True:  # busy, so that it uses processor time instead of waiting
                pass


def count_up(task: int, watch: Watch) -> Generator[int, None, str]:
    """Yield as many steps as the task says; task 5 fails at the end. Runs in a worker."""
    yield from range(task)
    if task == 5:
        raise OSError(28, "No space left on device")
    return "done"


def report_and_wait(task: str, watch: Watch) -> Generator[int, None, None]:
    """Yield the process id, and then do not end. Runs in a worker."""
    yield os.getpid()
    time.sleep(600)
