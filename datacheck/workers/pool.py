"""Run tasks in worker processes that are allowed to die. This module does not know about datasets.

A worker is a fresh interpreter, or the fork of one that has only loaded modules (`template`), never a fork of the
caller. So it shares no handle, lock or thread with the caller, and the caller's `__main__` is not run again: scripts,
notebooks and daemons can all use it. Before a worker does something that may kill or hang it, it leaves a note in a
pipe that the caller can read, and sets an alarm whose signal, left at its default action, ends the process even inside
C code. So the caller knows what killed a worker, and how far the worker had come.
"""

from __future__ import annotations

import contextlib
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from datacheck.errors import WorkersFailed
from datacheck.workers.interface import Failure, Job, Step
from datacheck.workers.pipes import PipeEnd, wait
from datacheck.workers.process import NOT_YET, Process, Worker, next_process
from datacheck.workers.template import UNANSWERED

T = TypeVar("T")


class Pool(Generic[T]):
    """Workers that all run one job.

    Use as a context manager: leaving it kills them, unless they are kept for another job. `memory` limits the private
    bytes of each worker; a job that exceeds it gets a MemoryError.
    """

    def __init__(self, job: Job[T], workers: int, memory: int) -> None:
        self._unpickled_job = job
        self._job = dumps_job(job)
        self.count, self._memory = workers, memory
        self._workers: list[Worker[T]] = []
        self._prepared: list[Process] = []
        self._on_exit = contextlib.ExitStack()

    def __enter__(self) -> Pool[T]:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_learning_how_workers_end())
            stack.callback(self._close)
            self.grow(1)
            self._on_exit = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._on_exit.close()

    def _close(self) -> None:
        while self._workers:
            self._workers.pop().leave()
        while self._prepared:
            self._prepared.pop().close()

    def prepare(self, workers: int, loading: Sequence[str] = ()) -> None:
        """Start processes for this number of workers; they load these modules, and get the job when `grow` takes them.

        A refusal by the system is ignored here; `grow` will handle it.
        """
        with contextlib.suppress(WorkersFailed):
            while len(self._workers) + len(self._prepared) < min(workers, self.count):
                self._prepared.append(next_process(self._memory, loading))

    def grow(self, workers: int) -> None:
        """Start workers until there are `workers` of them, at most the number that the pool was made for.

        If the system refuses more, the existing ones do the work. Raises WorkersFailed if there are none.
        """
        while len(self._workers) < min(workers, self.count):
            try:
                process = self._prepared.pop(0) if self._prepared else next_process(self._memory)
                self._workers.append(Worker(self._job, process))
            except WorkersFailed:
                if not self._workers:
                    raise
                self.count = len(self._workers)

    def amend(self, change: Callable[[Job[T]], Job[T]]) -> None:
        """Change the job for workers that are not started yet."""
        self._unpickled_job = change(self._unpickled_job)
        self._job = dumps_job(self._unpickled_job)

    def run(self, tasks: Iterable[T]) -> Iterator[tuple[T, Any]]:
        """Yield each task with its result or Death, in order of completion. A deque `tasks` may grow during the run.

        A job that is a generator gives a Step for each value it yields, before its result. Raises what a job raised. A
        worker gets its next task before the result of the last one is yielded, so that it works while the caller uses
        that. Workers that are still busy when this is left are killed.
        """
        waiting = tasks if isinstance(tasks, deque) else deque(tasks)
        busy: dict[PipeEnd, tuple[Worker[T], T]] = {}
        try:
            while waiting or busy:
                self.grow(len(busy) + len(waiting))
                idle = [worker for worker in self._workers if worker.results not in busy]
                while waiting and idle:
                    _give(idle.pop(0), waiting.popleft(), busy)
                for ready in _wait_for_results(busy):
                    worker, task = busy[ready]
                    result = worker.take()
                    del busy[ready]
                    if result is NOT_YET or isinstance(result, Step):
                        busy[worker.results] = (worker, task)
                    if isinstance(result, Failure):
                        raise result.error
                    if waiting and worker.results not in busy:  # it works while the result is being dealt with
                        _give(worker, waiting.popleft(), busy)
                    if result is not NOT_YET:
                        yield task, result
        finally:
            for worker, _ in busy.values():
                if worker in self._workers:  # false if the pool was left before this generator
                    self._workers.remove(worker)
                    worker.close()


def _give(worker: Worker[T], task: T, busy: dict[PipeEnd, tuple[Worker[T], T]]) -> None:
    """Give a task to an idle worker."""
    busy[worker.results] = (worker, task)
    worker.give(task)


def _wait_for_results(busy: Mapping[PipeEnd, tuple[Worker[Any], Any]]) -> list[PipeEnd]:
    """Wait until there are results, or workers have died; return the ends of their pipes."""
    while True:
        awaited = [worker for worker, _ in busy.values() if worker.awaited()]
        ready = wait(busy, UNANSWERED if awaited else None)
        if ready:
            return ready


@contextlib.contextmanager
def _learning_how_workers_end() -> Iterator[None]:
    """Let the system report how workers end if the caller ignores SIGCHLD and this is the main thread."""
    ignored = signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN
    if not ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def dumps_job(job: Any) -> bytes:
    """Pickle a job; what a worker could not import (a script's or a notebook's own classes) is pickled by value."""
    try:
        raw = pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError):
        raw = b""
    if raw and b"__main__" not in raw:
        return raw
    import cloudpickle

    by_value: bytes = cloudpickle.dumps(job)
    return by_value
