"""What runs on a worker of a cluster: each task in a disposable process there, so that it dies alone.

A worker gets the job with the first task that it has not heard of yet, and keeps it. Its processes wait for the next
task for a while; they end with it, or when the caller is done. Several tasks may come at once, and are done one after
the other: what Dask does for each of its own tasks takes longer than many a task of ours.
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
"""So many jobs are kept."""
IDLE_SECONDS = 60.0
"""A process that has had nothing to do for so long ends: whoever asked for it may be gone without a word."""


ENOUGH_SECONDS, ENOUGH_BYTES = 2.0, 4 << 20
"""A task that took longer, or returned more, is reported at once; the rest of its lot may go to other workers."""


class Done(NamedTuple):
    """What became of a task: its steps and its result, pickled. `seconds` it took; None of the first of a process."""

    result: bytes
    steps: tuple[bytes, ...] = ()
    seconds: float | None = None


class Outcome(NamedTuple):
    """What became of the first of some tasks, maybe of all; or `version`, or the job is `wanted`, and nothing done."""

    done: tuple[Done, ...] = ()
    wanted: bool = False
    version: str = __version__


class _Idle(NamedTuple):
    """A process that is idle, `since` when, and whether it is `new`: it has not done anything yet."""

    since: float
    worker: Worker[Any]
    new: bool


class _Processes:
    """The processes of this worker, and the jobs that they are for, by digest."""

    def __init__(self) -> None:
        self._lock, self._starting = threading.Lock(), threading.Lock()
        self._jobs: OrderedDict[str, bytes] = OrderedDict()
        self._idle: dict[str, list[_Idle]] = defaultdict(list)
        self._busy: dict[str, set[Worker[Any]]] = defaultdict(set)
        self._reaping = False

    def knows(self, digest: str, job: bytes | None) -> bool:
        """Take a job if it is given; say whether it is there."""
        with self._lock:
            if job is not None:
                self._jobs[digest] = job
                while len(self._jobs) > JOBS:
                    self._jobs.popitem(last=False)
            if digest in self._jobs:
                self._jobs.move_to_end(digest)
            return digest in self._jobs

    def get_ready(self, digest: str, memory: int, count: int) -> None:
        """Start processes for a job until there are so many of them, whether they have something to do or not."""
        for _ in range(count):
            with self._starting:
                with self._lock:
                    job = self._jobs.get(digest)
                    there = len(self._idle[digest]) + len(self._busy[digest])
                if job is None or there >= count:
                    return
                self.give_back(digest, Worker(job, Process(memory)), usable=True, new=True)

    def take(self, digest: str, memory: int) -> tuple[Worker[Any], bool]:
        """Return a process for a job, which is busy until it is given back; and whether it has done nothing yet."""
        with self._starting:  # the one that is being started may be for this
            with self._lock:
                idle = self._idle[digest]
                _, worker, new = idle.pop() if idle else (0.0, None, True)
                job = self._jobs[digest]
            worker = worker or Worker(job, Process(memory))
            with self._lock:
                self._busy[digest].add(worker)
        return worker, new

    def give_back(self, digest: str, worker: Worker[Any], *, usable: bool, new: bool = False) -> None:
        """Keep a process for the next task, unless its job is forgotten, or it is not usable any more."""
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


_here = _Processes()


def do(
    version: str,
    digest: str,
    job: bytes | None,
    memory: int,
    tasks: Sequence[bytes],
    tell: Callable[[int, int, bytes], None],
) -> Outcome:
    """Run tasks in a process of this worker, and return what became of them; those not returned were not begun.

    `tell` hears of each step as it comes: the place of its task, its number, and what it is, pickled.
    """
    if version != __version__ or not _here.knows(digest, job):
        return Outcome(wanted=True)
    worker, new = _here.take(digest, memory)
    usable = False
    done: list[Done] = []
    begun, size = time.monotonic(), 0
    try:
        for place, task in enumerate(tasks):
            started = time.monotonic()
            steps, result = _done(worker, task, lambda *step, place=place: tell(place, *step))
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
        _here.give_back(digest, worker, usable=usable)


def _done(worker: Worker[Any], task: bytes, tell: Callable[[int, bytes], None]) -> tuple[tuple[bytes, ...], Any]:
    """Have a process do a task; return its steps, pickled, and its result."""
    steps: list[bytes] = []
    worker.give_pickled(task)
    while isinstance(result := worker.take(), Step) or result is NOT_YET:
        if result is not NOT_YET:
            steps.append(pickle.dumps(result))
            tell(len(steps) - 1, steps[-1])
    return tuple(steps), result


def get_ready(version: str, digest: str, job: bytes, memory: int, count: int) -> None:
    """Start the processes that a job will need early, so that they load their modules while nobody waits for them."""

    def start() -> None:
        with contextlib.suppress(WorkersFailed):  # a task that needs one will try again, and tell
            _here.get_ready(digest, memory, count)

    if version == __version__ and _here.knows(digest, job):
        threading.Thread(target=start, daemon=True).start()  # the caller must not be kept waiting


def forget(digest: str) -> None:
    """End the processes of a job on this worker; nobody waits for what they do."""
    _here.forget(digest)
