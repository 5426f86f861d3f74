"""Walk a file that may crash the HDF5 library in a child process, and repeat the walk without the steps that crash.

A damaged object header can crash the library or keep it in a loop as soon as the object is opened, long before any
record is read that could be blamed. The child is a fork, since every worker walks every file, and a walk must take only
milliseconds.
"""

from __future__ import annotations

import contextlib
import faulthandler
import mmap
import os
import pickle
import resource
import signal
import struct
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from datacheck.model.unpickling import unpickled
from datacheck.workers.interface import FROM_DATA, name_of_end
from datacheck.workers.lifetime import end_with_parent

T = TypeVar("T")

SECONDS = 10.0
"""Maximum processor time of one step of a walk, in seconds."""
DEED_SECONDS = 4.0
"""Maximum processor time of a deed tried after something died, in seconds; shorter than the limit of a record."""
AT_RISK_SECONDS = 2.0
"""Maximum processor time of one step of a walk that ends this process, in seconds: it is repeated in a child then."""
PATIENCE = 6
"""Wall-clock limit as a multiple of the processor time, since a loaded machine or slow disk is not the file's fault."""
TOO_LONG = frozenset({"SIGPROF", "SIGALRM"})
"""Signals that end a step which took too long: processor time (SIGPROF) or wall-clock time (SIGALRM)."""
OWN = FROM_DATA | {"SIGPROF"}
"""Signals that a step causes itself. SIGALRM is not one: the clock also runs while the process is stopped (Ctrl-Z)."""
DEATHS = 16
"""Maximum number of steps of a file that may die. The file is given up at the next death."""
HANGS = 3
"""Maximum number of those steps that may die because they took too long."""


class StepCounter:
    """A counter of the steps of a walk, so that the step at which it dies is known.

    `avoid` has the steps that died. A step may take `seconds` of processor time (SECONDS), unless it says otherwise.
    """

    def __init__(self, avoid: Mapping[int, str], memory: mmap.mmap | None = None, seconds: float | None = None) -> None:
        self._avoid = avoid
        self._memory = memory
        self._seconds = SECONDS if seconds is None else seconds
        self._steps = 0

    def step(self, seconds: float = 0) -> str | None:
        """Begin a step. Return the signal that it died of before if it must be avoided, or None."""
        number = self._steps
        self._steps += 1
        if self._memory is not None:
            self._memory[:8] = struct.pack("<q", number)
            signal.setitimer(signal.ITIMER_PROF, seconds or self._seconds)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE * (seconds or self._seconds))
        return self._avoid.get(number)


def survived(walk: Callable[[StepCounter], T]) -> tuple[T | None, dict[int, str]]:
    """Run `walk` in a child. Return its result, which must pickle, and the avoided steps with the signals they died of.

    The steps must be the same in every run. The result is None if the walk dies too often to be of use, or dies before
    its first step, which is then recorded as step -1. A step that a signal from outside ended is retried once. Of all
    steps that exceeded the wall-clock limit, only the first is retried, once.
    """
    avoid: dict[int, str] = {}
    by_chance: set[int | str] = set()
    while len(avoid) <= DEATHS:
        with mmap.mmap(-1, 8) as memory:
            memory[:8] = struct.pack("<q", -1)
            status, answer = _in_child(walk, StepCounter(avoid, memory))
            (last,) = struct.unpack("<q", memory[:8])
        if os.WIFEXITED(status):
            # A child that exits without an answer raised an exception. Walking in this process raises it here.
            result: T = unpickled(answer) if os.WEXITSTATUS(status) == 0 else walk(StepCounter(avoid))
            return result, avoid
        ended = name_of_end(-os.WTERMSIG(status))
        cause = ended if ended == "SIGALRM" else last
        if ended not in OWN and cause not in by_chance:
            by_chance.add(cause)
            continue
        known = last in avoid
        avoid[last] = ended
        if known or last < 0 or sum(it in TOO_LONG for it in avoid.values()) > HANGS:
            break
    return None, avoid


