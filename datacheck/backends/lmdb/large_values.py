"""Read LMDB values on overflow pages into memory or leave them in the map, whichever is faster, if all are examined.

The speed of a map differs tenfold with how the kernel caches the file, since its pages come in 4 KiB or a megabyte at a
time: 7 or 60 GB/s on one machine, where `preadv` gives 13 to 28. So the first blocks of a file are taken in both ways
in turn, and the processor time decides for the others. For large values that is the time of everything done with a
block: bytes that were read are in the cache when they are examined, and bytes that nobody examines need not be. The
bytes are the same either way. The pages of a block are mapped in one go if the kernel can do that: mapping them one by
one costs half as much again.

Large values are taken where they lie. For runs of a few hundred small values with a page of the tree behind each, the
cost of a block would be high per value: `values_array` puts those of many leaves into one array.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.shared.key_arrays import Buffer, Numbers
from datacheck.backends.shared.read_buffers import reused

LEAST, MOST = 64 << 10, 18 << 20
"""Least and largest number of bytes that are read in one go."""
TRIED = 2 << 20
"""Smallest block of large values that is timed, in bytes: for smaller ones, not only the bytes cost time."""
MAPPED_AT_ONCE = 8 << 20
"""Bytes mapped in one go: few enough for a slow disk to deliver long before a worker's time is over."""
POPULATE_READ = 22
"""MADV_POPULATE_READ, since Linux 5.14 (madvise(2))."""
READ, MAPPED = 4, 2
"""Number of blocks measured in each way before the decision; the first two reads also pay for new memory."""
CLEARLY = 0.8
"""The map must take less than this fraction of the time for reading, since unmapping is paid for later."""
OS_PAGE = 4096
STRETCHES = 256
"""Maximum number of stretches read in one go: a kernel takes 1024 buffers, and each stretch needs two."""
BETWEEN = 0.25
"""Maximum amount of data between stretches that is read as well, as a fraction of the values."""


class Way:
    """The way in which the values of one file are taken; `read` and `mapped` are processor time in seconds per byte."""

    def __init__(self) -> None:
        self.read: list[float] = []
        self.mapped: list[float] = []
        self._trial: tuple[float, int, bool] | None = None

    @property
    def by_reading(self) -> bool:
        """Whether to read the next values. The slower trial of the map counts, as pages may have been mapped before."""
        if len(self.read) < READ:
            return True
        return len(self.mapped) >= MAPPED and CLEARLY * min(self.read) <= max(self.mapped)

    def took(self, seconds: float, size: int, *, reading: bool) -> None:
        """Record the processor time of values that were taken in one of the ways."""
        (self.read if reading else self.mapped).append(seconds / size)

    def begin(self, size: int, *, reading: bool) -> None:
        """Begin to measure the cost of a block, if it is still needed."""
        known = len(self.read) >= READ if reading else len(self.mapped) >= MAPPED
        self._trial = None if known or size < TRIED else (time.thread_time(), size, reading)

    def end(self) -> None:
        """Record the cost of the block that was begun, if one was and its values were taken that way."""
        if self._trial is not None:
            began, size, reading = self._trial
            self.took(time.thread_time() - began, size, reading=reading)
            self._trial = None

    def give_up(self) -> None:
        """Discard the measurement that was begun."""
        self._trial = None


@lru_cache(maxsize=16)
def _way(device: int, inode: int) -> Way:
    return Way()


@lru_cache(maxsize=16)
def _way_together(device: int, inode: int) -> Way:
    """Return the way for small values: these are copied out of the map, so that only unmapping is paid for later."""
    return Way()


def small_values_are_read(pages: Pages) -> bool:
    """Return whether small values of a file were read and still are, so that nothing needs mapping beforehand.

    Small values that are never put together, since their lengths differ, are used in the map.
    """
    status = os.fstat(pages.file)
    way = _way_together(status.st_dev, status.st_ino)
    return bool(way.read) and (len(way.mapped) < MAPPED or way.by_reading)


def way_of(pages: Pages) -> Way:
    """Return the way for the large values of a file."""
    status = os.fstat(pages.file)
    return _way(status.st_dev, status.st_ino)


