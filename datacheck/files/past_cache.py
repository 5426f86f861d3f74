"""Copy a large file, and read it again, without the kernel's page cache.

If the kernel or its host has to find memory first, gigabytes of page cache take longer than the disk. A direct write
(O_DIRECT, see open(2)) needs none and evicts nothing that other processes have cached; a direct read returns what is on
the disk. Several pieces are in flight at a time, which makes a disk faster. Small files, and files on file systems
without direct I/O, are written and read as usual.
"""

from __future__ import annotations

import errno
import mmap
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from datacheck.files.regular import open_descriptor
from datacheck.files.retrying import preadv

PIECE_BYTES = 4 << 20
LARGE = 16 << 20
"""Smallest file, in bytes, that is worth threads and memory of its own."""
UNDER_WAY = 4
"""Number of pieces that are written or read at a time."""
ALIGNED = 4096
"""Offsets, sizes and memory are multiples of this, which suits the blocks of disks; otherwise ordinary I/O is used."""

UNABLE = (errno.EINVAL, errno.EOPNOTSUPP)
"""Errors of a file system that has no direct I/O, or not for these offsets and sizes."""

Account = Callable[[memoryview], object]


def copy_file(source: Path, target: Path, account: Account) -> Iterator[float]:
    """Write a new file as a copy and flush it to disk; pass the bytes to `account`, yield the share that is done.

    The copy ends at the size that the source has now, even if the source grows meanwhile. Raises OSError.
    """
    with ExitStack() as stack:
        reading = _close_later(stack, open_descriptor(source))
        writing = _close_later(stack, os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        size = os.fstat(reading).st_size
        pool, direct = _open_direct(stack, target, os.O_WRONLY, size)
        free = deque(_aligned_memory(min(PIECE_BYTES, size)) for _ in range(UNDER_WAY + 1 if pool else 1))
        under_way: deque[tuple[memoryview, Future[None]]] = deque()
        for at in range(0, size, PIECE_BYTES):
            if not free:
                buffer, done = under_way.popleft()
                done.result()
                free.append(buffer)
            buffer = free.popleft()
            piece = buffer[: _read(None, reading, buffer[: size - at], at)]
            if pool is None:
                _write(direct, writing, piece, at)
                free.append(buffer)
            else:
                under_way.append((buffer, pool.submit(_write, direct, writing, piece, at)))
            account(piece)
            yield min(1.0, (at + len(piece)) / size)
            if len(piece) < min(PIECE_BYTES, size - at):
                break  # the source was truncated
        for _, done in under_way:
            done.result()
        os.fsync(writing)


def pieces_of(path: Path) -> Iterator[tuple[memoryview, float]]:
    """Yield the bytes of a file in pieces, each valid until the next, and the share read so far."""
    with ExitStack() as stack:
        reading = _close_later(stack, open_descriptor(path))
        size = os.fstat(reading).st_size
        pool, direct = _open_direct(stack, path, os.O_RDONLY, size)
        free = deque(_aligned_memory(min(PIECE_BYTES, size)) for _ in range(UNDER_WAY if pool else 1))
        under_way: deque[tuple[int, memoryview, Future[int]]] = deque()
        places = iter(range(0, size, PIECE_BYTES))
        while True:
            while free and (at := next(places, None)) is not None:
                buffer = free.popleft()
                under_way.append((at, buffer, _start_read(pool, direct, reading, buffer[: size - at], at)))
            if not under_way:
                return
            at, buffer, done = under_way.popleft()
            count = done.result()
            yield buffer[:count], (at + count) / size
            if count < min(PIECE_BYTES, size - at):
                return  # the file was truncated
            free.append(buffer)


def _close_later(stack: ExitStack, descriptor: int) -> int:
    """Return a descriptor after registering it to be closed at the end, after all operations begun with it."""
    stack.callback(os.close, descriptor)
    return descriptor


def _open_direct(stack: ExitStack, path: Path, flags: int, size: int) -> tuple[ThreadPoolExecutor | None, int | None]:
    """Return a thread pool and a descriptor without page cache; each is None if unavailable or not worthwhile."""
    if size < LARGE:
        return None, None
    direct = None
    try:
        if hasattr(os, "O_DIRECT"):
            direct = _close_later(stack, os.open(path, flags | os.O_DIRECT | os.O_CLOEXEC))
    except OSError as exc:
        if exc.errno not in UNABLE:
            raise
    return stack.enter_context(ThreadPoolExecutor(UNDER_WAY)), direct


def _aligned_memory(size: int) -> memoryview:
    """Return memory that starts at a page boundary."""
    return memoryview(mmap.mmap(-1, max(1, -(-size // ALIGNED)) * ALIGNED))


def _start_read(
    pool: ThreadPoolExecutor | None, direct: int | None, plain: int, buffer: memoryview, at: int
) -> Future[int]:
    if pool is not None:
        return pool.submit(_read, direct, plain, buffer, at)
    done: Future[int] = Future()
    done.set_result(_read(direct, plain, buffer, at))
    return done


def _read(direct: int | None, plain: int, buffer: memoryview, at: int) -> int:
    """Fill memory from an offset of a file; return the number of bytes read."""
    done = 0
    if direct is not None and not len(buffer) % ALIGNED:
        try:
            done = preadv(direct, [buffer], at)
        except OSError as exc:
            if exc.errno not in UNABLE:
                raise
    while done < len(buffer) and (count := preadv(plain, [buffer[done:]], at + done)):
        done += count
    return done


def _write(direct: int | None, plain: int, piece: memoryview, at: int) -> None:
    done = 0
    aligned = len(piece) - len(piece) % ALIGNED
    if direct is not None and aligned:
        try:
            done = os.pwrite(direct, piece[:aligned], at)
        except OSError as exc:
            if exc.errno not in UNABLE:
                raise
    while done < len(piece):
        done += os.pwrite(plain, piece[done:], at + done)
