"""Decode the chunks of a dataset in threads, ahead of a reader that reads it sequentially.

A copy and its verification use this, since no other work competes with them for the processors. A scan already has one
worker per processor. Only the caller's thread reads the file, since the library serves one thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from concurrent.futures import Future

AHEAD_BYTES = 32 << 20
"""Maximum size of the chunks that are decoded ahead of the reader, in bytes."""
EACH = 2
"""Number of chunks queued per thread, so that no thread idles while the caller reads."""

Origin = tuple[int, ...]
Chunk = NDArray[Any] | None
"""A decoded chunk, or None if it is not stored or cannot be decoded."""


class Threads:
    """A context manager with `count` decoding threads, which start when there is work for them."""

    def __init__(self, count: int) -> None:
        from concurrent.futures import ThreadPoolExecutor  # a scan needs none

        self.count = count
        self._pool = ThreadPoolExecutor(count)

    def __enter__(self) -> Threads:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, function: Callable[..., Chunk], *args: Any) -> Future[Chunk]:
        return self._pool.submit(function, *args)


class Ahead:
    """A reader that returns a decoded chunk on request and starts to decode the chunks that follow it."""

    def __init__(
        self,
        threads: Threads,
        size: int,
        stored: Callable[[Origin], tuple[int, Any] | None],
        decode: Callable[[int, Any, NDArray[Any]], Chunk],
        following: Callable[[Origin, int], Sequence[Origin]],
    ) -> None:
        """Take the functions that read and decode chunks of `size` bytes.

        `stored` returns the filter mask and stored bytes of a chunk, or None. `decode` turns them into the chunk, using
        a buffer of `size` bytes. `following` returns up to the given number of chunks that come after one.
        """
        self._threads, self._size = threads, size
        self._stored, self._decode, self._following = stored, decode, following
        self._most = min(EACH * threads.count, AHEAD_BYTES // size)
        self._pending: dict[Origin, tuple[NDArray[Any], Future[Chunk]]] = {}
        self._free: list[NDArray[Any]] = []
        self._lent: NDArray[Any] | None = None

    def chunk(self, origin: Origin) -> Chunk:
        """Return a chunk, or None if it cannot be decoded. It is valid until the next call."""
        if self._lent is not None:
            self._free.append(self._lent)
            self._lent = None
        later = self._following(origin, self._most)
        for other in self._pending.keys() - {origin, *later}:
            self._pending.pop(other)[1].cancel()  # a running task keeps its buffer until it finishes
        memory, chunk = self._pending.pop(origin) if origin in self._pending else self._start(origin)
        for other in later:
            if other not in self._pending:
                self._pending[other] = self._start(other)
        self._lent = memory
        return chunk.result()

    def _start(self, origin: Origin) -> tuple[NDArray[Any], Future[Chunk]]:
        memory = self._free.pop() if self._free else np.empty(self._size, np.uint8)
        stored = self._stored(origin)
        if stored is not None:
            return memory, self._threads.submit(self._decode, *stored, memory)
        from concurrent.futures import Future  # loaded already, by `Threads`

        not_stored: Future[Chunk] = Future()
        not_stored.set_result(None)
        return memory, not_stored