def at_risk(walk: Callable[[StepCounter], T]) -> T:
    """Run `walk` in this process, which ends if a step crashes or takes too long. The alarms are as before afterwards.

    A child would take 10 ms longer, mostly since it copies each page of memory that it touches.
    """
    timers = {it: signal.getitimer(it) for it in (signal.ITIMER_PROF, signal.ITIMER_REAL)}
    with mmap.mmap(-1, 8) as memory:
        try:
            return walk(StepCounter({}, memory, AT_RISK_SECONDS))
        finally:
            for timer, before in timers.items():
                signal.setitimer(timer, *before)


class Together(Generic[T]):
    """Several walks that run in one child, without avoiding any steps, while the caller does something else."""

    def __init__(self, walks: Sequence[Callable[[StepCounter], T]]) -> None:
        self._memory = mmap.mmap(-1, 8)
        memory = self._memory
        self._child = _Child(lambda _: [walk(StepCounter({}, memory)) for walk in walks], StepCounter({}))

    def results(self) -> list[T] | None:
        """Wait for the child and return the results.

        Return None if one of the walks died or raised an exception. The caller then has to run each walk separately.
        """
        with self._memory:
            status, answer = self._child.end()
        if status:
            return None
        results: list[T] = unpickled(answer)
        return results

    def kill(self) -> None:
        """End the child. Its results are not wanted."""
        with self._memory:
            self._child.kill()


def deadly_signal(deed: Callable[[], object]) -> str | None:
    """Call `deed` in a child and return the signal that the child died of, or None if it survived.

    The signal is one of TOO_LONG if the deed took more than DEED_SECONDS of processor time, or PATIENCE times that by
    the clock. The deed is retried once if a signal from outside or the wall-clock limit ended it.
    """

    def tried(trail: StepCounter) -> None:
        trail.step(DEED_SECONDS)
        with contextlib.suppress(Exception):  # the caller repeats the deed and gets the exception itself
            deed()

    for _ in range(2):
        with mmap.mmap(-1, 8) as memory:
            status, _ = _in_child(tried, StepCounter({}, memory))
        ended = None if os.WIFEXITED(status) else name_of_end(-os.WTERMSIG(status))
        if ended is None or ended in OWN:
            break
    return ended


class _Child:
    """A fork that runs a walk and pickles its result."""

    def __init__(self, walk: Callable[[StepCounter], object], trail: StepCounter) -> None:
        self._reading, self._number = _fork(walk, trail)

    def end(self) -> tuple[int, bytes]:
        """Wait for the fork; return its exit status and the pickled result."""
        with os.fdopen(self._reading, "rb") as pipe:
            output = pipe.read()
        return os.waitpid(self._number, 0)[1], output

    def kill(self) -> None:
        os.close(self._reading)
        os.kill(self._number, signal.SIGKILL)
        os.waitpid(self._number, 0)


def _in_child(walk: Callable[[StepCounter], object], trail: StepCounter) -> tuple[int, bytes]:
    """Run a walk in a fork; return the fork's exit status and the pickled result."""
    return _Child(walk, trail).end()


def _fork(walk: Callable[[StepCounter], object], trail: StepCounter) -> tuple[int, int]:
    """Start a walk in a fork; return the pipe to read its pickled result from, and its process id."""
    reading, writing = os.pipe()
    worker = os.getpid()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # about forking with threads: the child needs none of their locks
        child = os.fork()
    if not child:
        code = 1
        try:
            os.close(reading)
            end_with_parent(worker)
            faulthandler.disable()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            for name in TOO_LONG:
                signal.signal(signal.Signals[name], signal.SIG_DFL)
            answer = memoryview(pickle.dumps(walk(trail)))
            for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):  # the caller may read the answer later
                signal.setitimer(timer, 0)
            while answer:
                answer = answer[os.write(writing, answer) :]
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    return reading, child
