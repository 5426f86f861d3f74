"""Hand the records of a store to a caller as trees of arrays: one by its key, or all of them in order.

They are read and decoded in a worker, which a record may kill. The caller then gets an exception, or an error in place
of the record.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

from datacheck.backends.interface import Reader
from datacheck.engines import start_engine
from datacheck.errors import RecordMissing, RecordUnreadable, UsageError
from datacheck.model.blocks import Layout, Position, Shard
from datacheck.model.finding import Finding, found
from datacheck.model.forced import Forced
from datacheck.model.profile import Profile
from datacheck.reporting.report import Report
from datacheck.scanning.blame import Blamed, blamed, blaming, finding_of_exception
from datacheck.scanning.find import Find
from datacheck.scanning.names import Names
from datacheck.scanning.profile.probing import take_profile
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.scan import is_reader, prepare_all
from datacheck.scanning.settings import spelling
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.settings.payload_options import OfFamilies
from datacheck.scanning.tasks import Job, TakeLayout, Task, ended_by, run_one
from datacheck.showing.record import candidate_stores, with_convention_arrays
from datacheck.workers.interface import PATIENCE, Death, Engine, Step, Watch
from datacheck.workers.limits import memory_limit
from datacheck.workers.templates import WORKER_BYTES

TOGETHER, TOGETHER_BYTES = 1024, 4 << 20
"""Maximum number of records, and of their bytes, that the worker collects before it sends them."""
DEATHS = 32
"""Maximum number of deaths of the worker before the rest of a shard is given up."""


class ReadOptions(TypedDict, total=False):
    """Options that say how a store is to be read, as for `datacheck.scan`."""

    backend: str | None
    decoder: OfFamilies | None
    array: OfFamilies | None
    label_field: str | None
    together: Sequence[Sequence[str]]
    convention: Sequence[str] | str
    timeout: float


@dataclass(frozen=True)
class LoadedRecord:
    """A record of a store: its key as reports have it, its position in the store, and what it holds.

    `value` is as `load` returns it. If there is no value, `error` says why, and `value` is None. If a part of the store
    could not be read, `key` is None too, and the `index` of the records after that part is unknown.
    """

    key: str | None
    index: int | None
    value: Any = None
    error: str | None = None


def load(source: str | bytes | Path | Reader, key: str | bytes, **options: Unpack[ReadOptions]) -> Any:
    """Return what one record holds: arrays, numbers, texts and bytes, in dicts and lists if it has parts.

    Pictures are arrays of (channels, height, width), rows of HDF5 and Datum are dicts by field. Nothing is unpickled:
    what only running a record's own code could create becomes an object that names its class.

    Parameters
    ----------
    source
        A store, as `datacheck.scan` takes it, or a folder of stores.
    key
        The key as reports have it (`report.bad_keys()` yields such keys), or its bytes.
    options
        How the store is to be read: backend, decoder, array, label_field, together, convention, timeout.

    Raises
    ------
    RecordMissing
        There is no record with this key.
    RecordUnreadable
        The record cannot be read or decoded; `code` and `reason` say why.
    SourceMissing, SourceUnknown, SourceUnreadable, UsageError
        As for `datacheck.scan`.

    Examples
    --------
    >>> datacheck.load("train_lmdb", "00000041")["data"].shape  # doctest: +SKIP
    (3, 64, 64)
    """
    from datacheck.model.escaping import escape

    if not isinstance(key, str | bytes):
        raise UsageError(f"the key is {spelling.quoted(key)}; it must be a text, or bytes")
    name = escape(key) if isinstance(key, bytes) else key
    settings = make(workers=1, **options)
    prepared = prepare_all(source, settings)
    folder = prepared[0][0].path if is_reader(source) else Path(os.fsdecode(source))  # type: ignore[arg-type]
    for reader, report, key_in_store in candidate_stores(folder, prepared, name):
        with start_engine(Job(reader, settings), 1) as pool:
            shard = run_one(pool, Find(key_in_store))
            if shard is None:
                continue
            if isinstance(shard, Death):
                raise _unreadable(folder, name, finding_of_death(shard, "finding it", of_record=False))
            layout = run_one(pool, TakeLayout())
            profile = Profile() if isinstance(layout, Death) else _profile(pool, layout, report)
            for result in _stream(pool, StreamTrees(shard, profile, careful=True)):
                if isinstance(result, Death):
                    raise _unreadable(folder, name, finding_of_death(result, "reading or decoding it"))
                for _, finding, value in sorted(result, key=lambda one: one[0] is None):  # the record's own comes first
                    if finding is not None:
                        raise _unreadable(folder, name, finding)
                    return _unpickled(value)
    raise RecordMissing(str(folder), f"has no record with the key {name}")


def records(source: str | bytes | Path | Reader, **options: Unpack[ReadOptions]) -> Iterator[LoadedRecord]:
    """Yield the records of a store in its order, as `load` returns them; memory stays bounded.

    Bad records are among them: if such a record has no value, `error` says why. Leave them out by the keys of a report,
    as in the example.

    Raises as `datacheck.scan` does if there is no store to read.

    Examples
    --------
    >>> bad = set(report.bad_keys())  # doctest: +SKIP
    >>> for record in datacheck.records("train_lmdb"):  # doctest: +SKIP
    ...     if record.error is None and record.key not in bad:
    ...         train(record.value)
    """
    settings = make(workers=1, **options)
    return _records(prepare_all(source, settings))


def _records(prepared: Sequence[tuple[Reader, Report]]) -> Iterator[LoadedRecord]:
    for reader, report in prepared:
        with start_engine(Job(reader, report.settings), 1) as pool:
            yield from _store_records(pool, reader, report)


def _store_records(pool: Engine[Task], reader: Reader, report: Report) -> Iterator[LoadedRecord]:
    layout = run_one(pool, TakeLayout())
    if isinstance(layout, Death):
        yield _unread_part(finding_of_death(layout, "opening the store", of_record=False))
        return
    profile = _profile(pool, layout, report)
    yield from (_unread_part(it) for it in layout.findings if it.verdict != "suspicious")
    index: int | None = 0
    for shard in layout.shards:
        for key, finding, value in _shard_records(pool, reader, shard, profile):
            if key is None:
                assert finding is not None
                yield _unread_part(finding)
                index = None if finding.code == GIVEN_UP else index
                continue
            error = None if finding is None else _finding_text(finding)
            yield LoadedRecord(key, index, _unpickled(value), error)
            index = None if index is None else index + 1


GIVEN_UP = "unreadable"
"""The code of a finding about a part of a store that could not be read."""
RecordInTransit = tuple[str | None, Finding | None, bytes | None]
"""A record in transit: its name (None for a finding about the store), why there is no value, or the pickled value."""


def _shard_records(pool: Engine[Task], reader: Reader, shard: Shard, profile: Profile) -> Iterator[RecordInTransit]:
    """Yield the records of a shard; a record that kills the worker is skipped, and a finding takes its place."""
    task = StreamTrees(shard, profile)
    deaths = done = 0
    while True:
        death: Death | None = None
        for result in _stream(pool, task):
            if isinstance(result, Death):
                death = result
                continue
            for record in result:
                done += record[0] is not None
                yield record
        if death is None:
            return
        deaths += 1
        if not task.careful:
            task = StreamTrees(shard, profile, careful=True, skip=done)
            continue
        position, is_read = death.note or (None, False)
        if position is None or not is_read or deaths > DEATHS:
            death_finding = finding_of_death(death, "reading on", of_record=False)
            yield None, found(GIVEN_UP, f"the rest of a part was given up: {death_finding.message}"), None
            return
        finding = reader.name(task.shard, position, finding_of_death(death, "reading or decoding it"))
        yield finding.name, finding, None
        task = StreamTrees(task.shard.since(Position(position.key, position.nth + 1)), profile, careful=True)


def _stream(pool: Engine[Task], task: StreamTrees) -> Iterator[list[RecordInTransit] | Death]:
    for _, result in pool.run([task]):
        if isinstance(result, Step):
            yield result.value
        elif isinstance(result, Death):
            yield result


@dataclass(frozen=True)
class StreamTrees:
    """A task that yields the records of a shard, many at a time.

    `careful` takes them one by one, and `skip` is the number of records to pass over at the beginning.
    """

    shard: Shard
    profile: Profile
    careful: bool = False
    skip: int = 0

    def run(self, job: Job, watch: Watch) -> Generator[list[RecordInTransit], None, Death | None]:
        watch.timeout, watch.patience = job.settings.timeout, PATIENCE
        try:
            for batch in self._batches(job, watch):
                watch.rest()
                yield batch
                watch.note(watch.last)
        except Exception as exc:  # noqa: BLE001  (a border: see `ended_by`)
            return ended_by(exc, watch)
        return None

    def _batches(self, job: Job, watch: Watch) -> Iterator[list[RecordInTransit]]:
        forced = Forced.by(job.settings)
        batch: list[RecordInTransit] = []
        remaining, size = self.skip, 0
        limit = 1 if self.careful else None

        def note(position: Position, is_read: bool) -> None:
            watch.note((position, is_read))

        for block in blamed("unreadable", job.reader.blocks, self.shard, limit=limit, note=note):
            batch += [
                (None, block.scoped(None, it), None) for row, it in block.findings if row is None and _is_failure(it)
            ]
            for row in range(len(block)):
                if remaining:
                    remaining -= 1
                    continue
                watch.note(watch.last)
                record = _convert_record(block, row, self.profile, forced)
                batch.append(record)
                size += len(record[2] or b"")
                if self.careful or len(batch) >= TOGETHER or size >= TOGETHER_BYTES:
                    yield batch
                    batch, size = [], 0
        if batch:
            yield batch


def _is_failure(finding: Finding) -> bool:
    return finding.verdict != "suspicious"


def _convert_record(block: Any, row: int, profile: Profile, forced: Forced) -> RecordInTransit:
    from datacheck.showing.trees import NotConvertible, tree_of

    name = block.place(row, found("unreadable", ""), None).name
    try:
        with blaming("undecodable"):
            return name, None, pickle.dumps(tree_of(block, row, profile, forced), 5)
    except Blamed as exc:
        error = exc.error
        if isinstance(error, NotConvertible):
            return name, error.finding, None
        return name, finding_of_exception(error, "decoding it", memory_limit(WORKER_BYTES).words, exc.code), None


def _unpickled(value: bytes | None) -> Any:
    return None if value is None else pickle.loads(value)  # noqa: S301  (our own worker's)


def _profile(pool: Engine[Task], layout: Layout, report: Report) -> Profile:
    taken = take_profile(pool, layout)
    report.profile = taken.profile
    Names(report.settings).look(report, taken, pool)
    return with_convention_arrays(pool, layout, taken)


def _unreadable(source: Path, key: str, finding: Finding) -> RecordUnreadable:
    field = "" if finding.field is None else f"{finding.field}: "
    return RecordUnreadable(str(source), key, finding.code, f"{field}{finding.message}")


def _finding_text(finding: Finding) -> str:
    field = "" if finding.field is None else f"{finding.field}: "
    return f"{finding.code}: {field}{finding.message}"


def _unread_part(finding: Finding) -> LoadedRecord:
    return LoadedRecord(None, None, error=_finding_text(finding))
