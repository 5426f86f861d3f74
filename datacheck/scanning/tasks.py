"""What a scan and a rebuild ask of their workers.

Light to import: the caller only sends these, and the workers load what they need.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from datacheck.backends.copy_plan import Gone, Plan
from datacheck.backends.interface import Concluding, Copier, Reader, ReadsMore, WithSamples
from datacheck.conventions.account import Account, KeyWatch
from datacheck.decoders.pictures import eyes
from datacheck.errors import DatacheckError, EyesFailed
from datacheck.model.blocks import Block, Layout, Note, Position, Shard
from datacheck.model.finding import Finding
from datacheck.model.profile import Profile
from datacheck.model.replacing import replace
from datacheck.model.settings import Eyes, Settings
from datacheck.model.slips import errno_of, of_machine
from datacheck.reporting.tally import Tally
from datacheck.scanning.blame import Blamed, blamed, blaming, trace_of
from datacheck.scanning.sampling import Rows, Sample
from datacheck.workers.interface import PATIENCE, Death, Engine, Watch

if TYPE_CHECKING:
    from datacheck.checks.validators import Validator
    from datacheck.scanning.alongside import BesideCheck
    from datacheck.scanning.judge import View

RECORDS_AFTER_DEATH = 4096
"""A block's limit where a shard is done again: any limit will do, since it keeps the reader within the shard."""
OWN_SECONDS = 0.1
"""Where a record is tried for the last time it may take so long, whatever the timeout: datacheck itself takes some."""
OPENING_SECONDS = 300.0
"""Opening a store, or looking at it as a whole, may take this long, and longer for what is large."""
FILES_A_SECOND, BYTES_A_SECOND = 20, 100 << 20
"""A slow disk opens so many files, and reads so many bytes."""
WORTH_A_WORKER, MOST_AHEAD = 256 << 20, 8
"""A worker starts in the time in which another one checks so many bytes; to start more of them takes longer than the
first one takes to load."""
FEW_SHARDS, MOST_TOGETHER, TASK_BYTES = 64, 64, 4 << 20
"""Of more shards than a few so many at most are checked by one task, of so many bytes on an average."""


class Task(Protocol):
    """Something to do with a store in a worker."""

    def run(self, job: Job, watch: Watch) -> Any: ...


@dataclass(frozen=True)
class Job:
    """What every task of a scan needs: the store, the settings, the caller's own validators, and the view.

    `beside` is what else is done with the records that are checked.
    """

    reader: Reader
    settings: Settings
    validators: tuple[Validator, ...] = ()
    view: View | None = None
    beside: BesideCheck | None = None

    def __call__(self, task: Task, watch: Watch) -> Any:
        """Run a task. An exception ends it like a signal does, so that the place where it was has a name."""
        try:
            return task.run(self, watch)
        except DatacheckError:
            raise
        except Exception as exc:  # noqa: BLE001  (a border: see `ended_by`)
            return ended_by(exc, watch)


def knowing(reader: Reader, job: Any) -> Any:
    """Return a job with a reader that knows more of the same store; any other job stays as it is."""
    return replace(job, reader=reader) if isinstance(job, Job) and job.reader == reader else job


def ended_by(error: Exception, watch: Watch) -> Death:
    """Return the end of a task by an exception: of a record, or by a mistake of our own, which stops nothing else."""
    if isinstance(error, Blamed):
        cause = error.error
        return Death(type(cause).__name__, watch.last, str(cause), errno=errno_of(cause))
    trace = "" if of_machine(error) else trace_of(error)
    return Death(type(error).__name__, watch.last, str(error), trace, errno_of(error))


def opening_seconds(reader: Reader) -> float:
    """Return how long opening a store may take, by how many files there are at its path and how large they are."""
    count, size = _files_and_bytes(reader)
    return OPENING_SECONDS + count / FILES_A_SECOND + size / BYTES_A_SECOND


def workers_ahead(reader: Reader) -> int:
    """Return how many workers a store is sure to need, by its size, before anybody has opened it."""
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
    """Open the store and return its Layout."""

    def run(self, job: Job, watch: Watch) -> Layout:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        watch.note(None)
        with blaming("unreadable"):
            return job.reader.layout()


class OpenEyes(msgspec.Struct, frozen=True):
    """Load what looks at JPEGs like that, and compile it if nobody has; return why that cannot be, None if it can."""

    eyes: Eyes

    def run(self, job: Job, watch: Watch) -> str | None:
        try:
            open_eyes(self.eyes, job, watch)
        except EyesFailed as exc:
            return exc.reason
        return None


def open_eyes(wanted: Eyes | None, job: Job, watch: Watch) -> None:
    """Load what looks at JPEGs before any record is noted: it may take long. Raises EyesFailed where it cannot be."""
    if wanted in ("walker", "strict"):
        watch.timeout, watch.patience = OPENING_SECONDS, 2
        watch.note(None)
        eyes.open_wide(wanted, Path(job.reader.path))


