"""Memory for large reads: aligned, and used again once nobody has a view of it any more.

The kernel copies twice to five times as fast to a multiple of 64 bytes as to other places (x86's `rep movsb`: 16 GB/s,
8 where 16 bytes are over, 3 where 8 are). And memory that is new to a process costs a page fault for every 4 KiB.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNED = 64
STEP = 128 << 10
"""Memory that is kept comes in multiples of this size."""
LOOKED_AT = 8
"""So many pieces of memory are looked at for one that is free and fits: pages and values take turns."""
LARGER = 4
"""A piece of memory fits what needs a fourth of it or more: the last block of a range is smaller than the others."""
KEPT = 48 << 20
"""At most so many bytes are kept for a thread."""


def aligned(size: int) -> NDArray[np.uint8]:
    """Return `size` bytes that begin at a multiple of ALIGNED, whatever they hold."""
    raw = np.empty(size + ALIGNED, np.uint8)
    start = _gap(raw)
    return raw[start : start + size]


def _gap(raw: NDArray[np.uint8]) -> int:
    """Return how far behind the beginning of an array the next multiple of ALIGNED lies."""
    address: int = raw.__array_interface__["data"][0]
    return -address % ALIGNED


class _Kept(threading.local):
    """A thread's memory, handed out again when no view of it is left: what was in use last comes first."""

    def __init__(self) -> None:
        self._buffers: deque[tuple[bytearray, int]] = deque()
        self._size = 0

    def take(self, size: int) -> memoryview[Any]:
        for place in range(-1, -1 - min(LOOKED_AT, len(self._buffers)), -1):
            buffer, start = self._buffers[place]
            if size <= len(buffer) - ALIGNED <= LARGER * size + STEP and _is_free(buffer):
                del self._buffers[place]
                self._buffers.append((buffer, start))
                return memoryview(buffer)[start : start + size]
        while self._size > KEPT:
            self._size -= len(self._buffers.popleft()[0]) - ALIGNED
        room = -(-size // STEP) * STEP
        buffer = bytearray(room + ALIGNED + 1)
        del buffer[-1:]  # so that there is room to append one, and it stays where it is
        start = _gap(np.frombuffer(buffer, np.uint8))
        self._buffers.append((buffer, start))
        self._size += room
        return memoryview(buffer)[start : start + size]


_kept = _Kept()


def reused(size: int) -> memoryview[Any]:
    """Return `size` bytes as `aligned` does, but out of memory that was handed out before if that is free again."""
    return _kept.take(size)


def _is_free(buffer: bytearray) -> bool:
    """Say if there is no view of a buffer: it cannot be resized while there is one."""
    try:
        buffer.append(0)
    except BufferError:
        return False
    del buffer[-1:]
    return True
