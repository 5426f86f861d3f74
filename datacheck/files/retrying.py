"""Read again what a disk or a network did not give: a few times, with a short pause, since that often passes.

Which errors that is about, `datacheck.model.slips` says. What fails all the same is raised as it came, and says nothing
of the bytes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

from datacheck.model.slips import DISK, errno_of

T = TypeVar("T")

PAUSES = (0.05, 0.25)
"""Seconds before each further trial."""
MOST_FAILURES = 24
"""After so many failures in a row the disk is taken for dead, and nothing is tried twice until it gives something."""
_failures = 0


def retried(read: Callable[[], T]) -> T:
    """Return what `read` does, called again where a disk or a network fails. Raises what the last trial raised."""
    global _failures
    for pause in PAUSES if _failures < MOST_FAILURES else ():
        try:
            return read()
        except (OSError, RuntimeError) as exc:
            if errno_of(exc) not in DISK:
                raise
        time.sleep(pause)
    try:
        given = read()
    except (OSError, RuntimeError) as exc:
        _failures += errno_of(exc) in DISK
        raise
    _failures = 0
    return given


def pread(descriptor: int, size: int, offset: int) -> bytes:
    """Do what `os.pread` does, and again where a disk or a network fails."""
    try:
        return os.pread(descriptor, size, offset)
    except OSError as exc:
        if exc.errno not in DISK:
            raise
    time.sleep(PAUSES[0])
    return retried(lambda: os.pread(descriptor, size, offset))


def preadv(descriptor: int, buffers: Any, offset: int) -> int:
    """Do what `os.preadv` does, and again where a disk or a network fails."""
    try:
        return os.preadv(descriptor, buffers, offset)
    except OSError as exc:
        if exc.errno not in DISK:
            raise
    time.sleep(PAUSES[0])
    return retried(lambda: os.preadv(descriptor, buffers, offset))