class Count(msgspec.Struct, frozen=True):
    """Return how many records a shard has, for stores whose layout does not tell."""

    shard: Shard

    def run(self, job: Job, watch: Watch) -> int:
        watch.timeout, watch.patience = job.settings.timeout, PATIENCE
        return sum(map(len, blamed("unreadable", job.reader.blocks, self.shard, note=noting(watch))))


class Check(msgspec.Struct, frozen=True):
    """Check the records of a shard and return their Tally; notes the place it is at.

    `careful` goes record by record, so that the last note names the one that kills; `last` does so for a last time,
    with more patience, and again if it is 2. `start` is the index of the shard's first record, where `sample` needs it.
    `deaths` counts what the shard has already cost. `stats` asks for the sums behind mean and standard deviation, and
    for pixels that no check wants to see. `watch` is what conventions want to know of the keys of each database. `eyes`
    is how JPEGs are looked at.
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
        with eyes.looking(self.eyes):
            return self._run(job, watch)

    def _run(self, job: Job, watch: Watch) -> Tally:
        from datacheck.decoders import load_all
        from datacheck.scanning.judge import Judge

        if self.last:  # what the process did before need not have loaded what this record needs
            load_all()
        watch.timeout = max(job.settings.timeout, OWN_SECONDS) if self.last else job.settings.timeout
        watch.patience = (1, PATIENCE, 5 * PATIENCE)[self.last] if self.last else 2 if self.careful else 1
        tally = Tally()
        beside = None if job.beside is None else job.beside.begin(self.profile, self.watch)
        view = job.view if beside is None else job.view or beside.view
        judge = Judge(self.profile, job.settings, job.validators, tally, view, stats=self.stats, watch=self.watch)
        limit = 1 if self.careful else RECORDS_AFTER_DEATH if self.deaths else None
        for block in blamed(
            "unreadable", job.reader.blocks, self.shard, limit=limit, note=noting(watch, loaded=bool(self.last))
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
        judge.finish(alone=self.careful)
        if self.deaths:
            tally.account["pieces"] = 1
        tally.made = None if beside is None else beside.result
        return tally


@dataclass(frozen=True)
class Several:
    """Return what several checks come to, one after the other: each by itself would cost more to send than to do."""

    checks: tuple[Check, ...]

    def run(self, job: Job, watch: Watch) -> list[Tally]:
        return [check.run(job, watch) for check in self.checks]


def together(layout: Layout) -> int:
    """Return how many shards are to be checked by one task: many where they are small, as those of episodes are."""
    count = len(layout.shards)
    if layout.size is None or count < FEW_SHARDS:
        return 1
    return max(1, min(MOST_TOGETHER, TASK_BYTES * count // max(1, layout.size), count // FEW_SHARDS))


class Conclude(msgspec.Struct, frozen=True):
    """Return what the sums over all blocks of a store say of it as a whole."""

    account: dict[str, int]

    def run(self, job: Job, watch: Watch) -> list[Finding]:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        watch.note(None)
        reader = job.reader
        with blaming("unreadable"):
            return reader.conclude(self.account) if isinstance(reader, Concluding) else []


class ListCopyLosses(msgspec.Struct, frozen=True):
    """Return what in the source a copy could not keep, one that is `changed` or one that is not."""

    copier: Copier
    changed: bool = True

    def run(self, job: Job, watch: Watch) -> list[str]:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        watch.note(None)
        return self.copier.objections(job.reader, changed=self.changed)


class FindGone(msgspec.Struct, frozen=True):
    """Return all that goes with records that are dropped, and with samples."""

    copier: WithSamples
    indexes: bytes
    marked: frozenset[tuple[str | None, str]]
    drop_rows: bool
    renumber: bool | None = None

    def run(self, job: Job, watch: Watch) -> Gone:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        watch.note(None)
        return self.copier.gone(job.reader, self.indexes, self.marked, drop_rows=self.drop_rows, renumber=self.renumber)


class Copy(msgspec.Struct, frozen=True):
    """Write the copy; yields the records done, returns Copied."""

    copier: Copier
    plan: Plan

    def run(self, job: Job, watch: Watch) -> Any:
        watch.timeout = None
        return self.copier.copy(job.reader, self.plan)


class Verify(msgspec.Struct, frozen=True):
    """Read the copy, or a share of it, again; yields the records done, returns their number and digest."""

    copier: Copier
    plan: Plan
    share: int = 0
    shares: int = 1

    def run(self, job: Job, watch: Watch) -> Any:
        watch.timeout = None
        return self.copier.verify(job.reader, self.plan, self.share, self.shares)


def noting(watch: Watch, *, loaded: bool = False) -> Note:
    """Return what notes the places of a reader; with `loaded` only the reader has something to load, up to a record."""

    def note(place: Position, seen: bool) -> None:
        if loaded and seen:
            watch.loaded()
        watch.note((place, seen))

    return note


def only(pool: Engine[Task], task: Task) -> Any:
    """Run one task and return its result or Death; once more, if what killed it may have come from outside."""
    ((_, result),) = pool.run([task])
    if isinstance(result, Death) and not (result.proven or result.timed_out or result.errno):
        ((_, result),) = pool.run([task])
    return result
