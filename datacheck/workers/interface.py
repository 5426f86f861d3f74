"""Define the interface of engines, which run tasks, and the outcomes of tasks: results, steps, deaths."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

import msgspec

from datacheck.model.slips import DISK
from datacheck.workers.notes import NotePad

T = TypeVar("T")

PATIENCE = 8
"""When a record is tried for the last time, its limit of elapsed time is this multiple of its processor time limit."""
GRACE = 1.0
"""Extra processor time that a new process gets to load what it needs, in seconds."""
FROM_DATA = frozenset({"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS", "SIGTRAP"})
"""Signals that a library causes itself. Others come from outside, and say nothing about the data."""
OWN_FAILURE = 70
"""Exit status of a worker that failed outside its job (EX_SOFTWARE in sysexits(3)): datacheck is to blame."""
ANOTHER_JOB = b""
"""Tells a worker that a job comes next instead of a task: no object pickles to zero bytes."""
UNKNOWN_END = "an unknown end"
"""Stands for a signal's name if the system does not tell it: the caller ignores SIGCHLD, or reaped the worker."""


def name_of_end(status: int | None) -> str:
    """Return how a process ended, given subprocess's return code: a signal's name, or "exit status N"."""
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
    """How a worker ended before its task was done, or what its task raised.

    `signal` is the signal's name, "exit status N", or the name of an exception's type. `note` is its last note, `words`
    the last line it wrote to standard error, where C libraries say why they abort. `trace` is the traceback of a
    failure that datacheck itself is to blame for, `errno` that of an OSError. `share` is the share of the time since
    the last note in which it had a processor: little if it waited for a disk, more if other processes left it some.
    `tries` is the number of times that the task was run, each time with a death.
    """

    signal: str
    note: Any = None
    words: str = ""
    trace: str = ""
    errno: int | None = None
    share: float = field(default=0.0, compare=False)
    tries: int = field(default=1, compare=False)

    @property
    def timed_out(self) -> bool:
        """Whether it exceeded a time limit: SIGPROF for processor time, SIGALRM for elapsed time."""
        return self.signal in ("SIGALRM", "SIGPROF")

    @property
    def raised(self) -> bool:
        """Whether its task raised an exception, which the worker survived."""
        return not self.signal.startswith(("SIG", "signal", "exit", UNKNOWN_END))

    @property
    def proven(self) -> bool:
        """Whether the data is certainly to blame; it is not for a wait, a memory limit or a kill from outside.

        Nor is it for a process that exited by itself or for a disk error: then the record is tried once more, alone.
        """
        if self.errno in DISK:
            return False
        return self.raised or self.signal in FROM_DATA


class Rested(msgspec.Struct, frozen=True):
    """The note of a worker that has done this number of tasks of its job and has not begun another."""

    tasks: int


class Watch:
    """A worker's side of the notes: leaves notes, and has the worker killed if the next one takes too long.

    `timeout` is in seconds of processor time. `patience` times as much may elapse on the clock, since a loaded machine
    or a slow disk may use up some.
    """

    def __init__(self, pad: NotePad) -> None:
        self._pad = pad
        self._grace = GRACE
        self.timeout: float | None = None
        self.patience = 1
        self.last: Any = None
        self._tasks = 0

    def begin(self) -> None:
        """Begin a task, which will set its own limits."""
        self.timeout, self.patience = None, 1
        self.note(None)

    def note(self, value: Any) -> None:
        """Leave `value`, which must pickle, as a note, and restart the alarms."""
        self.last = value
        self._pad.leave(value)
        if self.timeout is not None:
            seconds = self.timeout + (self._grace if self.patience >= PATIENCE else 0)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            signal.setitimer(signal.ITIMER_REAL, seconds * self.patience)

    def rest(self) -> None:
        """Stop the alarms: what follows is not part of the watched work."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.loaded()

    def done(self) -> None:
        """End a task, so that the death of an idle worker is not attributed to the last note of this task."""
        self.last = None
        self._tasks += 1
        self._pad.leave(Rested(self._tasks))

    def renew(self) -> None:
        """Start over as in a new process: another job comes, which may have more to load."""
        self._pad.forget()
        self._grace = GRACE
        self.last = None
        self._tasks = 0

    def loaded(self) -> None:
        """Allow no more extra time: what this process needs is loaded."""
        self._grace = 0.0


Job = Callable[[T, Watch], Any]
"""Function that runs in a worker; its arguments are one task and the watch to note its progress with."""


class Step(msgspec.Struct, frozen=True):
    """A value that a job yields before its result, if the job is a generator."""

    value: Any


class Failure(msgspec.Struct, frozen=True):
    """An exception that a job raised; it is raised again in the process that reads the results."""

    error: BaseException


class Engine(Protocol[T]):
    """An engine runs tasks of one job, each isolated in a process that may die of it. Use as a context manager.

    Leaving the context kills whatever still runs. `datacheck.testing.engines.EngineContract` tests all of this.
    """

    @property
    def count(self) -> int:
        """Maximum number of tasks that may run at a time."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    def grow(self, workers: int) -> None:
        """Prepare for this number of tasks at a time, at most `count`, without waiting until the workers are ready."""
        ...

    def run(self, tasks: Iterable[T]) -> Iterator[tuple[T, Any]]:
        """Yield each task, the same object that was given, with its outcome, in order of completion.

        The outcome is what the job returned, or a Death that tells what killed its process and the last note it left.
        After a Death, the other tasks are done all the same, and the task itself may be given again. A job that is a
        generator gives a Step for each value that it yields, before its result. An exception of a job is raised here.

        Tasks may be added to a deque while it is being run.
        """
        ...


@runtime_checkable
class Amending(Protocol[T]):
    """An engine whose job may be changed while it runs."""

    def amend(self, change: Callable[[Job[T]], Job[T]]) -> None:
        """Change the job for processes that are not started yet; running ones keep the job they have."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """An engine whose processes may be started before their job is known."""

    def prepare(self, workers: int, loading: Sequence[str] = ()) -> None:
        """Start processes for this number of workers, at most `count`; they load these modules while they wait.

        They get the current job when `grow` takes them.
        """
        ...


@runtime_checkable
class HasRoom(Protocol):
    """An engine that can use more tasks than run at a time, since it gives several to a worker at once."""

    @property
    def room(self) -> int:
        """Number of tasks that it can use at a time; it changes with how long tasks take."""
        ...


class MakeEngine(Protocol):
    """Makes an engine for one job: the call signature of the classes that ENGINES names."""

    def __call__(self, job: Job[T], workers: int, memory: int) -> Engine[T]:
        """Return an engine that runs `workers` tasks at a time, in processes of at most `memory` private bytes each."""
        ...


@runtime_checkable
class Elastic(Protocol):
    """Makes an engine that, asked for 0 workers, runs as many tasks at a time as it has room for, which may change."""

    elastic: bool
