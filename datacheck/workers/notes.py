"""Notes that a worker leaves before it touches what may kill it, in a pipe that both it and its caller can read.

A pipe needs no room on any disk and no file of any size. The worker takes its last note out of it when the next one is
in, so that there is always one there, and at most two.
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
    """A worker's side: leaves one note in place of the last."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._held = 0
        self._longest = (capacity(writing) - _PAGE) // 2

    def leave(self, value: Any) -> None:
        """Leave `value`, which must pickle; one that is too long stands as None."""
        clock, used = time.monotonic(), time.process_time()
        raw = pickle.dumps((value, clock, used))
        if len(raw) > self._longest - _LENGTH.size:
            raw = pickle.dumps((None, clock, used))
        frame = _LENGTH.pack(len(raw)) + raw
        os.write(self._writing, frame)
        if self._held:
            os.read(self._reading, self._held)
        self._held = len(frame)

    def forget(self) -> None:
        """Begin anew: the caller has taken the last note out of the pipe."""
        self._held = 0


class Note(NamedTuple):
    """What a note says; the time when it was left, and the processor time that the worker had used until then."""

    value: Any
    clock: float
    used: float


def last_note(reading: int) -> Note | None:
    """Return the last note of a worker that is dead or idle, None if it has never left one; no note is left there."""
    raw = b""
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(reading, 1 << 16):
            raw += piece
    last: bytes | None = None
    while len(raw) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(raw)
        frame, raw = raw[_LENGTH.size : _LENGTH.size + length], raw[_LENGTH.size + length :]
        if len(frame) == length:  # it may have died while it wrote
            last = frame
    return None if last is None else Note(*pickle.loads(last))  # noqa: S301  (our own worker's)


def capacity(pipe: int) -> int:
    """Return how many bytes a pipe holds; users with very many pipes get small ones (pipe(7))."""
    try:
        size = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)  # type: ignore[attr-defined, unused-ignore]
    except (AttributeError, OSError):
        return 4 * _PAGE
    return max(int(size), 2 * _PAGE)
