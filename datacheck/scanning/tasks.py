"""The tasks of scans and rebuilds that run in workers.

Light to import: the caller only sends the tasks, and the workers load what they need.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from datacheck.backends.copy_plan import Gone, Plan
from datacheck.backends.interface import Concluding, Copier, Reader, ReadsMore, TakingRisks, WithSamples
from datacheck.conventions.keys.account import Account, KeyWatch
from datacheck.decoders.pictures import eyes
from datacheck.errors import DatacheckError, EyesFailed
from datacheck.model.blocks import Block, Layout, Note, Position, Shard, ignore
from datacheck.model.finding import Finding
from datacheck.model.profile import Profile
from datacheck.model.replacing import replace
from datacheck.model.settings import TIMEOUT, Eyes, Settings
from datacheck.model.slips import errno_of, of_machine
from datacheck.reporting.tally import Tally
from datacheck.scanning.blame import Blamed, blamed, blaming, trace_of
from datacheck.scanning.sampling import Rows, Sample
from datacheck.workers.interface import PATIENCE, Death, Engine, Watch

if TYPE_CHECKING:
    from datacheck.checks.validators import Validator
    from datacheck.scanning.alongside import BesideCheck
    from datacheck.scanning.judging.judge import View

RECORDS_AFTER_DEATH = 4096
"""Records per block when a shard is read again.

The value matters little: any limit keeps the reader within the shard.
"""
OWN_SECONDS = 0.1
"""Minimum time limit of a record's last try, in seconds, whatever the timeout: datacheck's own work takes some."""
OPENING_SECONDS = 300.0
"""Seconds that opening a store, or examining it as a whole, may take; large stores get more."""
FILES_A_SECOND, BYTES_A_SECOND = 20, 100 << 20
"""Files that a slow disk opens per second, and bytes that it reads per second."""
WORTH_A_WORKER, MOST_AHEAD = 256 << 20, 8
"""Bytes that a worker checks in the time in which another one starts, and maximum number of workers to start early.

Starting more of them takes longer than the first one takes to load.
"""
TRIES = 3
"""Maximum number of times to run a task that may have been killed from outside.

A person, or a system short of memory, may kill one or two workers of a run by chance. Three deaths of one task mean
that the limit which ends it will not go away.
"""
FEW_SHARDS, MOST_TOGETHER, TASK_BYTES = 64, 64, 4 << 20
"""Limits for checking several shards in one task.

