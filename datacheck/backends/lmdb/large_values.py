"""Values of an LMDB on pages of their own, of which all is looked at: read into memory, or left in the map.

How a kernel holds a file in its cache makes a difference of ten for the map, whose pages come in 4 KiB at a time or by
the megabyte: 7 or 60 GB/s on one machine, where `preadv` gives 13 to 28. So the first blocks of a file are had in both
ways in turn, and what processor time that takes decides for the others: of large values all that is done with a block,
since what was read is in the cache when it is looked at, and what nobody looks at need not be. The bytes are the same.
The pages of a block are mapped in one go, where the kernel knows how to: one by one they cost half as much again.

Large values are had as they lie. What a block costs would be much for each of a few hundred small ones, after which a
page of the tree comes: `together` puts those of many leaves into one array.
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
"""Bytes that are read in one go."""
TRIED = 2 << 20
"""Of a smaller block of large values it is not measured what it costs: more than its bytes do."""
MAPPED_AT_ONCE = 8 << 20
"""So much is mapped in one go: a slow disk gives it long before a worker's time is over."""
POPULATE_READ = 22
"""MADV_POPULATE_READ, since Linux 5.14 (madvise(2))."""
READ, MAPPED = 4, 2
"""Blocks that are had in each way before it is decided: the first two that are read pay for memory that is new."""
CLEARLY = 0.8
"""The map has to take less than this share of the time: unmapping it is paid later."""
OS_PAGE = 4096
STRETCHES = 256
"""So many stretches are read in one go: a kernel takes 1024 places to write to, of which each stretch has two."""
BETWEEN = 0.25
"""What lies between stretches is read as well, up to this share of the values."""


class Way:
    """How the values of one file are had; `read` and `mapped` are seconds of processor time for a byte."""

    def __init__(self) -> None:
        self.read: list[float] = []
        self.mapped: list[float] = []
        self._trial: tuple[float, int, bool] | None = None

    @property
    def by_reading(self) -> bool:
        """Whether the next values are to be read. Of the map the dearer trial counts: some of it may be there."""
        if len(self.read) < READ:
            return True
        return len(self.mapped) >= MAPPED and CLEARLY * min(self.read) <= max(self.mapped)

    def took(self, seconds: float, size: int, *, reading: bool) -> None:
        """Take note of what values cost that were had in one of the ways."""
        (self.read if reading else self.mapped).append(seconds / size)

    def begin(self, size: int, *, reading: bool) -> None:
        """Begin to measure what a block costs, if that is still to be known."""
        known = len(self.read) >= READ if reading else len(self.mapped) >= MAPPED
        self._trial = None if known or size < TRIED else (time.thread_time(), size, reading)

    def end(self) -> None:
        """Take note of what the block cost that was begun, if one was and its values were had that way."""
        if self._trial is not None:
            began, size, reading = self._trial
            self.took(time.thread_time() - began, size, reading=reading)
            self._trial = None

    def give_up(self) -> None:
        """Forget a block that was begun."""
        self._trial = None


@lru_cache(maxsize=16)
def _way(device: int, inode: int) -> Way:
    return Way()


@lru_cache(maxsize=16)
def _way_together(device: int, inode: int) -> Way:
    """Return the way of small values: these are copied out of the map, so that only unmapping it is paid later."""
    return Way()


def are_read(pages: Pages) -> bool:
    """Say if small values of a file were read, and are still: nothing is to be mapped beforehand.

    Those that are never put together, being of many lengths, are looked at in the map.
    """
    status = os.fstat(pages.file)
    way = _way_together(status.st_dev, status.st_ino)
    return bool(way.read) and (len(way.mapped) < MAPPED or way.by_reading)


def way_of(pages: Pages) -> Way:
    """Return the way of the large values of a file."""
    status = os.fstat(pages.file)
    return _way(status.st_dev, status.st_ino)


def loaded(pages: Pages, way: Way, start: int, size: int, pulse: Callable[[], None]) -> NDArray[np.uint8] | None:
    """Return bytes of the file in memory; None where the map is quicker, or a disk or a cut file gives fewer.

    These are left to the map, where whoever touches them dies, and is told apart from the records around. In the map
    they are there already, as far as they could be had. `pulse` is called as this goes on.
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
    before = start % OS_PAGE
    into = reused(before + size)
    try:
        there = os.preadv(pages.file, [into], start - before)
    except OSError:
        there = 0
    if there < before + size:
        way.give_up()
        return None
    # An array made of a memoryview by `ndarray` would hold nothing that keeps the memory from being used again.
    return np.frombuffer(into, np.uint8)[before:]


def _map_in(pages: Pages, start: int, size: int, pulse: Callable[[], None]) -> None:
    """Have the kernel map a part of the file; where it cannot, or a disk or a cut file gives less, each look will."""
    stop = start + size
    at = start - start % OS_PAGE
    with contextlib.suppress(OSError, ValueError):
        while at < stop:
            pages.map.madvise(POPULATE_READ, at, min(MAPPED_AT_ONCE, stop - at))
            at += MAPPED_AT_ONCE
            if at < stop:
                pulse()


def together(pages: Pages, places: Numbers, length: int) -> NDArray[np.uint8]:
    """Return values of one length in memory that begin at these places of the file: shape (values, length).

    What a disk or a cut file does not give is left to the map, as by `loaded`.
    """
    status = os.fstat(pages.file)
    way = _way_together(status.st_dev, status.st_ino)
    stretches = _stretches(places, length)
    size = len(places) * length
    trying = size >= LEAST and (len(way.read) < READ or len(way.mapped) < MAPPED)
    began = time.thread_time() if trying else 0.0
    if stretches is not None and way.by_reading:
        made = _read(pages, places, length, stretches)
        if made is not None:
            if trying:
                way.took(time.thread_time() - began, size, reading=True)
            return made
    made = _copied(pages, places, length, stretches)
    if trying and stretches is not None:
        way.took(time.thread_time() - began, size, reading=False)
    return made


def _stretches(places: Numbers, length: int) -> tuple[int, list[int]] | None:
    """Return how far the values are apart, and which ones lie farther behind the one before them than that.

    None where they lie in another way, or too much lies between them.
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
    """Return values as they are read, with what lies between stretches of them read into memory that nobody wants."""
    step, breaks = stretches
    first = int(places[0])
    before = first % OS_PAGE
    size = before + step * (len(places) - 1) + length
    into = reused(size)
    targets: list[memoryview] = []
    scratch = memoryview(bytearray(max((int(places[at] - places[at - 1]) - step for at in breaks), default=0)))
    done = 0
    for at in breaks:
        targets.append(into[done : before + at * step])
        targets.append(scratch[: int(places[at] - places[at - 1]) - step])
        done = before + at * step
    targets.append(into[done:size])
    try:
        there = os.preadv(pages.file, targets, first - before)
    except OSError:
        return None
    if there < sum(map(len, targets)):
        return None
    return np.ndarray((len(places), length), np.uint8, np.frombuffer(into, np.uint8), before, (step, 1))


def _copied(pages: Pages, places: Numbers, length: int, stretches: tuple[int, list[int]] | None) -> NDArray[np.uint8]:
    """Return values copied out of the map."""
    if stretches is None:
        return Buffer(np.frombuffer(pages.map, np.uint8)).pieces(places, length)
    step, breaks = stretches
    made = np.frombuffer(reused(len(places) * length), np.uint8).reshape(len(places), length)
    for start, stop in zip([0, *breaks], [*breaks, len(places)], strict=True):
        made[start:stop] = np.ndarray((stop - start, length), np.uint8, pages.map, int(places[start]), (step, 1))
    return made
