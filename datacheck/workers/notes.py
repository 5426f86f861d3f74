"""Pass notes from a worker to its caller, left before each operation that may kill the worker.

They go through a pipe that both can read, which needs no disk space and no growing file. The worker removes its
previous note from the pipe after it has written the next, so the pipe always holds one note and at most two.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import struct
import time
from typing import Any, NamedTuple

_LENGTH = struct.Struct("<I")
_PAGE = 4096


class NotePad:
    """A worker's side of the pipe: replaces the previous note by a new one."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._unread = 0
        self._longest = (capacity(writing) - _PAGE) // 2

    def leave(self, value: Any) -> None:
        """Leave `value`, which must pickle, as a note; a value that is too long is replaced by None."""
        clock, used = time.monotonic(), time.process_time()
        raw = pickle.dumps((value, clock, used))
        if len(raw) > self._longest - _LENGTH.size:
            raw = pickle.dumps((None, clock, used))
        frame = _LENGTH.pack(len(raw)) + raw
        os.write(self._writing, frame)
        if self._unread:
            os.read(self._reading, self._unread)
        self._unread = len(frame)

    def forget(self) -> None:
        """Start over: the caller has taken the last note out of the pipe."""
        self._unread = 0


class Note(NamedTuple):
    """The value of a note, the time when it was left, and the processor time that the worker had used by then."""

    value: Any
    clock: float
    used: float


def last_note(reading: int) -> Note | None:
    """Return the last note of a worker that is dead or idle, or None if it never left one; empty the pipe."""
    raw = b""
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(reading, 1 << 16):
            raw += piece
    last: bytes | None = None
    while len(raw) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(raw)
        frame, raw = raw[_LENGTH.size : _LENGTH.size + length], raw[_LENGTH.size + length :]
        if len(frame) == length:  # the worker may have died while writing it
            last = frame
    return None if last is None else Note(*pickle.loads(last))  # noqa: S301  (our own worker's)


def capacity(pipe: int) -> int:
    """Return the capacity of a pipe in bytes; users with very many pipes get small ones (pipe(7))."""
    try:
        size = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)  # type: ignore[attr-defined, unused-ignore]
    except (AttributeError, OSError):
        return 4 * _PAGE
    return max(int(size), 2 * _PAGE)
