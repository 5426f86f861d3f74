"""A process that has loaded what workers need, and forks them: each is then there at once, for little memory.

It is a fresh interpreter, as other workers are, and does nothing but load modules and fork: a worker that comes out of
it shares no handle, lock or thread with the caller either. It waits for its children when it is asked to, so that their
numbers stay theirs until then. It dies with the caller (`lifetime`), and its children with it.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import select
import signal
import socket
import sys
import threading
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from datacheck.workers.pipes import high, new_pipe

FORKS = sys.platform == "linux"
"""Elsewhere a process that has loaded libraries may not be forked, or sockets keep no messages apart."""
FORK, WAIT, LOOK = "fork", "wait", "look"
"""What a template is asked for: a child; to wait for one; whether one has ended."""
MESSAGE_BYTES = 1 << 16
UNANSWERED = 5
"""A template that does not tell within so many seconds what it has forked is killed, if that is to be killed."""


class Child(Protocol):
    """What is used here of a subprocess.Popen."""

    def poll(self) -> int | None: ...
    def kill(self) -> None: ...
    def wait(self) -> int: ...


Starting = Callable[[Sequence[int]], Child]
"""Starts a template's process, which gets these ends: of the channel, and of the pipe that tells it of our end."""


class Template:
    """The caller's side of such a process. Raises OSError where it cannot be started."""

    def __init__(self, start: Starting) -> None:
        self._lock = threading.Lock()
        self._unanswered: deque[Forked] = deque()
        self._children = 0
        self._closed = False
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._channel, channel = (socket.socket(fileno=high(it.detach())) for it in pair)
            ours.enter_context(self._channel)
            theirs.enter_context(channel)
            life, life_out = new_pipe()
            theirs.callback(os.close, life)
            self.life = ours.enter_context(io.FileIO(life_out, "wb"))
            self._process = start((channel.fileno(), life))
            self._ours = ours.pop_all()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, ends: Sequence[int], loading: Sequence[str]) -> Forked:
        """Ask for a child that gets these ends; it is forked as soon as all is loaded. Raises OSError."""
        child = Forked(self)
        with self._lock:
            if self._closed:
                raise BrokenPipeError
            self._send((FORK, *loading), ends)
            self._unanswered.append(child)
            self._children += 1
        return child

    def answered(self, child: Forked, patience: float | None = None) -> bool:
        """Take the answers that have come, up to the child's; say whether that has come."""
        with self._lock:
            while child in self._unanswered and self._readable(patience):
                self._take()
            return child not in self._unanswered

    def ask(self, what: str, pid: int) -> Any:
        """Return the answer to a question about a child; None from a template that is gone."""
        with self._lock, contextlib.suppress(OSError):
            self._send((what, pid))
            while self._unanswered:
                self._take()
            return self._received()
        return None

    def left(self) -> None:
        """Take note that a child has ended and was waited for."""
        with self._lock:
            self._children -= 1
            last = self._closed and not self._children
        if last:
            self._end()

    def kill(self) -> None:
        """Kill it, and its children."""
        self._process.kill()

    def close(self) -> None:
        """Kill it as soon as it has no child."""
        with self._lock:
            idle = not self._closed and not self._children
            self._closed = True
        if idle:
            self._end()

    def _end(self) -> None:
        with self._ours:
            self._process.kill()
            self._process.wait()

    def _send(self, message: tuple[Any, ...], ends: Sequence[int] = ()) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", ends))] if ends else []
        self._channel.sendmsg([pickle.dumps(message)], rights, socket.MSG_NOSIGNAL)

    def _readable(self, patience: float | None) -> bool:
        return bool(select.select([self._channel], [], [], patience)[0])

    def _take(self) -> None:
        """Take the answer to the oldest question for a child."""
        answer = self._received()
        if answer is None:  # it is gone: nothing more will come
            while self._unanswered:
                self._unanswered.popleft().number = 0
        else:
            self._unanswered.popleft().number = answer

    def _received(self) -> Any:
        try:
            raw = self._channel.recv(MESSAGE_BYTES)
        except OSError:
            return None
        return pickle.loads(raw) if raw else None  # noqa: S301  (our own process's)


class Forked:
    """A child of a template, with what a Process uses of a subprocess.Popen."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self.number: int | None = None
        """None: not told yet. 0: it could not be forked."""
        self.returncode: int | None = None
        self.used = 0.0

    @property
    def pid(self) -> int:
        self._template.answered(self)
        return self.number or 0

    def kill(self) -> None:
        """Kill it, unless it was waited for."""
        if self.returncode is not None:
            return
        if not self._template.answered(self, UNANSWERED):
            self._template.kill()
        elif self.number and self._template.alive:  # nobody else waits for it, so the number is still its own
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.number, signal.SIGKILL)

    def poll(self) -> int | None:
        """Return how it ended, None as long as it runs, or may yet be forked."""
        if self.returncode is None:
            if not self._template.answered(self, 0):
                return None if self._template.alive else 0
            self._ended(self._template.ask(LOOK, self.number) if self.number else None)
        return self.returncode

    def reap(self) -> None:
        """Wait for it. Raises ChildProcessError where its template is gone, or could not fork it."""
        if self.returncode is None:
            told = self._template.ask(WAIT, self.pid) if self.pid else None
            self._ended(told)
            if told is None:
                raise ChildProcessError

    def _ended(self, told: tuple[int, float] | tuple[()] | None) -> None:
        if told == ():  # it runs
            return
        self.returncode, self.used = told or (0, 0.0)
        self._template.left()
