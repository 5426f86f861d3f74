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
import time
import weakref
from array import array
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Protocol

from datacheck.workers.pipes import high, new_pipe

FORKS = sys.platform == "linux"
"""Elsewhere a process that has loaded libraries may not be forked, or sockets keep no messages apart."""
FORK, WAIT, LOOK = "fork", "wait", "look"
"""What a template is asked for: a child; to wait for one; whether one has ended."""
MESSAGE_BYTES = 1 << 16
UNANSWERED = 5
"""A template that does not tell within so many seconds what it has forked is killed, if that is to be killed, or if it
is stopped all this time: then it does not go on with its caller."""


class Child(Protocol):
    """What is used here of a subprocess.Popen."""

    def poll(self) -> int | None: ...
    def kill(self) -> None: ...
    def wait(self) -> int: ...
    @property
    def pid(self) -> int: ...


Starting = Callable[[Sequence[int]], Child]
"""Starts a template's process, which gets these ends: of the channel, and of the pipe that tells it of our end."""


class Template:
    """The caller's side of such a process. Raises OSError where it cannot be started."""

    def __init__(self, start: Starting) -> None:
        self._lock = threading.Lock()
        self._questions = count()
        self._unanswered: dict[int, Forked] = {}
        """By the question: an interrupt may come between that and its answer, which nobody then waits for."""
        self._children = 0
        self._closed = False
        self._stopped_at: float | None = None
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
        _living.add(self)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, ends: Sequence[int], loading: Sequence[str]) -> Forked:
        """Ask for a child that gets these ends; it is forked as soon as all is loaded. Raises OSError."""
        child = Forked(self)
        with self._lock:
            if self._closed:
                raise BrokenPipeError
            number = next(self._questions)
            self._unanswered[number] = child
            try:
                self._send((number, FORK, *loading), ends)
            except OSError:
                del self._unanswered[number]
                raise
            self._children += 1
        return child

    def answered(self, child: Forked, patience: float | None = None) -> bool:
        """Take the answers that have come, up to the child's; say whether that has come."""
        with self._lock:
            while child.number is None and (self._comes() if patience is None else self._readable(patience)):
                self._received()
            return child.number is not None

    def ask(self, what: str, pid: int) -> Any:
        """Return the answer to a question about a child; None from a template that is gone."""
        with self._lock, contextlib.suppress(OSError):
            number = next(self._questions)
            self._send((number, what, pid))
            while self._comes() and (answer := self._received()) is not None:
                if answer[0] == number:
                    return answer[1]
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

    def _comes(self) -> bool:
        """Wait for an answer. A template that somebody has stopped is killed: none would come."""
        while not self._readable(UNANSWERED):
            self.kill_if_stopped()
        return True

    def kill_if_stopped(self) -> None:
        """Kill it if it is stopped and was so UNANSWERED seconds ago: it will not go on with its caller.

        Who waits for its children asks this from time to time; they die with it, and others are started for them.
        """
        now = time.monotonic()
        if not self._stopped():
            self._stopped_at = None
        elif self._stopped_at is None:
            self._stopped_at = now
        elif now - self._stopped_at >= UNANSWERED:
            import logging  # which every process would load for this one line

            said = "the process that forks workers was stopped by a signal; they are started one by one instead"
            logging.getLogger(__name__).debug(said)
            self.kill()

    def _stopped(self) -> bool:
        with contextlib.suppress(ChildProcessError):
            return os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
        return False

    def _readable(self, patience: float) -> bool:
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        return bool(poll.poll(patience * 1000))

    def _received(self) -> tuple[int, Any] | None:
        """Take the next answer, which is a child's number, or who asks knows what; None where there is none."""
        raw = b""
        with contextlib.suppress(OSError):
            raw = self._channel.recv(MESSAGE_BYTES)
        if not raw:  # it is gone: nothing more will come
            self._forget()
            return None
        number, answer = pickle.loads(raw)  # noqa: S301  (our own process's)
        if number in self._unanswered:
            self._unanswered.pop(number).number = answer
        return number, answer

    def _forget(self) -> None:
        while self._unanswered:
            self._unanswered.popitem()[1].number = 0

    def let_go(self) -> None:
        """In a process that the caller forked: take no answers that are not one's own, and keep nothing alive."""
        self._lock = threading.Lock()
        self.life.close()
        self._channel.close()
        self._forget()


_living: weakref.WeakSet[Template] = weakref.WeakSet()


def _let_go() -> None:
    for template in list(_living):
        template.let_go()


os.register_at_fork(after_in_child=_let_go)


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

    def awaited(self) -> bool:
        """Say whether it is still to be forked, by a template that could do so: one that is stopped is killed."""
        if self._template.answered(self, 0):
            return False
        self._template.kill_if_stopped()
        return True

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
