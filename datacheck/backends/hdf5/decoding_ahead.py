"""Chunks of a dataset that is read from front to back, decoded by threads before they are asked for.

This is for a copy and its verification, which have the machine to themselves: a scan already has a worker for each
processor. The file is read by the caller alone, since the library serves one thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

AHEAD_BYTES = 32 << 20
"""So many bytes of chunks may be decoded before they are asked for."""
EACH = 2
"""So many chunks are begun for each thread, that none waits while the caller reads."""

Origin = tuple[int, ...]
Chunk = NDArray[Any] | None
"""A decoded chunk; None for one that is not there, or that cannot be decoded."""


class Threads:
    """So many threads that decode; they begin when there is something to do. Use as a context manager."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count)

    def __enter__(self) -> Threads:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def begun(self, function: Callable[..., Chunk], *args: Any) -> Future[Chunk]:
        return self._pool.submit(function, *args)


class Ahead:
    """Decodes a chunk that is asked for, and begins with those behind it."""

    def __init__(
        self,
        threads: Threads,
        size: int,
        stored: Callable[[Origin], tuple[int, Any] | None],
        decode: Callable[[int, Any, NDArray[Any]], Chunk],
        following: Callable[[Origin, int], Sequence[Origin]],
    ) -> None:
        """`stored` returns what is stored of a chunk, `decode` makes of that its `size` bytes, with memory for as many.

        `following` returns so many of the chunks that come behind one.
        """
        self._threads, self._size = threads, size
        self._stored, self._decode, self._following = stored, decode, following
        self._most = min(EACH * threads.count, AHEAD_BYTES // size)
        self._begun: dict[Origin, tuple[NDArray[Any], Future[Chunk]]] = {}
        self._free: list[NDArray[Any]] = []
        self._lent: NDArray[Any] | None = None

    def chunk(self, origin: Origin) -> Chunk:
        """Return a chunk, None where it is not to be had. It is valid until the next is asked for."""
        if self._lent is not None:
            self._free.append(self._lent)
            self._lent = None
        later = self._following(origin, self._most)
        for other in self._begun.keys() - {origin, *later}:
            self._begun.pop(other)[1].cancel()  # what is under way keeps its memory until it is done
        memory, chunk = self._begun.pop(origin) if origin in self._begun else self._begin(origin)
        for other in later:
            if other not in self._begun:
                self._begun[other] = self._begin(other)
        self._lent = memory
        return chunk.result()

    def _begin(self, origin: Origin) -> tuple[NDArray[Any], Future[Chunk]]:
        memory = self._free.pop() if self._free else np.empty(self._size, np.uint8)
        held = self._stored(origin)
        if held is not None:
            return memory, self._threads.begun(self._decode, *held, memory)
        nothing: Future[Chunk] = Future()
        nothing.set_result(None)
        return memory, nothing
