"""Run tasks on an existing Dask cluster (dask.distributed), whatever gave it: LocalCluster, Slurm, Kubernetes.

A worker of the cluster runs a task in a process of its own (`far_side`), so a record that kills or hangs is named as
ever, and the worker lives. Workers that are lost give their tasks to others, which Dask does by itself; where it gives
up, or the scheduler has forgotten its tasks, they are handed in again. So many tasks are under way as the cluster has
threads, twice; the others wait here, where the caller adds them.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import math
import pickle
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from datacheck._version import __version__
from datacheck.engines.far_side import Outcome, do, forget
from datacheck.errors import ClusterFailed, UsageError
from datacheck.workers.interface import Death, Failure, Job
from datacheck.workers.pool import dumps_job

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")

EACH = 2
"""Tasks under way for each thread of the cluster: one runs, one is there when it ends."""
FEWEST = 4
"""Tasks under way where there are no workers yet: a cluster that grows on demand needs some to ask for them."""
LOOK_SECONDS = 2.0
"""So often it is looked how large the cluster is, and whether a task was lost without a word."""
TRIES = 5
"""So often a task is handed in again after machines that would not run it."""
LOST = "the workers of the cluster that it was given to were lost, one after the other"
STEP_BYTES = 1 << 16
"""Steps of up to so many bytes are told as they come; the others with the result."""
SILENT_SECONDS = 10.0
"""A cluster that has had no workers for so long is told of."""
WAIT_SECONDS = 30
"""So long it is waited for a scheduler."""


def silent(sentence: str) -> None:
    """Say nothing."""


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
    """Hears a sentence where the cluster has no workers for a while, and the scan waits for some."""
    name: ClassVar[str] = "dask"
    elastic: ClassVar[bool] = True

    def __call__(self, job: Job[T], workers: int, memory: int) -> DaskEngine[T]:
        return DaskEngine(self.client, job, workers, memory, self.say)


@contextlib.contextmanager
def connected(address: str, say: Callable[[str], None] = silent) -> Iterator[Dask]:
    """Yield what runs tasks on the cluster of the scheduler at an address. Raises UsageError where there is none."""
    try:
        from distributed import Client
    except ImportError as exc:
        raise UsageError("--engine dask needs the package distributed: pip install 'datacheck-ml[dask]'") from exc
    import logging

    for name in [*logging.root.manager.loggerDict, "distributed", "tornado"]:  # Dask sets levels of parts of it, too
        if name.partition(".")[0] in ("distributed", "tornado"):  # what is to be said of a lost worker the caller says
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        asyncio.run(_knock(address))  # a client that finds nobody would wait once more when it is deleted
        client = Client(address, timeout=WAIT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as exc:
        raise UsageError(f"no Dask scheduler answers at {address}: {_first_line(exc)}") from exc
    try:
        yield Dask(client, say)
    finally:
        with contextlib.suppress(Exception):  # the scheduler may be gone, and all is done
            client.close(timeout=5)


def _on_worker(topic: str, key: str, version: str, digest: str, job: bytes | None, memory: int, task: bytes) -> Outcome:
    """Run a task; tell its steps under a topic as they come."""
    from distributed import get_worker

    def tell(number: int, step: bytes) -> None:
        if len(step) <= STEP_BYTES:
            get_worker().log_event(topic, (key, number, base64.b64encode(step).decode()))

    return do(version, digest, job, memory, task, tell)


class _Step(NamedTuple):
    """A step of a task that is under way: its number, and what it is, pickled."""

    key: str
    number: int
    step: bytes


async def _knock(address: str) -> None:
    """Raise OSError where nobody answers at an address, ValueError where it is none."""
    from distributed.comm import connect

    comm = await connect(address, timeout=WAIT_SECONDS)
    await comm.close()


@dataclass
class _Given(Generic[T]):
    """A task under way: how often machines would not run it, and how many of its steps were told."""

    task: T
    raw: bytes
    tries: int = 0
    steps: int = 0
    future: Any = field(default=None)


class DaskEngine(Generic[T]):
    """Tasks of one job on the workers of a cluster; see `datacheck.workers.interface.Engine`."""

    def __init__(
        self, client: Client, job: Job[T], workers: int, memory: int, say: Callable[[str], None] = silent
    ) -> None:
        self._client, self._asked, self._memory, self._say = client, workers, memory, say
        self._alone: float | None = None
        self._where = "" if client.scheduler is None else f" at {client.scheduler.address}"
        self._job = dumps_job(job)
        self._digest = hashlib.sha256(self._job + memory.to_bytes(8, "little")).hexdigest()
        self._threads, self._looked = 0, 0.0
        self._topic = f"datacheck-{uuid.uuid4().hex}"
        self._done: queue.SimpleQueue[str | _Step] = queue.SimpleQueue()
        self._under_way: dict[str, _Given[T]] = {}

    def __enter__(self) -> DaskEngine[T]:
        with contextlib.suppress(Exception):  # steps then come with the result
            self._client.subscribe_topic(self._topic, self._hear)
        return self

    def _hear(self, event: tuple[float, tuple[str, int, str]]) -> None:
        """Take a step that a worker tells."""
        key, number, step = event[1]
        self._done.put(_Step(key, number, base64.b64decode(step)))

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(Exception):
            self._client.unsubscribe_topic(self._topic)
        with contextlib.suppress(Exception):  # who does not hear it ends its processes by itself, a little later
            self._client.run(forget, self._digest, on_error="ignore")

    @property
    def count(self) -> int:
        """How many tasks may be under way."""
        if self._asked:
            return self._asked
        if time.monotonic() - self._looked > LOOK_SECONDS:
            with contextlib.suppress(Exception):  # while the scheduler is away, it is as large as it was
                self._threads = sum(self._client.nthreads().values())
            self._looked = time.monotonic()
        return max(FEWEST, EACH * self._threads)

    def grow(self, workers: int) -> None:
        """Leave it to the cluster, which grows with the tasks that wait for it."""

    def run(self, tasks: Iterable[T]) -> Iterator[tuple[T, Any]]:
        """Yield each task with what became of it, as they come."""
        waiting = tasks if isinstance(tasks, deque) else deque(tasks)
        under_way = self._under_way
        try:
            while waiting or under_way:
                while waiting and len(under_way) < self.count:
                    task = waiting.popleft()
                    self._give(_Given(task, pickle.dumps(task)))
                for told in self._told():
                    yield from self._step(told) if isinstance(told, _Step) else self._result(told)
        finally:
            futures = [it.future for it in under_way.values()]
            under_way.clear()
            if futures:
                with contextlib.suppress(Exception):  # nobody waits for them, wherever they are
                    self._client.cancel(futures, force=True)
                    self._client.run(forget, self._digest, on_error="ignore")

    def _give(self, given: _Given[T], *, job: bool = False) -> None:
        """Hand a task in, with the job where a worker has asked for it."""
        key = f"datacheck-{type(given.task).__name__.lower()}-{uuid.uuid4().hex}"
        self._under_way[key] = given
        arguments = (__version__, self._digest, self._job if job else None, self._memory, given.raw)
        try:
            given.future = self._client.submit(_on_worker, self._topic, key, *arguments, key=key, pure=False)
        except Exception as exc:
            raise self._gone() from exc
        given.future.add_done_callback(lambda _: self._done.put(key))

    def _told(self) -> list[str | _Step]:
        """Return the keys of tasks that have ended, and steps; nothing where it is time to look at the cluster."""
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
        """Say so once if the cluster has had no workers for a while, whom the tasks wait for."""
        with contextlib.suppress(Exception):  # while the scheduler is away nobody knows
            if self._client.nthreads():
                self._alone = None
            elif self._alone is None:
                self._alone = time.monotonic()
            elif time.monotonic() - self._alone > SILENT_SECONDS:
                self._alone = math.inf
                self._say(f"the cluster{self._where} has no workers; waiting for some")

    def _step(self, told: _Step) -> Iterator[tuple[T, Any]]:
        """Yield a step, if it is the next one of a task that is under way."""
        given = self._under_way.get(told.key)
        if given is not None and told.number == given.steps:
            given.steps += 1
            yield given.task, pickle.loads(told.step)  # noqa: S301  (our own cluster's)

    def _result(self, key: str) -> Iterator[tuple[T, Any]]:
        """Yield what became of a task that has ended, with the steps that were not told; or hand it in again."""
        given = self._under_way.pop(key, None)
        outcome = None if given is None else self._outcome(given)
        if given is None or outcome is None:
            return
        yield from ((given.task, pickle.loads(step)) for step in outcome.steps[given.steps :])  # noqa: S301
        result = pickle.loads(outcome.result)  # noqa: S301
        if isinstance(result, Failure):
            raise result.error
        yield given.task, result

    def _outcome(self, given: _Given[T]) -> Outcome | None:
        """Return what became of a task that has ended; None where it is under way again."""
        try:
            outcome: Outcome = given.future.result()
        except Exception as exc:  # noqa: BLE001  (Dask raises what a task did, and errors of its own)
            if type(exc).__name__ == "KilledWorker":
                return Outcome(result=pickle.dumps(Death("SIGKILL", words=LOST)))
            self._refuse(given, exc)
            self._give(given)
            return None
        if outcome.version != __version__:
            said = f"the workers of the cluster have datacheck {outcome.version}, this is {__version__}"
            raise ClusterFailed(f"{said}; install the same there")
        if outcome.wanted:
            self._give(given, job=True)
            return None
        return outcome

    def _refuse(self, given: _Given[T], error: Exception) -> None:
        """Raise what a task cannot be done for; return where it may be handed in again."""
        if type(error).__name__.endswith("CancelledError"):  # the scheduler has forgotten it
            return
        given.tries += 1
        if isinstance(error, ImportError):
            said = f"the workers of the cluster cannot load datacheck ({_first_line(error)})"
            raise ClusterFailed(f"{said}; install datacheck-ml {__version__} there") from error
        if given.tries >= TRIES:
            raise ClusterFailed(f"on the workers of the cluster: {_first_line(error)}") from error

    def _gone(self) -> ClusterFailed:
        return ClusterFailed(f"the Dask scheduler{self._where} does not answer any more")


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
