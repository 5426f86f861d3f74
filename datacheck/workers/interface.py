"""What runs tasks and what becomes of them: results, steps, deaths."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

from datacheck.model.slips import DISK
from datacheck.workers.notes import NotePad

T = TypeVar("T")

PATIENCE = 8
"""Where a record is tried for the last time, it may take this many times as long as the processor time it may take."""
GRACE = 1.0
"""Seconds of processor time that a new process may take on top, to load what it needs."""
FROM_DATA = frozenset({"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS", "SIGTRAP"})
"""Signals that a library brings upon itself. Others come from outside, and say nothing of the data."""
OWN_FAILURE = 70
"""The exit status of a worker that failed outside its job (EX_SOFTWARE in sysexits(3)): datacheck is to blame."""
ANOTHER_JOB = b""
"""What tells a worker that a job comes next, and no task: nothing pickles to no bytes."""
UNKNOWN_END = "an unknown end"
"""Stands for a signal's name where the system does not tell: the caller ignores SIGCHLD, or reaped the worker."""


def name_of_end(status: int | None) -> str:
    """Return what a process ended with, as subprocess has it: a signal's name, or "exit status N"."""
    if status is None:
        return UNKNOWN_END
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


@dataclass(frozen=True)
class Death:
    """How a worker ended before its task did, or what its task raised.

    `signal` is the signal's name, "exit status N", or the name of an exception's type; `note` its last note, `words`
    the last line it wrote to standard error, where C libraries say why they abort. `trace` is the traceback of an
    failure that datacheck itself is to blame for, `errno` that of an OSError. `share` is how much of the time since
    the last note it had a processor: little if it waited for a disk, and some if other processes left it some.
    """

    signal: str
    note: Any = None
    words: str = ""
    trace: str = ""
    errno: int | None = None
    share: float = field(default=0.0, compare=False)

    @property
    def timed_out(self) -> bool:
        """Whether it took too long: SIGPROF of processor time, SIGALRM of any other."""
        return self.signal in ("SIGALRM", "SIGPROF")

    @property
    def proven(self) -> bool:
        """Whether the data is to blame without doubt, as it is not for waiting, memory limits or somebody's kill.

        Nor is it for a process that left by itself, or for a disk: that is tried once more, with the record alone.
        """
        if self.errno in DISK:
            return False
        return not self.signal.startswith(("SIG", "signal", "exit", UNKNOWN_END)) or self.signal in FROM_DATA


@dataclass(frozen=True)
class Rested:
    """The note of a worker that has done so many tasks of its job and has not begun another."""

    tasks: int


class Watch:
    """A worker's side of the notes: leave one, and be killed if the next takes too long.

    `timeout` is in seconds of processor time; `patience` times that may pass on the clock, which a loaded machine or a
    slow disk may use up.
    """

    def __init__(self, pad: NotePad) -> None:
        self._pad = pad
        self._grace = GRACE
        self.timeout: float | None = None
        self.patience = 1
        self.last: Any = None
        self._tasks = 0

    def begin(self) -> None:
        """Begin a task, which will say itself what it may take."""
        self.timeout, self.patience = None, 1
        self.note(None)

    def note(self, value: Any) -> None:
        """Leave `value`, which must pickle, and wind up the alarms again."""
        self.last = value
        self._pad.leave(value)
        if self.timeout is not None:
            seconds = self.timeout + (self._grace if self.patience >= PATIENCE else 0)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            signal.setitimer(signal.ITIMER_REAL, seconds * self.patience)

    def rest(self) -> None:
        """Stop the alarms: what follows is not the work that is being watched."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.loaded()

    def done(self) -> None:
        """End a task: who dies before the next one does not die at the last place of this, nor of the next."""
        self.last = None
        self._tasks += 1
        self._pad.leave(Rested(self._tasks))

    def renew(self) -> None:
        """Begin as in a new process: another job comes, which may have more to load."""
        self._pad.forget()
        self._grace = GRACE
        self.last = None
        self._tasks = 0

    def loaded(self) -> None:
        """Allow no more time on top: what this process needs is loaded."""
        self._grace = 0.0


Job = Callable[[T, Watch], Any]
"""Runs in a worker: one task, and the watch to note its progress with."""


@dataclass(frozen=True)
class Step:
    """What a job that is a generator yields before it returns its result."""

    value: Any


@dataclass(frozen=True)
class Failure:
    """An exception that a job raised: it is raised again where the results are read."""

    error: BaseException


class Engine(Protocol[T]):
    """Runs tasks of one job, each contained in a process that may die of it. Use as a context manager.

    Leaving the context kills whatever still runs. `datacheck.testing.engines.EngineContract` tests all of this.
    """

    @property
    def count(self) -> int:
        """How many tasks may run at a time, at most."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    def grow(self, workers: int) -> None:
        """Get ready for so many tasks at a time, or for `count` if that is less; nobody waits for it."""
        ...

    def run(self, tasks: Iterable[T]) -> Iterator[tuple[T, Any]]:
        """Yield each task, the very object that was given, with what became of it, as they come.

        That is what the job returned, or a Death that tells what killed its process and the last note it left: the
        other tasks are done all the same, and the task itself may be given once more. A job that is a generator gives
        a Step for each value that it yields, before its result. What a job raises is raised here.

        Tasks may be added to a deque while it is run.
        """
        ...


@runtime_checkable
class Amending(Protocol[T]):
    """An engine whose job may be told more while it runs."""

    def amend(self, change: Callable[[Job[T]], Job[T]]) -> None:
        """Change the job for processes that are yet to be started: those that run keep the one they have."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """An engine whose processes may be started before their job is known."""

    def prepare(self, workers: int, loading: Sequence[str] = ()) -> None:
        """Start processes for so many workers, or for `count` if that is less, that load these modules meanwhile.

        They get the job as it is when `grow` takes them.
        """
        ...


@runtime_checkable
class HasRoom(Protocol):
    """An engine that has use for more tasks than run at a time, since it hands several to a worker at once."""

    @property
    def room(self) -> int:
        """How many tasks there is use for at a time; it changes with how long they take."""
        ...


class MakeEngine(Protocol):
    """Makes an engine for one job, as the class that a row of ENGINES names does when it is called."""

    def __call__(self, job: Job[T], workers: int, memory: int) -> Engine[T]:
        """Return an engine that runs `workers` tasks at a time, in processes of at most `memory` private bytes each."""
        ...


@runtime_checkable
class Elastic(Protocol):
    """Makes an engine that runs as many tasks at a time as it has room for, which may change, if asked for 0."""

    elastic: bool