def loaded(pages: Pages, way: Way, start: int, size: int, pulse: Callable[[], None]) -> NDArray[np.uint8] | None:
    """Return bytes of the file in memory, or None if the map is faster, or a disk or a truncated file gives fewer.

    Bytes that cannot be read are left to the map: a process that touches them there dies, and their record is then
    separated from the records around. If the map is faster, the bytes are mapped on return, as far as possible. `pulse`
    is called while this goes on.
    """
    if size <= LEAST:
        return None
    if not way.by_reading:
        way.begin(size, reading=False)
        _map_in(pages, start, size, pulse)
        return None
    if size > MOST:
        return None
    way.begin(size, reading=True)
    padding = start % OS_PAGE
    buffer = reused(padding + size)
    try:
        count = os.preadv(pages.file, [buffer], start - padding)
    except OSError:
        count = 0
    if count < padding + size:
        way.give_up()
        return None
    # `ndarray` on a memoryview would hold no reference that keeps the memory from being reused.
    return np.frombuffer(buffer, np.uint8)[padding:]


def _map_in(pages: Pages, start: int, size: int, pulse: Callable[[], None]) -> None:
    """Let the kernel map a part of the file. If it cannot, or a disk or a cut file fails, each access maps its page."""
    stop = start + size
    at = start - start % OS_PAGE
    with contextlib.suppress(OSError, ValueError):
        while at < stop:
            pages.map.madvise(POPULATE_READ, at, min(MAPPED_AT_ONCE, stop - at))
            at += MAPPED_AT_ONCE
            if at < stop:
                pulse()


def values_array(pages: Pages, places: Numbers, length: int) -> NDArray[np.uint8]:
    """Return equally long values that begin at these places of the file, in memory: shape (values, length).

    Like `loaded`, it leaves what a disk or a truncated file does not give to the map.
    """
    status = os.fstat(pages.file)
    way = _way_together(status.st_dev, status.st_ino)
    stretches = _stretches(places, length)
    size = len(places) * length
    measuring = size >= LEAST and (len(way.read) < READ or len(way.mapped) < MAPPED)
    began = time.thread_time() if measuring else 0.0
    if stretches is not None and way.by_reading:
        values = _read(pages, places, length, stretches)
        if values is not None:
            if measuring:
                way.took(time.thread_time() - began, size, reading=True)
            return values
    values = _copy(pages, places, length, stretches)
    if measuring and stretches is not None:
        way.took(time.thread_time() - began, size, reading=False)
    return values


def _stretches(places: Numbers, length: int) -> tuple[int, list[int]] | None:
    """Return the distance of neighbouring values, and the indexes of those that lie farther behind their predecessor.

    Return None if the values lie in another way, or if too much lies between them.
    """
    distances = np.diff(places)
    step = int(distances.min(initial=np.iinfo(np.int64).max)) if len(distances) else length
    if step < length or step > 2 * length + OS_PAGE:
        return None
    breaks = np.flatnonzero(distances != step) + 1
    between = int(distances.sum()) - step * len(distances)
    if len(breaks) >= STRETCHES or between > BETWEEN * step * len(places):
        return None
    return step, breaks.tolist()


def _read(pages: Pages, places: Numbers, length: int, stretches: tuple[int, list[int]]) -> NDArray[np.uint8] | None:
    """Return values by reading them, or None if not all can be read; gaps between stretches go to scratch memory."""
    step, breaks = stretches
    first = int(places[0])
    padding = first % OS_PAGE
    size = padding + step * (len(places) - 1) + length
    buffer = reused(size)
    targets: list[memoryview] = []
    scratch = memoryview(bytearray(max((int(places[at] - places[at - 1]) - step for at in breaks), default=0)))
    done = 0
    for at in breaks:
        targets.append(buffer[done : padding + at * step])
        targets.append(scratch[: int(places[at] - places[at - 1]) - step])
        done = padding + at * step
    targets.append(buffer[done:size])
    try:
        count = os.preadv(pages.file, targets, first - padding)
    except OSError:
        return None
    if count < sum(map(len, targets)):
        return None
    return np.ndarray((len(places), length), np.uint8, np.frombuffer(buffer, np.uint8), padding, (step, 1))


def _copy(pages: Pages, places: Numbers, length: int, stretches: tuple[int, list[int]] | None) -> NDArray[np.uint8]:
    """Return values copied out of the map."""
    if stretches is None:
        return Buffer(np.frombuffer(pages.map, np.uint8)).pieces(places, length)
    step, breaks = stretches
    values = np.frombuffer(reused(len(places) * length), np.uint8).reshape(len(places), length)
    for start, stop in zip([0, *breaks], [*breaks, len(places)], strict=True):
        values[start:stop] = np.ndarray((stop - start, length), np.uint8, pages.map, int(places[start]), (step, 1))
    return values
