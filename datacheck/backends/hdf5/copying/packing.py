"""Shuffle and deflate the chunks of a copy in several threads, with libdeflate: it takes half of zlib's time or less.

The libdeflate level is chosen to make chunks as small as zlib does with the level that the dataset declares, which is
not changed. If libdeflate's quickest level makes chunks as small as those of the source, as for most floats, it is used
instead, in a third of the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.values.chunk_sizes import DEFLATE, SHUFFLE
from datacheck.backends.hdf5.values.direct import deflated

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

LEVELS = (0, 1, 1, 2, 2, 4, 6, 7, 8, 9)
"""The libdeflate level for each zlib level: its output for the same bytes is no larger, or hardly larger."""
QUICKEST = 1
AS_SMALL = 1.01
"""A chunk of up to this factor of the average size in the source counts as equally small.

The factor allows for the last chunk of the source, which may be nearly empty.
"""
TRIED_EVERY = 32
"""Number of chunks for which a trial with the first of them decides whether the quickest level is used."""
LARGEST = 64 << 20
"""Size in bytes of the largest chunk that is compressed here; larger ones are left to the library."""
WAITING_BYTES = 32 << 20
"""Maximum number of bytes of chunks that wait to be compressed; one chunk per thread may wait in any case."""

Origin = tuple[int, ...]
Packed = tuple[Origin, int, bytes]
"""The origin of a chunk in its dataset, the mask of the filters that were skipped, and the bytes to store."""


class Packer:
    """Compresses chunks in the order in which they come."""

    def __init__(self, width: int, level: int, size: int, threads: int, stored: float | None = None) -> None:
        """Shuffle values of `width` bytes and compress them with a `level` of libdeflate; see `of`."""
        self._width, self._level, self._threads = width, level, threads
        self._stored = stored if level > QUICKEST else None
        self._quick = False
        self._count = 0
        self._most = max(threads, WAITING_BYTES // size)
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: deque[tuple[Origin, Future[bytes]]] = deque()

    @classmethod
    def of(cls, created: Any, size: int, threads: int, stored: float | None = None) -> Packer | None:
        """Return a packer for chunks of `size` bytes, or None if they are too large or the filters are not supported.

        `stored` is the average number of bytes in which the source stores a chunk, or None if that is not known.
        """
        filters = [created.get_filter(at) for at in range(created.get_nfilters())]
        numbers = [number for number, *_ in filters]
        if numbers not in ([DEFLATE], [SHUFFLE, DEFLATE]) or not 0 < size <= LARGEST:
            return None
        options = {number: values for number, _, values, _ in filters}
        width = (options.get(SHUFFLE) or (1,))[0] if SHUFFLE in options else 1
        level = options[DEFLATE][0] if options[DEFLATE] else -1
        if width < 1 or size % width or not 0 <= level < len(LEVELS):
            return None
        return cls(width, LEVELS[level], size, threads, stored)

    def put(self, origin: Origin, values: NDArray[Any]) -> Iterator[Packed]:
        """Take a chunk, and yield the chunks that are done."""
        octets = np.frombuffer(values.tobytes(), np.uint8)
        tried = self._tried(octets)
        if self._threads == 1:
            yield origin, 0, packed(octets, self._width, self._level_now) if tried is None else tried
            return
        from concurrent.futures import Future, ThreadPoolExecutor

        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads)
        done: Future[bytes] = Future()
        if tried is None:
            done = self._pool.submit(packed, octets, self._width, self._level_now)
        else:
            done.set_result(tried)
        self._waiting.append((origin, done))
        while len(self._waiting) > self._most or (self._waiting and self._waiting[0][1].done()):
            yield self._next()

    @property
    def _level_now(self) -> int:
        return QUICKEST if self._quick else self._level

    def _tried(self, octets: NDArray[np.uint8]) -> bytes | None:
        """Try the quickest level on the first of every TRIED_EVERY chunks; return the result if it is small enough."""
        self._count += 1
        if self._stored is None or self._count % TRIED_EVERY != 1:
            return None
        tried = packed(octets, self._width, QUICKEST)
        self._quick = len(tried) <= AS_SMALL * self._stored
        return tried if self._quick else None

    def finish(self) -> Iterator[Packed]:
        """Yield the chunks that are left."""
        while self._waiting:
            yield self._next()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _next(self) -> Packed:
        origin, done = self._waiting.popleft()
        return origin, 0, done.result()


def packed(octets: NDArray[np.uint8], width: int, level: int) -> bytes:
    """Return the bytes of a chunk, shuffled and deflated as HDF5's filters do it.

    >>> import zlib
    >>> zlib.decompress(packed(np.frombuffer(b"abcdefghi", np.uint8), 3, 4))
    b'adgbehcfi'
    """
    if width > 1:
        octets = np.ascontiguousarray(octets.reshape(-1, width).T)
    return deflated(octets, level)
