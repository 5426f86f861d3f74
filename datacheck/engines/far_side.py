"""What runs on a worker of a cluster: each task in a disposable process there, so that it dies alone.

A worker gets the job with the first task that it has not heard of yet, and keeps it. Its processes wait for the next
task for a while; they end with it, or when the caller is done.
"""

from __future__ import annotations

import pickle
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from datacheck._version import __version__
from datacheck.workers.interface import Step
from datacheck.workers.process import NOT_YET, Process, Worker

JOBS = 8
"""So many jobs are kept."""
IDLE_SECONDS = 60.0
"""A process that has had nothing to do for so long ends: whoever asked for it may be gone without a word."""


class Outcome(NamedTuple):
    """What became of a task: its steps and its result, pickled; or `version`, or the job is `wanted`, and not done."""

    steps: tuple[bytes, ...] = ()
    result: bytes = b""
    wanted: bool = False
    version: str = __version__


class _Processes:
    """The processes of this worker, and the jobs that they are for, by digest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, bytes] = OrderedDict()
        self._idle: dict[str, list[tuple[float, Worker[Any]]]] = defaultdict(list)
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

    def take(self, digest: str, memory: int) -> Worker[Any]:
        """Return a process for a job, which is busy until it is given back."""
        with self._lock:
            idle = self._idle[digest]
            worker = idle.pop()[1] if idle else None
            job = self._jobs[digest]
        if worker is None:
            worker = Worker(job, Process(memory))
        with self._lock:
            self._busy[digest].add(worker)
        return worker

    def give_back(self, digest: str, worker: Worker[Any], *, usable: bool) -> None:
        """Keep a process for the next task, unless its job is forgotten, or it is not usable any more."""
        with self._lock:
            self._busy[digest].discard(worker)
            kept = usable and digest in self._jobs
            if kept:
                self._idle[digest].append((time.monotonic(), worker))
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
        for _, worker in idle:
            worker.close()

    def _reap(self) -> None:
        while True:
            time.sleep(IDLE_SECONDS / 4)
            old: list[Worker[Any]] = []
            with self._lock:
                limit = time.monotonic() - IDLE_SECONDS
                for digest, idle in self._idle.items():
                    old += (worker for since, worker in idle if since < limit)
                    self._idle[digest] = [it for it in idle if it[0] >= limit]
                if not any(self._idle.values()):
                    self._reaping = False
            for worker in old:
                worker.close()
            if not self._reaping:
                return


_here = _Processes()


def do(
    version: str, digest: str, job: bytes | None, memory: int, task: bytes, tell: Callable[[int, bytes], None]
) -> Outcome:
    """Run a task in a process of this worker, and return what became of it; `tell` hears of each step as it comes."""
    if version != __version__ or not _here.knows(digest, job):
        return Outcome(wanted=True)
    worker = _here.take(digest, memory)
    usable = False
    try:
        worker.give_pickled(task)
        steps = []
        while isinstance(result := worker.take(), Step) or result is NOT_YET:
            if result is not NOT_YET:
                steps.append(pickle.dumps(result))
                tell(len(steps) - 1, steps[-1])
        usable = True
        return Outcome(tuple(steps), pickle.dumps(result))
    finally:
        _here.give_back(digest, worker, usable=usable)


def forget(digest: str) -> None:
    """End the processes of a job on this worker; nobody waits for what they do."""
    _here.forget(digest)
