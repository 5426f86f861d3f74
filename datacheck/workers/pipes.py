"""Send messages through the pipes between a caller and its workers."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
from collections.abc import Collection, Iterator

from datacheck.files.descriptors import above_streams

_LENGTH = struct.Struct("<Q")
_TOGETHER = 16 << 10
"""Longest message, in bytes, that is written in one piece with its length."""


class PipeEnd:
    """One end of a pipe that carries messages, each preceded by its length; leaving the context closes it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def __enter__(self) -> PipeEnd:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Return its descriptor. Raises OSError if it is closed."""
        if self._descriptor is None:
            raise OSError("the pipe is closed")
        return self._descriptor

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def send_bytes(self, raw: bytes) -> None:
        """Send a message."""
        head = _LENGTH.pack(len(raw))
        if len(raw) <= _TOGETHER:
            self._write(head + raw)
        else:
            self._write(head)
            self._write(raw)

    def recv_bytes(self) -> bytes | bytearray:
        """Return the next message.

        Raises EOFError if the other end is closed, and OSError if it closes within a message.
        """
        head = os.read(self.fileno(), _LENGTH.size)
        if not head:
            raise EOFError
        if len(head) < _LENGTH.size:
            head += self._read(_LENGTH.size - len(head))
        return self._read(*_LENGTH.unpack(head))

    def _write(self, raw: bytes) -> None:
        remaining = memoryview(raw)
        while remaining:
            remaining = remaining[os.write(self.fileno(), remaining) :]

    def _read(self, size: int) -> bytes | bytearray:
        raw = os.read(self.fileno(), size)
        if len(raw) == size:
            return raw
        message, at = bytearray(size), len(raw)
        message[:at] = raw
        view = memoryview(message)
        while at < size:
            got = os.readv(self.fileno(), [view[at:]])
            if not got:
                raise OSError("the pipe ends within a message")
            at += got
        return message


def wait(ends: Collection[PipeEnd], seconds: float | None = None) -> list[PipeEnd]:
    """Wait until any of these ends can be read or is closed at the other side; return all that are ready.

    Return an empty list after `seconds`.
    """
    poll = select.poll()
    by_number = {it.fileno(): it for it in ends}
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[number] for number, _ in poll.poll(None if seconds is None else seconds * 1000)]


def new_pipe() -> tuple[int, int]:
    """Return both ends of a pipe, numbered above the standard streams, which the caller may have closed."""
    ends = os.pipe()  # both must exist before one is moved
    return above_streams(ends[0]), above_streams(ends[1])


@contextlib.contextmanager
def without_sigpipe() -> Iterator[None]:
    """Block SIGPIPE while writing to a worker that may be dead, if the caller has left the signal at its default."""
    if signal.getsignal(signal.SIGPIPE) != signal.SIG_DFL or not hasattr(signal, "sigtimedwait"):
        yield
        return
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        yield
    finally:
        if signal.SIGPIPE not in blocked:
            signal.sigtimedwait({signal.SIGPIPE}, 0)
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
