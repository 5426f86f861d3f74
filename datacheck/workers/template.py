"""Control a process that has loaded what workers need and forks them, which is fast and takes little memory.

It is a fresh interpreter, like other workers, and does nothing but load modules and fork. So a worker forked by it
shares no handle, lock or thread with the caller either. It reaps its children only on request, so that their process
ids stay valid until then. It dies with the caller (`lifetime`), and its children die with it.
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

from datacheck.files.descriptors import above_streams
from datacheck.workers.pipes import new_pipe

FORKS = sys.platform == "linux"
"""Whether templates are supported. Other systems forbid forking a process that has loaded libraries, or have sockets
that do not preserve message boundaries."""
LOAD, FORK, WAIT, LOOK = "load", "fork", "wait", "look"
"""Requests to a template: load modules, fork a child, wait for one, check whether one has ended. Only the first is not
answered."""
MESSAGE_BYTES = 1 << 16
UNANSWERED = 5
"""Time limit for a template's answers, in seconds. A template that does not answer in time about a child that must be
killed, or that stays stopped for this long, is killed: it would not continue with its caller."""


class Child(Protocol):
    """The part of subprocess.Popen that is used here."""

    def poll(self) -> int | None: ...
    def kill(self) -> None: ...
    def wait(self) -> int: ...
    @property
    def pid(self) -> int: ...


Starting = Callable[[Sequence[int]], Child]
"""Function that starts a template's process with these descriptors: its channel, and the pipe whose closing tells it
that the caller ended."""


class Template:
    """The caller's side of a template. Raises OSError if it cannot be started."""

    def __init__(self, start: Starting) -> None:
        self._lock = threading.Lock()
        self._questions = count()
        self._unanswered: dict[int, Forked] = {}
        """Children by request number: an interrupt may come between a request and its answer, which is then not
        awaited."""
        self._children = 0
        self._closed = False
        self._stopped_at: float | None = None
        with contextlib.ExitStack() as own_ends, contextlib.ExitStack() as child_ends:
            pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._channel, channel = (socket.socket(fileno=above_streams(it.detach())) for it in pair)
            own_ends.enter_context(self._channel)
            child_ends.enter_context(channel)
            life, life_out = new_pipe()
            child_ends.callback(os.close, life)
            self.life = own_ends.enter_context(io.FileIO(life_out, "wb"))
            self._process = start((channel.fileno(), life))
            self._own_ends = own_ends.pop_all()
        _living.add(self)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def prepare(self, modules: Sequence[str]) -> None:
        """Have it load these modules before it forks any further child. Raises OSError."""
        with self._lock:
            self._send((next(self._questions), LOAD, *modules))

    def fork(self, ends: Sequence[int], loading: Sequence[str]) -> Forked:
        """Request a child that gets these descriptors; it is forked once all modules are loaded. Raises OSError."""
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
        """Read the answers that have come, up to the child's; return whether the child's has come."""
        with self._lock:
            while child.number is None and (
                self._wait_for_answer() if patience is None else self._is_readable(patience)
            ):
                self._read_answer()
            return child.number is not None

    def ask(self, request: str, pid: int) -> Any:
        """Return the answer to a request about a child, or None if the template is gone."""
        with self._lock, contextlib.suppress(OSError):
            number = next(self._questions)
            self._send((number, request, pid))
            while self._wait_for_answer() and (answer := self._read_answer()) is not None:
                if answer[0] == number:
                    return answer[1]
        return None

    def child_ended(self) -> None:
        """Record that a child has ended and was waited for."""
        with self._lock:
            self._children -= 1
            last = self._closed and not self._children
        if last:
            self._end()

    def kill(self) -> None:
        """Kill it, and so its children."""
        self._process.kill()

    def close(self) -> None:
        """Kill it as soon as it has no children."""
        with self._lock:
            idle = not self._closed and not self._children
            self._closed = True
        if idle:
            self._end()

    def _end(self) -> None:
        with self._own_ends:
            self._process.kill()
            self._process.wait()

    def _send(self, message: tuple[Any, ...], ends: Sequence[int] = ()) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", ends))] if ends else []
        self._channel.sendmsg([pickle.dumps(message)], rights, socket.MSG_NOSIGNAL)

    def _wait_for_answer(self) -> bool:
        """Wait for an answer. A template that was stopped is killed, since it would not answer."""
        while not self._is_readable(UNANSWERED):
            self.kill_if_stopped()
        return True

    def kill_if_stopped(self) -> None:
        """Kill it if it has been stopped for UNANSWERED seconds: it will not continue with its caller.

        Callers that wait for its children call this from time to time. The children die with it, and are replaced.
        """
        now = time.monotonic()
        if not self._is_stopped():
            self._stopped_at = None
        elif self._stopped_at is None:
            self._stopped_at = now
        elif now - self._stopped_at >= UNANSWERED:
            import logging  # imported here because only this line needs it

            message = "the process that forks workers was stopped by a signal; they are started one by one instead"
            logging.getLogger(__name__).debug(message)
            self.kill()

    def _is_stopped(self) -> bool:
        with contextlib.suppress(ChildProcessError):
            return os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
        return False

    def _is_readable(self, patience: float) -> bool:
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        return bool(poll.poll(patience * 1000))

    def _read_answer(self) -> tuple[int, Any] | None:
        """Read the next answer and return it with its request number, or None if the template is gone.

        A child's number is stored in the child.
        """
        raw = b""
        with contextlib.suppress(OSError):
            raw = self._channel.recv(MESSAGE_BYTES)
        if not raw:  # the template is gone: nothing more will come
            self._forget()
            return None
        number, answer = pickle.loads(raw)  # noqa: S301  (our own process's)
        if number in self._unanswered:
            self._unanswered.pop(number).number = answer
        return number, answer

    def _forget(self) -> None:
        while self._unanswered:
            self._unanswered.popitem()[1].number = 0

    def close_inherited(self) -> None:
        """In a process that the caller forked: read no answers meant for the caller, and keep nothing alive."""
        self._lock = threading.Lock()
        self.life.close()
        self._channel.close()
        self._forget()


