"""Run tasks in worker processes that are allowed to die; knows nothing of datasets.

A worker is a fresh interpreter, not a fork: it shares no handle, lock or thread with the caller, and the caller's
`__main__` is not run again, so that scripts, notebooks and daemons may all use it. Before a worker touches something
that may kill or hang it, it leaves a note in memory it shares with the caller and winds up an alarm whose signal, left
at its default, ends the process even inside C code. What killed a worker is thus known, and how far it had come.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import pickle
import resource
import signal
import struct
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, BinaryIO, Generic, TypeVar, cast

T = TypeVar("T")

NOTE_BYTES = 1 << 16
"""The longest note; a longer one is cut, and then does not unpickle: the death has no note."""
_LENGTH = struct.Struct("<I")
WORKER_BYTES = 4 << 30
"""Private memory a worker of a scan may have; what needs more is `too-large`."""
ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "OPENBLAS_NUM_THREADS": "1",
}
"""A worker is one thread among its fellows. And glibc gives freed memory back to the kernel at once, and has it zeroed
again for the next block: going through a gigabyte a block at a time then is mostly page faults (mallopt(3))."""


@dataclass(frozen=True)
class Death:
    """How a worker ended before its task did.

    `signal` is the signal's name, or "exit status N"; `note` its last note, `words` the last line it wrote to standard
    error, where C libraries say why they abort.
    """

    signal: str
    note: Any = None
    words: str = ""

    @property
    def timed_out(self) -> bool:
        return self.signal == signal.Signals.SIGALRM.name


class Watch:
    """A worker's side of the shared memory: leave a note, and be killed if the next one takes too long."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self.timeout: float | None = None
        self.last: Any = None

    def note(self, value: Any) -> None:
        """Leave `value`, which must pickle, and wind up the alarm again."""
        self.last = value
        raw = pickle.dumps(value)
        if len(raw) <= NOTE_BYTES - _LENGTH.size:
            self._memory[: _LENGTH.size + len(raw)] = _LENGTH.pack(len(raw)) + raw
        else:
            self._memory[: _LENGTH.size] = _LENGTH.pack(0)
        if self.timeout is not None:
            signal.setitimer(signal.ITIMER_REAL, self.timeout)

    def rest(self) -> None:
        """Stop the alarm: what follows is not the work that is being watched."""
        signal.setitimer(signal.ITIMER_REAL, 0)


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


class Process:
    """A worker's process, the connections to it and the memory its notes are in; `memory` bounds its private bytes.

    Until it gets a job it loads what every job needs, and it ends by itself when its connections are closed.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.notes: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
        self.notes.truncate(NOTE_BYTES)
        self.errors: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        theirs = (theirs_in, theirs_out, self.notes.fileno())
        self._process = subprocess.Popen(  # noqa: S603  (this interpreter and this module)
            [sys.executable, "-I" if sys.flags.isolated else "-P", "-c", _main(), *map(str, theirs), str(memory)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.errors,
            env={**os.environ, **ENVIRONMENT},
            pass_fds=theirs,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.results = Connection(ours_in, writable=False)
        self._tasks = Connection(ours_out, readable=False)

    def send(self, raw: bytes) -> None:
        """Send a job or a task; whoever waits for the result learns if nobody is there any more."""
        with contextlib.suppress(BrokenPipeError):
            self._tasks.send_bytes(raw)

    def wait(self) -> int:
        return self._process.wait()

    def close(self) -> None:
        """Kill it, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._tasks.close()
        self.results.close()
        self.notes.close()
        self.errors.close()


_ahead: list[Process] = []
"""Processes that were started before it was known what for."""


def start_ahead(memory: int) -> None:
    """Start the process of the next worker with this bound on memory, while the caller is still busy loading."""
    _ahead.append(Process(memory))


def _process(memory: int) -> Process:
    if _ahead and _ahead[-1].memory == memory:
        return _ahead.pop()
    return Process(memory)


class Worker(Generic[T]):
    """One worker: a process, and a new one whenever it has died."""

    def __init__(self, job: bytes, process: Process) -> None:
        self._job, self._process = job, process
        self._process.send(job)

    @property
    def results(self) -> Connection:
        return self._process.results

    def give(self, task: T) -> None:
        self._process.send(pickle.dumps(task))

    def take(self) -> Any:
        """Return the result of the task that was given: what the job returned, a Failure, or a Death.

        After a death the worker is a new process.
        """
        try:
            return pickle.loads(self.results.recv_bytes())  # noqa: S301  (our own worker's)
        except (EOFError, OSError):
            status = self._process.wait()
            death = Death(_name_of(status), self._last_note(), self._last_words())
            self.close()
            self._process = Process(self._process.memory)
            self._process.send(self._job)
            return death

    def _last_note(self) -> Any:
        notes = self._process.notes
        notes.seek(0)
        (length,) = _LENGTH.unpack(notes.read(_LENGTH.size))
        return pickle.loads(notes.read(length)) if length else None  # noqa: S301  (our own worker's)

    def _last_words(self) -> str:
        errors = self._process.errors
        size = errors.seek(0, os.SEEK_END)
        errors.seek(max(0, size - 4096))
        lines = errors.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        """Kill the process, whatever it is doing."""
        self._process.close()


