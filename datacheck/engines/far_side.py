"""Run tasks on a worker of a cluster, each in a disposable process, so that only that process dies.

A worker gets the job with the first tasks if it does not know it yet, and keeps it. Its processes wait a while for the
next task; they end with the worker, or when the caller is done. Several tasks may come at once and are done in order,
because the overhead of a Dask task is longer than many of our tasks.
"""

from __future__ import annotations

import contextlib
import pickle
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from datacheck._version import __version__
from datacheck.errors import WorkersFailed
from datacheck.workers.interface import Death, Failure, Step
from datacheck.workers.process import NOT_YET, Process, Worker

JOBS = 8
"""Maximum number of jobs that are kept."""
IDLE_SECONDS = 60.0
"""Idle time in seconds after which a process ends: its caller may have gone silently."""


ENOUGH_SECONDS, ENOUGH_BYTES = 2.0, 4 << 20
"""Tasks of a lot are reported at once when they have taken this many seconds, or returned this many bytes; the rest of
the lot may go to other workers."""


class Done(NamedTuple):
    """The outcome of a task: its steps and its result, pickled.

    `seconds` is the time it took, or None for the first task of a process and for one that failed or died.
    """

    result: bytes
    steps: tuple[bytes, ...] = ()
    seconds: float | None = None


class Outcome(NamedTuple):
    """The outcomes of the first of some tasks, possibly of all.

    If nothing was done, `wanted` asks for the job, or `version` is another version than the caller's.
    """

    done: tuple[Done, ...] = ()
    wanted: bool = False
    version: str = __version__


class _Idle(NamedTuple):
    """A process, `since` when it has been idle, and whether it is `new`: it has not done any task yet."""

    since: float
    worker: Worker[Any]
    new: bool


class _Processes:
    """The processes of this worker and their jobs, by digest."""

    def __init__(self) -> None:
        self._lock, self._starting = threading.Lock(), threading.Lock()
        self._jobs: OrderedDict[str, bytes] = OrderedDict()
        self._idle: dict[str, list[_Idle]] = defaultdict(list)
        self._busy: dict[str, set[Worker[Any]]] = defaultdict(set)
        self._reaping = False

    def knows(self, digest: str, job: bytes | None) -> bool:
        """Store a job if it is given; return whether it is known."""
        with self._lock:
            if job is not None:
                self._jobs[digest] = job
                while len(self._jobs) > JOBS:
                    self._jobs.popitem(last=False)
            if digest in self._jobs:
                self._jobs.move_to_end(digest)
            return digest in self._jobs

    def get_ready(self, digest: str, memory: int, count: int) -> None:
        """Start processes for a job until there are `count` of them, idle or busy."""
        for _ in range(count):
            with self._starting:
                with self._lock:
                    job = self._jobs.get(digest)
                    running = len(self._idle[digest]) + len(self._busy[digest])
                if job is None or running >= count:
                    return
                self.give_back(digest, Worker(job, Process(memory)), usable=True, new=True)

    def take(self, digest: str, memory: int) -> tuple[Worker[Any], bool]:
        """Return a process for a job, busy until it is given back, and whether it has done no task yet."""
        with self._starting:  # the process that is being started may be for this task
            with self._lock:
                idle = self._idle[digest]
                _, worker, new = idle.pop() if idle else (0.0, None, True)
                job = self._jobs[digest]
            worker = worker or Worker(job, Process(memory))
            with self._lock:
                self._busy[digest].add(worker)
        return worker, new

    def give_back(self, digest: str, worker: Worker[Any], *, usable: bool, new: bool = False) -> None:
        """Keep a process for the next task, unless its job is forgotten or it is no longer usable."""
        with self._lock:
            self._busy[digest].discard(worker)
            kept = usable and digest in self._jobs
            if kept:
                self._idle[digest].append(_Idle(time.monotonic(), worker, new))
                if not self._reaping:
                    self._reaping = True
                    threading.Thread(target=self._reap, daemon=True).start()
        if not kept:
            worker.close()

    def forget(self, digest: str) -> None:
        """End all processes of a job."""
        with self._lock:
            self._jobs.pop(digest, None)
            idle = self._idle.pop(digest, [])
            for worker in self._busy.pop(digest, ()):
                worker.end()
        for it in idle:
            it.worker.close()

    def _reap(self) -> None:
        while True:
            time.sleep(IDLE_SECONDS / 4)
            old: list[Worker[Any]] = []
            with self._lock:
                limit = time.monotonic() - IDLE_SECONDS
                for digest, idle in self._idle.items():
                    old += (it.worker for it in idle if it.since < limit)
                    self._idle[digest] = [it for it in idle if it.since >= limit]
                if not any(self._idle.values()):
                    self._reaping = False
            for worker in old:
                worker.close()
            if not self._reaping:
                return


_processes = _Processes()


def do_tasks(
    version: str,
    digest: str,
    job: bytes | None,
    memory: int,
    tasks: Sequence[bytes],
    report_step: Callable[[int, int, bytes], None],
) -> Outcome:
    """Run tasks in a process of this worker and return their outcomes; tasks without an outcome were not begun.

    `report_step` is called with each step as it occurs: the position of its task, the number of the step, and the
    pickled step.
    """
    if version != __version__ or not _processes.knows(digest, job):
        return Outcome(wanted=True)
    worker, new = _processes.take(digest, memory)
    usable = False
    done: list[Done] = []
    begun, size = time.monotonic(), 0
    try:
        for place, task in enumerate(tasks):
            started = time.monotonic()
            steps, result = _run_task(worker, task, lambda *step, place=place: report_step(place, *step))
            ended = time.monotonic()
            alive = not isinstance(result, Death | Failure)
            done.append(Done(pickle.dumps(result), steps, None if new or not alive else ended - started))
            new = not alive
            size += len(done[-1].result) + sum(map(len, steps))
            if isinstance(result, Failure) or ended - begun > ENOUGH_SECONDS or size > ENOUGH_BYTES:
                break
        usable = True
        return Outcome(tuple(done))
    finally:
        _processes.give_back(digest, worker, usable=usable)


def _run_task(
    worker: Worker[Any], task: bytes, report_step: Callable[[int, bytes], None]
) -> tuple[tuple[bytes, ...], Any]:
    """Have a process do a task; return its pickled steps and its result."""
    steps: list[bytes] = []
    worker.give_pickled(task)
    while isinstance(result := worker.take(), Step) or result is NOT_YET:
        if result is not NOT_YET:
            steps.append(pickle.dumps(result))
            report_step(len(steps) - 1, steps[-1])
    return tuple(steps), result


def get_ready(version: str, digest: str, job: bytes, memory: int, count: int) -> None:
    """Start the processes that a job will need in advance, so that they load their modules early."""

    def start() -> None:
        with contextlib.suppress(WorkersFailed):  # a task that needs one will try again, and report it
            _processes.get_ready(digest, memory, count)

    if version == __version__ and _processes.knows(digest, job):
        threading.Thread(target=start, daemon=True).start()  # the caller must not be kept waiting


def forget(digest: str) -> None:
    """End the processes of a job on this worker; their results are not needed."""
    _processes.forget(digest)