_living: weakref.WeakSet[Template] = weakref.WeakSet()


def _close_inherited() -> None:
    for template in list(_living):
        template.close_inherited()


os.register_at_fork(after_in_child=_close_inherited)


class Forked:
    """A child of a template, with the attributes of subprocess.Popen that Process uses."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self.number: int | None = None
        """The process id, None if it is not known yet, or 0 if the fork failed."""
        self.returncode: int | None = None
        self.used = 0.0

    @property
    def pid(self) -> int:
        self._template.answered(self)
        return self.number or 0

    def awaited(self) -> bool:
        """Check whether it is still to be forked by a template that is able to; a stopped template is killed."""
        if self._template.answered(self, 0):
            return False
        self._template.kill_if_stopped()
        return True

    def kill(self) -> None:
        """Kill it, unless it was reaped already."""
        if self.returncode is not None:
            return
        if not self._template.answered(self, UNANSWERED):
            self._template.kill()
        elif self.number and self._template.alive:  # only the template reaps it, so the process id is still its own
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.number, signal.SIGKILL)

    def poll(self) -> int | None:
        """Return how it ended, or None as long as it runs or may still be forked."""
        if self.returncode is None:
            if not self._template.answered(self, 0):
                return None if self._template.alive else 0
            self._set_end(self._template.ask(LOOK, self.number) if self.number else None)
        return self.returncode

    def reap(self) -> None:
        """Wait for it. Raises ChildProcessError if its template is gone, or could not fork it."""
        if self.returncode is None:
            end = self._template.ask(WAIT, self.pid) if self.pid else None
            self._set_end(end)
            if end is None:
                raise ChildProcessError

    def _set_end(self, end: tuple[int, float] | tuple[()] | None) -> None:
        if end == ():  # it runs
            return
        self.returncode, self.used = end or (0, 0.0)
        self._template.child_ended()
