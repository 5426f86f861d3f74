"""Put files on disk, and let go of the memory that the kernel keeps of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def flush(path: Path) -> None:
    """Put a file, or the names in a folder, on disk. Raises OSError."""
    with _opened(path) as descriptor:
        os.fsync(descriptor)


def write_out(path: Path) -> None:
    """Write a file's pages to disk, and let go of them: a copy needs no more memory than what is under way.

    Memory that is fresh from the kernel, or from the host, costs more than the disk does; and who reads the file next
    reads what the disk has. Raises OSError.
    """
    with _opened(path) as descriptor:
        os.fdatasync(descriptor)
        _let_go(descriptor)


class WriteBehind:
    """Flushes a file to the disk in a thread while more of it is written, once at a time.

    `begin` and `end` wait for the flush before, and raise what it raised; `close` waits, and raises nothing.
    """

    def __init__(self, path: Path) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._path = path
        self._pool = ThreadPoolExecutor(1)
        self._begun: Future[None] | None = None

    def begin(self) -> None:
        """Write out what there is by now, after what was begun before."""
        self.end()
        self._begun = self._pool.submit(write_out, self._path)

    def end(self) -> None:
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.result()

    def close(self) -> None:
        self._pool.shutdown()


def let_go(path: Path) -> None:
    """Let go of the memory that holds pages of a file which was read."""
    with _opened(path) as descriptor:
        _let_go(descriptor)


def _let_go(descriptor: int) -> None:
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
