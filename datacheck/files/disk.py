"""Flush files to disk, and drop their pages from the kernel's page cache."""

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
    """Flush a file, or the entries of a folder, to disk. Raises OSError."""
    with _opened(path) as descriptor:
        os.fsync(descriptor)


def write_out(path: Path) -> None:
    """Flush a file to disk and drop its pages, so that a copy needs memory only for what is being written.

    Memory that the kernel, or its host, must find first costs more than the disk does. Whoever reads the file next
    reads what is on the disk. Raises OSError.
    """
    with _opened(path) as descriptor:
        os.fdatasync(descriptor)
        _drop_pages(descriptor)


class WriteBehind:
    """Flushes a file to disk in a thread while more of it is written, one flush at a time.

    `begin` and `end` wait for the previous flush and raise its exception; `close` waits, and raises nothing.
    """

    def __init__(self, path: Path) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._path = path
        self._pool = ThreadPoolExecutor(1)
        self._begun: Future[None] | None = None

    def begin(self) -> None:
        """Start to write out the current contents, once the previous flush is finished."""
        self.end()
        self._begun = self._pool.submit(write_out, self._path)

    def end(self) -> None:
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.result()

    def close(self) -> None:
        self._pool.shutdown()


def let_go(path: Path) -> None:
    """Drop the pages of a file that was read."""
    with _opened(path) as descriptor:
        _drop_pages(descriptor)


def _drop_pages(descriptor: int) -> None:
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
