"""Walk what may kill the HDF5 library in a child process, and walk again around what killed it.

A damaged object header can crash the library or keep it in a loop as soon as the object is opened, long before there
is a record to blame. The child is a fork, since a walk of every file in every worker has to cost milliseconds.
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
from typing import TypeVar

from datacheck.model.unpickling import unpickled
from datacheck.workers.interface import FROM_DATA, name_of_end
from datacheck.workers.lifetime import end_with_parent

T = TypeVar("T")

SECONDS = 10.0
"""One step of a walk may take so much processor time."""
DEED_SECONDS = 4.0
"""What a deed may take that is tried because something has died already: shorter than what a record may take."""
PATIENCE = 6
"""On the clock it may take this many times as long: a loaded machine or a slow disk is no fault of the file."""
TOO_LONG = frozenset({"SIGPROF", "SIGALRM"})
"""What ends a step that took too long: of processor time, or on the clock."""
OWN = FROM_DATA | {"SIGPROF"}
"""What a step brings upon itself. The clock also runs while somebody has stopped it (Ctrl-Z)."""
DEATHS = 16
"""So many steps may die; a file that kills more often is given up at the first of the others."""
HANGS = 3
"""So many of them may have to be ended since they take too long."""


class StepCounter:
    """Counts the steps of a walk, so that the last one is known when it dies; `avoid` are those that did before."""

    def __init__(self, avoid: Mapping[int, str], memory: mmap.mmap | None = None) -> None:
        self._avoid = avoid
        self._memory = memory
        self._steps = 0

    def step(self, seconds: float = 0) -> str | None:
        """Begin a step; return what happened when it was tried before, if it must not be tried again."""
        number = self._steps
        self._steps += 1
        if self._memory is not None:
            self._memory[:8] = struct.pack("<q", number)
            signal.setitimer(signal.ITIMER_PROF, seconds or SECONDS)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE * (seconds or SECONDS))
        return self._avoid.get(number)


def survived(walk: Callable[[StepCounter], T]) -> tuple[T | None, dict[int, str]]:
    """Return what `walk` returns, a value that pickles, and the steps that were avoided, by the signal they died of.

    The steps must be the same every time. None if the walk dies too often to be of any use, or before its first step,
    which then has the number -1. What somebody else's signal ends is tried once more, and so is, once in all, what took
    too long on the clock.
    """
    avoid: dict[int, str] = {}
    by_chance: set[int | str] = set()
    while len(avoid) <= DEATHS:
        with mmap.mmap(-1, 8) as memory:
            memory[:8] = struct.pack("<q", -1)
            status, answer = _in_child(walk, StepCounter(avoid, memory))
            (last,) = struct.unpack("<q", memory[:8])
        if os.WIFEXITED(status):
            # A child that could not answer raised an exception: here it is raised again.
            made: T = unpickled(answer) if os.WEXITSTATUS(status) == 0 else walk(StepCounter(avoid))
            return made, avoid
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


def survived_together(walks: Sequence[Callable[[StepCounter], T]]) -> list[T] | None:
    """Return what each of several walks returns, all taken in one child, without a step to avoid.

    None if one of them dies or raises an exception: then each is to be taken alone.
    """
    with mmap.mmap(-1, 8) as memory:
        status, answer = _in_child(lambda _: [walk(StepCounter({}, memory)) for walk in walks], StepCounter({}))
    if status:
        return None
    made: list[T] = unpickled(answer)
    return made


def deadly_signal(deed: Callable[[], object]) -> str | None:
    """Do something in a child; return the signal that it died of, one of TOO_LONG if it took more than DEED_SECONDS.

    What somebody else's signal ends, or the clock, is tried once more.
    """

    def tried(trail: StepCounter) -> None:
        trail.step(DEED_SECONDS)
        with contextlib.suppress(Exception):  # the caller will do it again, and meet that itself
            deed()

    for _ in range(2):
        with mmap.mmap(-1, 8) as memory:
            status, _ = _in_child(tried, StepCounter({}, memory))
        ended = None if os.WIFEXITED(status) else name_of_end(-os.WTERMSIG(status))
        if ended is None or ended in OWN:
            break
    return ended


def _in_child(walk: Callable[[StepCounter], T], trail: StepCounter) -> tuple[int, bytes]:
    """Return the status of a fork that took the walk, and its pickled answer."""
    reading, writing = os.pipe()
    worker = os.getpid()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of forks beside threads: the child needs no lock of theirs
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
            while answer:
                answer = answer[os.write(writing, answer) :]
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    return os.waitpid(child, 0)[1], said
