"""Retry reads that a disk or a network failed, a few times with a short pause, since such failures are often temporary.

`datacheck.model.slips` defines which errors are meant. An error that persists is raised unchanged; it says nothing
about the data.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

from datacheck.model.slips import DISK, errno_of

T = TypeVar("T")

PAUSES = (0.05, 0.25)
"""Pauses before each further attempt, in seconds."""
MOST_FAILURES = 24
"""After this many failures in a row the disk is considered dead, and reads are not retried until one succeeds."""
_failures = 0


def retried(read: Callable[[], T]) -> T:
    """Return the result of `read`, called again if a disk or a network fails. Raises what the last attempt raised."""
    global _failures
    pauses = iter(PAUSES if _failures < MOST_FAILURES else ())
    while True:
        try:
            result = read()
        except (OSError, RuntimeError) as exc:
            if errno_of(exc) not in DISK:
                raise
            pause = next(pauses, None)
            if pause is None:
                _failures += 1
                raise
        else:
            _failures = 0
            return result
        time.sleep(pause)


def pread(descriptor: int, size: int, offset: int) -> bytes:
    """Call `os.pread`, and retry if a disk or a network fails."""
    return retried(lambda: os.pread(descriptor, size, offset))


def preadv(descriptor: int, buffers: Any, offset: int) -> int:
    """Call `os.preadv`, and retry if a disk or a network fails."""
    return retried(lambda: os.preadv(descriptor, buffers, offset))