class Pool(Generic[T]):
    """Workers that all run one job. Use as a context manager: leaving it kills them.

    `memory` bounds the bytes of private memory of each; beyond it a job meets a MemoryError.
    """

    def __init__(self, job: Job[T], workers: int, memory: int) -> None:
        self._job = _dumps(job)
        self.count, self._memory = workers, memory
        self._workers: list[Worker[T]] = []

    def __enter__(self) -> Pool[T]:
        self.grow(1)
        return self

    def __exit__(self, *exc: object) -> None:
        for worker in self._workers:
            worker.close()

    def grow(self, workers: int) -> None:
        """Start workers until there are `workers` of them, at most as many as the pool was made for."""
        while len(self._workers) < min(workers, self.count):
            self._workers.append(Worker(self._job, _process(self._memory)))

    def run(self, tasks: Iterable[T]) -> Iterator[tuple[T, Any]]:
        """Yield each task with its result or Death, as they come. `tasks` may grow while this runs, if it is a deque.

        A job that is a generator gives a Step for each value it yields, before its result. Raises what a job raised.
        """
        waiting = tasks if isinstance(tasks, deque) else deque(tasks)
        busy: dict[Connection, tuple[Worker[T], T]] = {}
        while waiting or busy:
            self.grow(len(busy) + len(waiting))
            idle = [worker for worker in self._workers if worker.results not in busy]
            while waiting and idle:
                worker, task = idle.pop(0), waiting.popleft()
                worker.give(task)
                busy[worker.results] = (worker, task)
            for ready in wait(list(busy)):
                worker, task = busy.pop(cast(Connection, ready))
                result = worker.take()
                if isinstance(result, Step):
                    busy[worker.results] = (worker, task)
                if isinstance(result, Failure):
                    raise result.error
                yield task, result


def serve(tasks: Connection, results: Connection, notes: mmap.mmap, memory: int) -> None:
    """Be a worker: load the job, then run each task that comes, until the caller closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    watch = Watch(notes)
    job = None
    with contextlib.suppress(EOFError):
        while True:
            raw = tasks.recv_bytes()
            try:
                if job is None:
                    job = pickle.loads(raw)  # noqa: S301  (our own caller's)
                    continue
                watch.note(None)
                result: Any = job(pickle.loads(raw), watch)  # noqa: S301
                if isinstance(result, Generator):
                    result = _drained(result, results)
            except Exception as exc:  # noqa: BLE001  (a border: whatever a job raises is raised again in the caller)
                result = Failure(exc)
            watch.rest()
            results.send_bytes(_dumps_result(result))


def _drained(steps: Generator[Any, None, Any], results: Connection) -> Any:
    """Send what a generator yields, and return what it returns."""
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            return stop.value
        results.send_bytes(pickle.dumps(Step(step)))


def _dumps_result(result: Any) -> bytes:
    try:
        return pickle.dumps(result)
    except (pickle.PicklingError, TypeError, AttributeError):
        error = result.error if isinstance(result, Failure) else result
        return pickle.dumps(Failure(RuntimeError(f"a worker's result does not pickle: {error!r}")))


_MAIN = """
import sys
sys.path[:] = {path!r}
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("datacheck", {package!r})
sys.modules["datacheck"] = package = module_from_spec(spec)
spec.loader.exec_module(package)
import mmap
from multiprocessing.connection import Connection
from datacheck.pool import serve
import numpy
tasks, results, notes, memory = map(int, sys.argv[1:])
serve(Connection(tasks, writable=False), Connection(results, readable=False), mmap.mmap(notes, 0), memory)
"""


def _main() -> str:
    """Return the code a worker starts with: it has the caller's path, and the caller's datacheck wherever that lies."""
    return _MAIN.format(path=sys.path, package=sys.modules["datacheck"].__file__)


def _dumps(job: Any) -> bytes:
    """Pickle a job; what a worker could not import (a script's or a notebook's own classes) goes along by value."""
    try:
        raw = pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError):
        raw = b""
    if raw and b"__main__" not in raw:
        return raw
    import cloudpickle

    by_value: bytes = cloudpickle.dumps(job)
    return by_value


def _name_of(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