They are the number of shards below which each has its own task, the maximum number of shards per task, and the maximum
average number of bytes per task.
"""


class Task(Protocol):
    """Work on a store that runs in a worker."""

    def run(self, job: Job, watch: Watch) -> Any: ...


class Job(msgspec.Struct, frozen=True):
    """What all tasks of a scan share: the store, the settings, the caller's own validators, and the view.

    `beside` is additional work on the records that are checked.
    """

    reader: Reader
    settings: Settings
    validators: tuple[Validator, ...] = ()
    view: View | None = None
    beside: BesideCheck | None = None

    def __call__(self, task: Task, watch: Watch) -> Any:
        """Run a task. An exception ends it like a signal does, so that its last position is known."""
        try:
            return task.run(self, watch)
        except DatacheckError:
            raise
        except Exception as exc:  # noqa: BLE001  (a border: see `ended_by`)
            return ended_by(exc, watch)


def with_known(reader: Reader, job: Any) -> Any:
    """Return a job with a reader that knows more about the same store. Any other job is returned unchanged."""
    return replace(job, reader=reader) if isinstance(job, Job) and job.reader == reader else job


def ended_by(error: Exception, watch: Watch) -> Death:
    """Return the Death of a task that raised an exception.

    The cause is a record, or a mistake of datacheck itself, which does not stop other tasks.
    """
    if isinstance(error, Blamed):
        cause = error.error
        return Death(type(cause).__name__, watch.last, str(cause), errno=errno_of(cause))
    trace = "" if of_machine(error) else trace_of(error)
    return Death(type(error).__name__, watch.last, str(error), trace, errno_of(error))


def opening_seconds(reader: Reader) -> float:
    """Return the seconds that opening a store may take, by the number and size of the files at its path."""
    count, size = _files_and_bytes(reader)
    return OPENING_SECONDS + count / FILES_A_SECOND + size / BYTES_A_SECOND


def begin_on_store(job: Job, watch: Watch) -> None:
    """Begin work on a store as a whole, which may take as long as opening the store may."""
    watch.timeout, watch.patience = opening_seconds(job.reader), 2
    watch.note(None)


def own_seconds(settings: Settings) -> float:
    """Return the processor time that datacheck's own work between two notes may take, in seconds.

    It is the time limit of a record, but not less than the default: a small limit is meant for records only.
    """
    return max(settings.timeout, TIMEOUT)


def workers_ahead(reader: Reader) -> int:
    """Return the number of workers that a store is sure to need, by its size, before it has been opened."""
    return min(MOST_AHEAD, _files_and_bytes(reader)[1] // WORTH_A_WORKER)


def _files_and_bytes(reader: Reader) -> tuple[int, int]:
    paths = [Path(reader.path)]
    with contextlib.suppress(OSError):
        paths = list(paths[0].iterdir()) if paths[0].is_dir() else paths
        if isinstance(reader, ReadsMore):
            paths = list({*paths, *reader.reads()})
    size = 0
    for path in paths:
        with contextlib.suppress(OSError, ValueError):
            size += path.stat().st_size
    return len(paths), size


class TakeLayout(msgspec.Struct, frozen=True):
    """A task that opens the store and returns its Layout; `at_risk`, it may die where it would otherwise survive."""

    at_risk: bool = False

    def run(self, job: Job, watch: Watch) -> Layout:
        begin_on_store(job, watch)
        reader = job.reader
        with blaming("unreadable"):
            return reader.layout_at_risk() if self.at_risk and isinstance(reader, TakingRisks) else reader.layout()


class OpenEyes(msgspec.Struct, frozen=True):
    """A task that loads the JPEG walker, compiling it if necessary.

    It returns the reason if that fails, or None.
    """

    eyes: Eyes

    def run(self, job: Job, watch: Watch) -> str | None:
        try:
            open_eyes(self.eyes, job, watch)
        except EyesFailed as exc:
            return exc.reason
        return None


def open_eyes(wanted: Eyes | None, job: Job, watch: Watch) -> None:
    """Load what inspects JPEGs before any record is noted, since it may take long. Raises EyesFailed if that fails."""
    if wanted in ("walker", "strict"):
        watch.timeout, watch.patience = OPENING_SECONDS, 2
        watch.note(None)
        eyes.prepare(wanted, Path(job.reader.path))


class Count(msgspec.Struct, frozen=True):
    """A task that returns the number of records of a shard, for stores whose layout does not have it."""

    shard: Shard

    def run(self, job: Job, watch: Watch) -> int:
        watch.timeout, watch.patience = job.settings.timeout, PATIENCE
        return sum(map(len, blamed("unreadable", job.reader.blocks, self.shard, note=position_noter(watch))))


class Check(msgspec.Struct, frozen=True):
    """A task that checks the records of a shard and returns their Tally. It notes its current position.

    With `careful`, it reads record by record, so that the last note identifies the record that kills the worker. `last`
    does so for the last time and with more patience; 2 stands for a repetition of that. `start` is the index of the
    shard's first record, if `sample` needs it. `deaths` counts the deaths in the shard so far. `stats` asks for the
    sums behind mean and standard deviation, including pixels that no check needs. `watch` has what conventions need to
    know of the keys of each database. `eyes` is how JPEGs are inspected.
    """

    shard: Shard
    profile: Profile
    sample: Sample | Rows | None = None
    start: int = 0
    careful: bool = False
    last: int = 0
    deaths: int = 0
    stats: bool = True
    watch: Mapping[str, KeyWatch] | None = None
    eyes: Eyes | None = None

    def run(self, job: Job, watch: Watch) -> Tally:
        if isinstance(self.sample, Rows) and self.sample.skips:
            return Tally(records=self.sample.records)
        open_eyes(self.eyes, job, watch)
        with eyes.using(self.eyes):
            return self._run(job, watch)

    def _run(self, job: Job, watch: Watch) -> Tally:
        from datacheck.decoders import load_all
        from datacheck.scanning.judging.judge import Judge

        if self.last:  # the process may not have loaded yet what this record needs
            load_all()
        watch.timeout = max(job.settings.timeout, OWN_SECONDS) if self.last else job.settings.timeout
        watch.patience = (1, PATIENCE, 5 * PATIENCE)[self.last] if self.last else 2 if self.careful else 1
        tally = Tally()
        beside = None if job.beside is None else job.beside.begin(self.profile, self.watch)
        view = job.view if beside is None else job.view or beside.view
        judge = Judge(self.profile, job.settings, job.validators, tally, view, stats=self.stats, watch=self.watch)
        limit = 1 if self.careful else RECORDS_AFTER_DEATH if self.deaths else None
        for block in blamed(
            "unreadable", job.reader.blocks, self.shard, limit=limit, note=position_noter(watch, loaded=bool(self.last))
        ):
            rows: Sequence[int] = range(tally.records, tally.records + len(block))
            chosen = block
            if self.sample is not None:
                picked = self.sample.rows(self.start + tally.records, len(block))
                chosen, rows = block.take(picked), [rows[row] for row in picked]
            if beside is not None:
                chosen = beside.take(chosen, rows)
            judge.judge(chosen, rows, alone=self.careful)
            if isinstance(block, Block):
                tally.account.update(block.account)
                part = block.database or ""
                if self.watch is not None and part in self.watch:
                    tally.keys.setdefault(part, Account()).take(block.keys, self.watch[part], block.series)
            tally.records += len(block)
            tally.checked += len(rows)
            del block, chosen  # the reader may use their memory for the next block
        judge.finish(alone=self.careful)
        if self.deaths:
            tally.account["pieces"] = 1
        tally.made = None if beside is None else beside.result
        return tally


class Several(msgspec.Struct, frozen=True):
    """A task that runs several checks in turn, since each alone would cost more to send than to run."""

    checks: tuple[Check, ...]

    def run(self, job: Job, watch: Watch) -> list[Tally]:
        return [check.run(job, watch) for check in self.checks]


def shards_per_task(layout: Layout) -> int:
    """Return the number of shards that one task checks: several if they are small, as those of episodes are."""
    count = len(layout.shards)
    if layout.size is None or count < FEW_SHARDS:
        return 1
    return max(1, min(MOST_TOGETHER, TASK_BYTES * count // max(1, layout.size), count // FEW_SHARDS))


class Conclude(msgspec.Struct, frozen=True):
    """A task that returns the findings about a store that follow from the sums over all of its blocks."""

    account: dict[str, int]

    def run(self, job: Job, watch: Watch) -> list[Finding]:
        begin_on_store(job, watch)
        reader = job.reader
        with blaming("unreadable"):
            return reader.conclude(self.account) if isinstance(reader, Concluding) else []


class ListCopyLosses(msgspec.Struct, frozen=True):
    """A task that lists what a copy of the source could not keep, whether records are `changed` in it or not."""

    copier: Copier
    changed: bool = True

    def run(self, job: Job, watch: Watch) -> list[str]:
        begin_on_store(job, watch)
        return self.copier.objections(job.reader, changed=self.changed)


class FindGone(msgspec.Struct, frozen=True):
    """A task that returns everything that goes with dropped records, and with `marked` samples."""

    copier: WithSamples
    indexes: bytes
    marked: frozenset[tuple[str | None, str]]
    drop_rows: bool
    renumber: bool | None = None

    def run(self, job: Job, watch: Watch) -> Gone:
        begin_on_store(job, watch)
        return self.copier.gone(job.reader, self.indexes, self.marked, drop_rows=self.drop_rows, renumber=self.renumber)


class Copy(msgspec.Struct, frozen=True):
    """A task that writes the copy. It yields the number of records done, and returns Copied."""

    copier: Copier
    plan: Plan

    def run(self, job: Job, watch: Watch) -> Any:
        watch.timeout = None
        return self.copier.copy(job.reader, self.plan)


class Verify(msgspec.Struct, frozen=True):
    """A task that reads the copy again, or a share of it.

    It yields the records done, and returns their number and digest.
    """

    copier: Copier
    plan: Plan
    share: int = 0
    shares: int = 1

    def run(self, job: Job, watch: Watch) -> Any:
        watch.timeout = None
        return self.copier.verify(job.reader, self.plan, self.share, self.shares)


def position_noter(watch: Watch, *, loaded: bool = False) -> Note:
    """Return a function that notes the positions of a reader.

    With `loaded`, extra time for loading ends when the reader reaches a record.
    """

    def note(place: Position, seen: bool) -> None:
        if loaded and seen:
            watch.loaded()
        watch.note((place, seen))

    return note


def from_outside(death: Death) -> bool:
    """Return whether a worker may have been killed from outside, so that its task may succeed the next time."""
    return not (death.proven or death.timed_out or death.errno)


def run_one(pool: Engine[Task], task: Task) -> Any:
    """Run one task and return its result or Death. Run it again if it may have been killed from outside."""
    (result,) = run_all(pool, [task])
    return result


class TaskDied(Exception):
    """A task died whose result is needed for what follows."""

    def __init__(self, death: Death) -> None:
        super().__init__(death.signal)
        self.death = death


def require_result(do: Callable[[Task], Any], task: Task) -> Any:
    """Return the result of a task that `do` runs. Raises TaskDied if it died."""
    result = do(task)
    if isinstance(result, Death):
        raise TaskDied(result)
    return result


def run_all(pool: Engine[Task], tasks: Sequence[Task]) -> Iterator[Any]:
    """Run tasks and yield the result or Death of each. Run a task again if it may have been killed from outside."""
    return (result for _, result in outcomes(pool, tasks))


def outcomes(
    pool: Engine[Task], tasks: Sequence[Task], anew: Callable[[], None] = ignore
) -> Iterator[tuple[Task, Any]]:
    """Run tasks and yield each with its steps, and with its result or Death.

    A task that may have been killed from outside is run again, at most TRIES times in all, after the other tasks; its
    steps are then yielded from the first one on. `anew` is called before.
    """
    waiting = list(tasks)
    for tries in range(1, TRIES + 1):
        again: list[Task] = []
        if tries > 1 and waiting:
            anew()
        for task, result in pool.run(waiting) if waiting else ():
            if not isinstance(result, Death):
                yield task, result
            elif tries < TRIES and from_outside(result):
                again.append(task)
            else:
                yield task, dataclasses.replace(result, tries=tries)
        waiting = again
