"""Run tasks on an existing Dask cluster (dask.distributed) of any kind: LocalCluster, Slurm, Kubernetes.

A worker of the cluster runs a task in a process of its own (`far_side`), so a record that kills or hangs the process is
identified as usual, and the worker survives. If a worker is lost, Dask gives its tasks to others. If Dask gives up, or
the scheduler has forgotten tasks, they are submitted again. At most twice as many tasks are in progress as the cluster
has threads; the others wait here, where the caller adds them. Short tasks are submitted together as one Dask task
(`pace`), because each Dask task costs the scheduler and the worker some milliseconds.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import math
import pickle
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from datacheck._version import __version__
from datacheck.engines.far_side import Done, Outcome, do_tasks, forget, get_ready
from datacheck.engines.pace import Pace
from datacheck.errors import ClusterFailed, UsageError
from datacheck.workers.interface import Death, Failure, Job
from datacheck.workers.pool import dumps_job

if TYPE_CHECKING:
    from distributed import Client, Worker

T = TypeVar("T")

EACH = 2
"""Tasks in progress for each thread of the cluster: one runs, the other is ready when it ends."""
FEWEST = 4
"""Tasks in progress while there are no workers yet; a cluster that grows on demand needs some to start workers."""
LOOK_SECONDS = 2.0
"""Interval in seconds at which the size of the cluster is checked, and whether tasks were lost silently."""
TRIES = 5
"""Maximum number of times that a task is submitted if machines fail to run it."""
LOST = "the workers of the cluster that it was given to were lost, one after the other"
STEP_BYTES = 1 << 16
"""Largest step, in bytes, that is reported when it occurs; larger ones are sent with the result."""
SILENT_SECONDS = 10.0
"""Time in seconds without any workers after which the user is informed."""
WAIT_SECONDS = 30
"""How long to wait for a scheduler, in seconds."""
START_SECONDS = 5.0
"""How long to wait for workers to start their processes before these are ended, in seconds."""


def silent(sentence: str) -> None:
    """Ignore a sentence: the default for `say`."""


@dataclass
class Absence:
    """The time since which a cluster has had no workers, infinite once reported.

    Shared by all engines of one cluster.
    """

    since: float | None = None

    def mark_reported(self) -> None:
        """Do not report it again until there were workers."""
        self.since = math.inf

    def is_due(self, workers: bool) -> bool:
        """Record whether there are workers; return whether to report now that there have been none for a while."""
        if workers:
            self.since = None
        elif self.since is None:
            self.since = time.monotonic()
        elif time.monotonic() - self.since > SILENT_SECONDS:
            self.mark_reported()
            return True
        return False


@dataclass(frozen=True)
class Dask:
    """Makes engines that run their tasks on the cluster of a Dask client.

    With `workers=0` as many tasks run at a time as the cluster has threads, however it grows and shrinks. All workers
    must see the dataset under the same path, and have the same version of datacheck.

    Examples
    --------
    >>> from distributed import Client  # doctest: +SKIP
    >>> datacheck.scan("train_lmdb", engine=datacheck.engines.Dask(Client("tcp://head:8786")))  # doctest: +SKIP
    """

    client: Client
    say: Callable[[str], None] = silent
    """Called with a sentence if the cluster has had no workers for a while and the scan waits for some."""
    absence: Absence = field(default_factory=Absence, compare=False, repr=False)
    name: ClassVar[str] = "dask"
    elastic: ClassVar[bool] = True

    def __call__(self, job: Job[T], workers: int, memory: int) -> DaskEngine[T]:
        return DaskEngine(self.client, job, workers, memory, self.say, self.absence)


@contextlib.contextmanager
def connected(address: str, say: Callable[[str], None]) -> Iterator[Dask]:
    """Yield an engine maker for the cluster of the scheduler at `address`.

    Raises UsageError if there is no scheduler.
    """
    try:
        from distributed import Client
    except ImportError as exc:
        raise UsageError("--engine dask needs the package distributed: pip install 'datacheck-ml[dask]'") from exc
    import logging

    for name in [*logging.root.manager.loggerDict, "distributed", "tornado"]:  # Dask sets levels of children, too
        if name.partition(".")[0] in ("distributed", "tornado"):  # the caller reports lost workers itself
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        asyncio.run(_require_scheduler(address))  # a client that cannot connect would wait again when it is deleted
        client = Client(address, timeout=WAIT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as exc:
        raise UsageError(f"no Dask scheduler answers at {address}: {_first_line(exc)}") from exc
    try:
        yield Dask(client, say)
    finally:
        with contextlib.suppress(Exception):  # the scheduler may be gone, and all work is done
            client.close(timeout=5)


def _run_tasks(
    topic: str, key: str, version: str, digest: str, job: bytes | None, memory: int, tasks: Sequence[bytes]
) -> Outcome:
    """Run some tasks; publish their steps under a topic as they occur."""
    from distributed import get_worker

    def publish(place: int, number: int, step: bytes) -> None:
        if len(step) <= STEP_BYTES:
            get_worker().log_event(topic, (key, place, number, base64.b64encode(step).decode()))

    return do_tasks(version, digest, job, memory, tasks, publish)


def _start_processes(version: str, digest: str, job: bytes, memory: int, dask_worker: Worker) -> None:
    """Start the processes of a worker."""
    get_ready(version, digest, job, memory, dask_worker.state.nthreads)


class _Step(NamedTuple):
    """A step of a task in progress.

    `place` is the position of the task among those submitted together, `number` counts the steps of the task.
    """

    key: str
    place: int
    number: int
    step: bytes


async def _require_scheduler(address: str) -> None:
    """Raise OSError if no scheduler answers at an address, ValueError if the address is invalid."""
    from distributed.comm import connect

    comm = await connect(address, timeout=WAIT_SECONDS)
    await comm.close()


@dataclass
class _Task(Generic[T]):
    """A task to submit; `steps` counts the steps that were reported, `alone` means to submit it by itself."""

    task: T
    raw: bytes
    steps: int = 0
    alone: bool = False


@dataclass
class _Lot(Generic[T]):
    """Tasks in progress that were submitted together; `tries` counts how often machines failed to run them."""

    tasks: Sequence[_Task[T]]
    tries: int = 0
    future: Any = field(default=None)


class DaskEngine(Generic[T]):
    """Tasks of one job on the workers of a cluster; see `datacheck.workers.interface.Engine`."""

    def __init__(
        self,
        client: Client,
        job: Job[T],
        workers: int,
        memory: int,
        say: Callable[[str], None] = silent,
        absence: Absence | None = None,
    ) -> None:
        self._client, self._requested, self._memory, self._say = client, workers, memory, say
        self._absence = absence or Absence()
        self._where = "" if client.scheduler is None else f" at {client.scheduler.address}"
        self._job = dumps_job(job)
        self._digest = hashlib.sha256(self._job + memory.to_bytes(8, "little")).hexdigest()
        self._threads, self._counted_at = 0, 0.0
        self._topic = f"datacheck-{uuid.uuid4().hex}"
        self._done: queue.SimpleQueue[str | _Step] = queue.SimpleQueue()
        self._under_way: dict[str, _Lot[T]] = {}
        self._retries: deque[_Task[T]] = deque()
        self._pace = Pace()
        self._starting: threading.Thread | None = None
        self._job_unsent = True

    def __enter__(self) -> DaskEngine[T]:
        with contextlib.suppress(Exception):  # otherwise steps come with the result
            self._client.subscribe_topic(self._topic, self._receive_step)
        return self

    def _receive_step(self, event: tuple[float, tuple[str, int, int, str]]) -> None:
        """Receive a step that a worker publishes."""
        key, place, number, step = event[1]
        self._done.put(_Step(key, place, number, base64.b64decode(step)))

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(Exception):
            self._client.unsubscribe_topic(self._topic)
        if self._starting is not None:
            self._starting.join(START_SECONDS)
        with contextlib.suppress(Exception):  # a worker that misses this ends its processes by itself later
            self._client.run(forget, self._digest, on_error="ignore")

    @property
    def count(self) -> int:
        """Maximum number of Dask tasks in progress, each of which may contain several tasks."""
        return self._requested or max(FEWEST, EACH * self._size())

    @property
    def room(self) -> int:
        """Number of tasks that can be used at a time."""
        return self.count * self._pace.lot_size(self.count)

    def _size(self) -> int:
        """Return the number of threads of the cluster."""
        if time.monotonic() - self._counted_at > LOOK_SECONDS:
            with contextlib.suppress(Exception):  # while the scheduler is away, keep the last number
                self._threads = sum(self._client.nthreads().values())
            self._counted_at = time.monotonic()
        return self._threads

    def grow(self, workers: int) -> None:
        """Have the workers start their processes if all will be needed; the cluster itself grows with its tasks."""
        if self._starting is not None or not 0 < self._size() <= min(workers, self.count):
            return

        def start() -> None:
            with contextlib.suppress(Exception):  # otherwise the tasks start the processes
                arguments = (__version__, self._digest, self._job, self._memory)
                self._client.run(_start_processes, *arguments, on_error="ignore")

        self._starting = threading.Thread(target=start, daemon=True)
        self._starting.start()

    def run(self, tasks: Iterable[T]) -> Iterator[tuple[T, Any]]:
        """Yield each task with its outcome, in order of completion."""
        waiting = tasks if isinstance(tasks, deque) else deque(tasks)
        under_way, self._pace = self._under_way, Pace()
        try:
            while waiting or self._retries or under_way:
                while (waiting or self._retries) and len(under_way) < self.count:
                    self._submit(_Lot(self._next_tasks(waiting)))
                for event in self._wait_for_events():
                    yield from self._yield_step(event) if isinstance(event, _Step) else self._results(event)
        finally:
            futures = [it.future for it in under_way.values()]
            under_way.clear()
            self._retries.clear()
            if futures:
                with contextlib.suppress(Exception):  # their results are not needed, wherever they are
                    self._client.cancel(futures, force=True)
                    self._client.run(forget, self._digest, on_error="ignore")

    def _next_tasks(self, waiting: deque[T]) -> Sequence[_Task[T]]:
        """Return the next tasks to submit together, beginning with those that were submitted before."""
        limit = self._pace.lot_size(self.count, len(self._retries) + len(waiting))
        chosen: list[_Task[T]] = []
        while len(chosen) < limit and (self._retries or waiting):
            if self._retries and self._retries[0].alone:
                return chosen or [self._retries.popleft()]
            if self._retries:
                chosen.append(self._retries.popleft())
            else:
                task = waiting.popleft()
                chosen.append(_Task(task, pickle.dumps(task)))
        return chosen

    def _submit(self, lot: _Lot[T], *, job: bool = False) -> None:
        """Submit tasks, together with the job if a worker has asked for it."""
        key = f"datacheck-{type(lot.tasks[0].task).__name__.lower()}-{uuid.uuid4().hex}"
        self._under_way[key] = lot
        tasks = [it.raw for it in lot.tasks]
        job, self._job_unsent = (
            job or self._job_unsent,
            False,
        )  # the worker that gets the first tasks cannot know the job
        arguments = (__version__, self._digest, self._job if job else None, self._memory, tasks)
        try:
            lot.future = self._client.submit(_run_tasks, self._topic, key, *arguments, key=key, pure=False)
        except Exception as exc:
            raise self._scheduler_lost() from exc
        lot.future.add_done_callback(lambda _: self._done.put(key))

    def _wait_for_events(self) -> list[str | _Step]:
        """Return steps and the keys of tasks that have ended; after LOOK_SECONDS without any, check the cluster.

        Then the keys of tasks that were lost are returned.
        """
        events: list[str | _Step] = []
        with contextlib.suppress(queue.Empty):
            events.append(self._done.get(timeout=LOOK_SECONDS))
            while True:
                events.append(self._done.get_nowait())
        if events:
            return events
        self._look_for_workers()
        if self._client.status not in ("running", "connecting", "newly-created"):
            raise self._scheduler_lost()
        return [key for key, it in self._under_way.items() if it.future.status in ("cancelled", "lost")]

    def _look_for_workers(self) -> None:
        """Report once if the cluster has had no workers for a while, so that the tasks wait."""
        with contextlib.suppress(Exception):  # unknown while the scheduler is away
            if self._absence.is_due(bool(self._client.nthreads())):
                self._say(f"the cluster{self._where} has no workers; waiting for some")

    def _yield_step(self, step: _Step) -> Iterator[tuple[T, Any]]:
        """Yield a step if it is the next one of a task in progress."""
        lot = self._under_way.get(step.key)
        if lot is None:
            return
        pending = lot.tasks[step.place]
        if step.number == pending.steps:
            pending.steps += 1
            yield pending.task, pickle.loads(step.step)  # noqa: S301  (our own cluster's)

    def _results(self, key: str) -> Iterator[tuple[T, Any]]:
        """Yield the outcomes of tasks that have ended, with steps not reported before.

        Queue the tasks that were not done.
        """
        lot = self._under_way.pop(key, None)
        outcome = None if lot is None else self._outcome_of(lot)
        if lot is None or outcome is None:
            return
        self._retries.extendleft(reversed(lot.tasks[len(outcome.done) :]))
        for pending, done in zip(lot.tasks, outcome.done, strict=False):
            if done.seconds is not None:
                self._pace.record(done.seconds)
            yield from ((pending.task, pickle.loads(step)) for step in done.steps[pending.steps :])  # noqa: S301
            result = pickle.loads(done.result)  # noqa: S301
            if isinstance(result, Failure):
                raise result.error
            yield pending.task, result

    def _outcome_of(self, lot: _Lot[T]) -> Outcome | None:
        """Return the outcome of tasks that have ended, or None if they are in progress again, or will be."""
        try:
            outcome: Outcome = lot.future.result()
        except Exception as exc:  # noqa: BLE001  (Dask raises what a task did, and errors of its own)
            if type(exc).__name__ == "KilledWorker":
                return self._death_of(lot)
            self._raise_if_final(lot, exc)
            self._submit(lot)
            return None
        if outcome.version != __version__:
            message = f"the workers of the cluster have datacheck {outcome.version}, this is {__version__}"
            raise ClusterFailed(f"{message}; install the same there")
        if outcome.wanted:
            self._submit(lot, job=True)
            return None
        return outcome

    def _death_of(self, lot: _Lot[T]) -> Outcome | None:
        """Return the death of a task that killed several workers in turn.

        If there are several tasks, retry each alone.
        """
        if len(lot.tasks) == 1:
            return Outcome((Done(pickle.dumps(Death("SIGKILL", words=LOST))),))
        for pending in lot.tasks:
            pending.alone = True
        self._retries.extendleft(reversed(lot.tasks))
        return None

    def _raise_if_final(self, lot: _Lot[T], error: Exception) -> None:
        """Raise ClusterFailed if the error means that tasks cannot be done; otherwise return, to submit them again."""
        if type(error).__name__.endswith("CancelledError"):  # the scheduler has forgotten the task
            return
        lot.tries += 1
        if isinstance(error, ImportError):
            message = f"the workers of the cluster cannot load datacheck ({_first_line(error)})"
            raise ClusterFailed(f"{message}; install datacheck-ml {__version__} there") from error
        if lot.tries >= TRIES:
            raise ClusterFailed(f"on the workers of the cluster: {_first_line(error)}") from error

    def _scheduler_lost(self) -> ClusterFailed:
        return ClusterFailed(f"the Dask scheduler{self._where} does not answer any more")


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
