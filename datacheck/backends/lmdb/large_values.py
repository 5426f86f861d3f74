"""Large values of an LMDB, of which all is looked at: read into memory, or left in the map, whichever is quicker.

How a kernel holds a file in its cache makes a difference of ten for the map, whose pages come in 4 KiB at a time or by
the megabyte: 7 or 60 GB/s on one machine, where `preadv` gives 13 to 28. So the first blocks of a file are had in both
ways in turn, and what processor time that takes decides for the others. The bytes are the same.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.shared.read_buffers import reused

LEAST, MOST = 64 << 10, 9 << 20
"""Bytes that are read in one go. Memory that two such pieces are read into in turn stays in the processor's cache."""
READ, MAPPED = 4, 2
"""Blocks that are had in each way before it is decided: the first two that are read pay for memory that is new."""
CLEARLY = 0.8
"""The map has to take less than this share of the time: what was read is in the cache when it is looked at."""
OS_PAGE = 4096


class Way:
    """How the values of one file are had; `read` and `mapped` are the least seconds of processor time for a byte."""

    def __init__(self) -> None:
        self.read: list[float] = []
        self.mapped: list[float] = []

    @property
    def by_reading(self) -> bool:
        """Whether the next values are to be read."""
        if len(self.read) < READ:
            return True
        return len(self.mapped) >= MAPPED and CLEARLY * min(self.read) <= min(self.mapped)

    def took(self, seconds: float, size: int, *, reading: bool) -> None:
        """Take note of what values cost that were had in one of the ways."""
        (self.read if reading else self.mapped).append(seconds / size)


@lru_cache(maxsize=16)
def _way(device: int, inode: int) -> Way:
    return Way()


def loaded(pages: Pages, start: int, size: int) -> NDArray[np.uint8] | None:
    """Return bytes of the file in memory; None where the map is quicker, or a disk or a cut file gives fewer.

    These are left to the map, where whoever touches them dies, and is told apart from the records around.
    """
    if not LEAST < size <= MOST:
        return None
    status = os.fstat(pages.file)
    way = _way(status.st_dev, status.st_ino)
    if not way.by_reading:
        if len(way.mapped) < MAPPED and start + size <= min(status.st_size, len(pages.map)):
            began = time.thread_time()
            np.frombuffer(pages.map, np.uint8, size, start)[::OS_PAGE].max()
            way.took(time.thread_time() - began, size, reading=False)
        return None
    into = reused(size)
    began = time.thread_time()
    try:
        there = os.preadv(pages.file, [into], start)
    except OSError:
        return None
    if there < size:
        return None
    if len(way.read) < READ:
        way.took(time.thread_time() - began, size, reading=True)
    # An array made of a memoryview by `ndarray` would hold nothing that keeps the memory from being used again.
    return np.frombuffer(into, np.uint8)
