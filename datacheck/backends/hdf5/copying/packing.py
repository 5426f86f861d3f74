"""Shuffle and deflate the chunks of a copy here, by several threads: libdeflate needs half of zlib's time or less.

The levels that it is asked for give chunks as small as zlib's of the level that the dataset names, which stays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.chunk_sizes import DEFLATE, SHUFFLE
from datacheck.backends.hdf5.direct import deflated

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

LEVELS = (0, 1, 1, 2, 2, 4, 6, 7, 8, 9)
"""For each level of zlib that of libdeflate which makes no more of the same bytes, or next to nothing more."""
LARGEST = 64 << 20
"""Bytes of a chunk: larger ones are left to the library."""
WAITING_BYTES = 32 << 20
"""So many bytes of chunks may wait to be compressed, or one for each thread."""

Origin = tuple[int, ...]
Packed = tuple[Origin, int, bytes]
"""The place of a chunk in its dataset, the mask of the filters that were left out, and what is to be stored."""


class Packer:
    """Compresses chunks in the order in which they come."""

    def __init__(self, pack: Callable[[NDArray[np.uint8]], bytes], size: int, threads: int) -> None:
        self._pack, self._threads = pack, threads
        self._most = max(threads, WAITING_BYTES // size)
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: deque[tuple[Origin, Future[bytes]]] = deque()

    @classmethod
    def of(cls, created: Any, size: int, threads: int) -> Packer | None:
        """Return what packs chunks of `size` bytes; None where other filters are asked for than are known here."""
        filters = [created.get_filter(at) for at in range(created.get_nfilters())]
        numbers = [number for number, *_ in filters]
        if numbers not in ([DEFLATE], [SHUFFLE, DEFLATE]) or not 0 < size <= LARGEST:
            return None
        options = {number: values for number, _, values, _ in filters}
        width = (options.get(SHUFFLE) or (1,))[0] if SHUFFLE in options else 1
        level = options[DEFLATE][0] if options[DEFLATE] else -1
        if width < 1 or size % width or not 0 <= level < len(LEVELS):
            return None
        return cls(partial(packed, width=width, level=LEVELS[level]), size, threads)

    def put(self, origin: Origin, values: NDArray[Any]) -> Iterator[Packed]:
        """Take a chunk, and yield those that are done."""
        octets = np.frombuffer(values.tobytes(), np.uint8)
        if self._threads == 1:
            yield origin, 0, self._pack(octets)
            return
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self._threads)
        self._waiting.append((origin, self._pool.submit(self._pack, octets)))
        while len(self._waiting) > self._most or (self._waiting and self._waiting[0][1].done()):
            yield self._next()

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
    """Return the bytes of a chunk as HDF5's filters shuffle and deflate leave them.

    >>> import zlib
    >>> zlib.decompress(packed(np.frombuffer(b"abcdefghi", np.uint8), 3, 4))
    b'adgbehcfi'
    """
    if width > 1:
        octets = np.ascontiguousarray(octets.reshape(-1, width).T)
    return deflated(octets, level)
