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
from datacheck.engines.far_side import Done, Outcome, do, forget, get_ready
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

    def told(self) -> None:
        """Do not report it again until there were workers."""
        self.since = math.inf

    def is_news(self, workers: bool) -> bool:
        """Record whether there are workers; return whether to report now that there have been none for a while."""
        if workers:
            self.since = None
        elif self.since is None:
            self.since = time.monotonic()
        elif time.monotonic() - self.since > SILENT_SECONDS:
            self.told()
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
def connected(address: str, say: Callable[[str], None] = silent) -> Iterator[Dask]:
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
        asyncio.run(_knock(address))  # a client that cannot connect would wait again when it is deleted
        client = Client(address, timeout=WAIT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as exc:
        raise UsageError(f"no Dask scheduler answers at {address}: {_first_line(exc)}") from exc
    try:
        yield Dask(client, say)
    finally:
        with contextlib.suppress(Exception):  # the scheduler may be gone, and all work is done
            client.close(timeout=5)


def _on_worker(
    topic: str, key: str, version: str, digest: str, job: bytes | None, memory: int, tasks: Sequence[bytes]
) -> Outcome:
    """Run some tasks; publish their steps under a topic as they occur."""
    from distributed import get_worker

    def tell(place: int, number: int, step: bytes) -> None:
        if len(step) <= STEP_BYTES:
            get_worker().log_event(topic, (key, place, number, base64.b64encode(step).decode()))

    return do(version, digest, job, memory, tasks, tell)


def _on_each(version: str, digest: str, job: bytes, memory: int, dask_worker: Worker) -> None:
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


async def _knock(address: str) -> None:
    """Raise OSError if no scheduler answers at an address, ValueError if the address is invalid."""
    from distributed.comm import connect

    comm = await connect(address, timeout=WAIT_SECONDS)
    await comm.close()


@dataclass
class _Given(Generic[T]):
    """A task to submit; `steps` counts the steps that were reported, `alone` means to submit it by itself."""

    task: T
    raw: bytes
    steps: int = 0
    alone: bool = False


@dataclass
class _Together(Generic[T]):
    """Tasks in progress that were submitted together; `tries` counts how often machines failed to run them."""

    given: Sequence[_Given[T]]
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
        self._client, self._asked, self._memory, self._say = client, workers, memory, say
        self._absence = absence or Absence()
        self._where = "" if client.scheduler is None else f" at {client.scheduler.address}"
        self._job = dumps_job(job)
        self._digest = hashlib.sha256(self._job + memory.to_bytes(8, "little")).hexdigest()
        self._threads, self._looked = 0, 0.0
        self._topic = f"datacheck-{uuid.uuid4().hex}"
        self._done: queue.SimpleQueue[str | _Step] = queue.SimpleQueue()
        self._under_way: dict[str, _Together[T]] = {}
        self._again: deque[_Given[T]] = deque()
        self._pace = Pace()
        self._starting: threading.Thread | None = None
        self._untold = True

    def __enter__(self) -> DaskEngine[T]:
        with contextlib.suppress(Exception):  # otherwise steps come with the result
            self._client.subscribe_topic(self._topic, self._hear)
        return self

    def _hear(self, event: tuple[float, tuple[str, int, int, str]]) -> None:
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
        return self._asked or max(FEWEST, EACH * self._size())

    @property
    def room(self) -> int:
        """Number of tasks that can be used at a time."""
        return self.count * self._pace.together(self.count)

    def _size(self) -> int:
        """Return the number of threads of the cluster."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            with contextlib.suppress(Exception):  # while the scheduler is away, keep the last number
                self._threads = sum(self._client.nthreads().values())
            self._looked = time.monotonic()
        return self._threads

    def grow(self, workers: int) -> None:
        """Have the workers start their processes if all will be needed; the cluster itself grows with its tasks."""
        if self._starting is not None or not 0 < self._size() <= min(workers, self.count):
            return

        def start() -> None:
            with contextlib.suppress(Exception):  # otherwise the tasks start the processes
                arguments = (__version__, self._digest, self._job, self._memory)
                self._client.run(_on_each, *arguments, on_error="ignore")

        self._starting = threading.Thread(target=start, daemon=True)
        self._starting.start()

    def run(self, tasks: Iterable[T]) -> Iterator[tuple[T, Any]]:
        """Yield each task with its outcome, in order of completion."""
        waiting = tasks if isinstance(tasks, deque) else deque(tasks)
        under_way, self._pace = self._under_way, Pace()
        try:
            while waiting or self._again or under_way:
                while (waiting or self._again) and len(under_way) < self.count:
                    self._give(_Together(self._next(waiting)))
                for told in self._told():
                    yield from self._step(told) if isinstance(told, _Step) else self._results(told)
        finally:
            futures = [it.future for it in under_way.values()]
            under_way.clear()
            self._again.clear()
            if futures:
                with contextlib.suppress(Exception):  # their results are not needed, wherever they are
                    self._client.cancel(futures, force=True)
                    self._client.run(forget, self._digest, on_error="ignore")

    def _next(self, waiting: deque[T]) -> Sequence[_Given[T]]:
        """Return the next tasks to submit together, beginning with those that were submitted before."""
        most = self._pace.together(self.count, len(self._again) + len(waiting))
        some: list[_Given[T]] = []
        while len(some) < most and (self._again or waiting):
            if self._again and self._again[0].alone:
                return some or [self._again.popleft()]
            if self._again:
                some.append(self._again.popleft())
            else:
                task = waiting.popleft()
                some.append(_Given(task, pickle.dumps(task)))
        return some

    def _give(self, together: _Together[T], *, job: bool = False) -> None:
        """Submit tasks, together with the job if a worker has asked for it."""
        key = f"datacheck-{type(together.given[0].task).__name__.lower()}-{uuid.uuid4().hex}"
        self._under_way[key] = together
        tasks = [it.raw for it in together.given]
        job, self._untold = job or self._untold, False  # the worker that gets the first tasks cannot know the job
        arguments = (__version__, self._digest, self._job if job else None, self._memory, tasks)
        try:
            together.future = self._client.submit(_on_worker, self._topic, key, *arguments, key=key, pure=False)
        except Exception as exc:
            raise self._gone() from exc
        together.future.add_done_callback(lambda _: self._done.put(key))

    def _told(self) -> list[str | _Step]:
        """Return steps and the keys of tasks that have ended; after LOOK_SECONDS without any, check the cluster.

        Then the keys of tasks that were lost are returned.
        """
        told: list[str | _Step] = []
        with contextlib.suppress(queue.Empty):
            told.append(self._done.get(timeout=LOOK_SECONDS))
            while True:
                told.append(self._done.get_nowait())
        if told:
            return told
        self._look_for_workers()
        if self._client.status not in ("running", "connecting", "newly-created"):
            raise self._gone()
        return [key for key, it in self._under_way.items() if it.future.status in ("cancelled", "lost")]

    def _look_for_workers(self) -> None:
        """Report once if the cluster has had no workers for a while, so that the tasks wait."""
        with contextlib.suppress(Exception):  # unknown while the scheduler is away
            if self._absence.is_news(bool(self._client.nthreads())):
                self._say(f"the cluster{self._where} has no workers; waiting for some")

    def _step(self, told: _Step) -> Iterator[tuple[T, Any]]:
        """Yield a step if it is the next one of a task in progress."""
        together = self._under_way.get(told.key)
        if together is None:
            return
        given = together.given[told.place]
        if told.number == given.steps:
            given.steps += 1
            yield given.task, pickle.loads(told.step)  # noqa: S301  (our own cluster's)

    def _results(self, key: str) -> Iterator[tuple[T, Any]]:
        """Yield the outcomes of tasks that have ended, with steps not reported before.

        Queue the tasks that were not done.
        """
        together = self._under_way.pop(key, None)
        outcome = None if together is None else self._outcome(together)
        if together is None or outcome is None:
            return
        self._again.extendleft(reversed(together.given[len(outcome.done) :]))
        for given, done in zip(together.given, outcome.done, strict=False):
            if done.seconds is not None:
                self._pace.took(done.seconds)
            yield from ((given.task, pickle.loads(step)) for step in done.steps[given.steps :])  # noqa: S301
            result = pickle.loads(done.result)  # noqa: S301
            if isinstance(result, Failure):
                raise result.error
            yield given.task, result

    def _outcome(self, together: _Together[T]) -> Outcome | None:
        """Return the outcome of tasks that have ended, or None if they are in progress again, or will be."""
        try:
            outcome: Outcome = together.future.result()
        except Exception as exc:  # noqa: BLE001  (Dask raises what a task did, and errors of its own)
            if type(exc).__name__ == "KilledWorker":
                return self._killed(together)
            self._refuse(together, exc)
            self._give(together)
            return None
        if outcome.version != __version__:
            said = f"the workers of the cluster have datacheck {outcome.version}, this is {__version__}"
            raise ClusterFailed(f"{said}; install the same there")
        if outcome.wanted:
            self._give(together, job=True)
            return None
        return outcome

    def _killed(self, together: _Together[T]) -> Outcome | None:
        """Return the death of a task that killed several workers in turn.

        If there are several tasks, retry each alone.
        """
        if len(together.given) == 1:
            return Outcome((Done(pickle.dumps(Death("SIGKILL", words=LOST))),))
        for given in together.given:
            given.alone = True
        self._again.extendleft(reversed(together.given))
        return None

    def _refuse(self, together: _Together[T], error: Exception) -> None:
        """Raise ClusterFailed if the error means that tasks cannot be done; otherwise return, to submit them again."""
        if type(error).__name__.endswith("CancelledError"):  # the scheduler has forgotten the task
            return
        together.tries += 1
        if isinstance(error, ImportError):
            said = f"the workers of the cluster cannot load datacheck ({_first_line(error)})"
            raise ClusterFailed(f"{said}; install datacheck-ml {__version__} there") from error
        if together.tries >= TRIES:
            raise ClusterFailed(f"on the workers of the cluster: {_first_line(error)}") from error

    def _gone(self) -> ClusterFailed:
        return ClusterFailed(f"the Dask scheduler{self._where} does not answer any more")


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
