"""Read a LevelDB: its shards and probes, and the newest records of each shard from all tables and logs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from datacheck.backends.leveldb.block import Damaged, Value
from datacheck.backends.leveldb.merge import (
    START,
    Chunk,
    Complain,
    Files,
    Pairs,
    is_array,
    log_chunks,
    merged,
    run_chunks,
)
from datacheck.backends.leveldb.recovery import live_version
from datacheck.backends.leveldb.staleness import LostWrites
from datacheck.backends.leveldb.survey import (
    Survey,
    index_finding,
    log_finding,
    log_findings,
    table_finding,
    total_size,
    unread_log,
)
from datacheck.backends.leveldb.table import BYTEWISE, Edge, Table, TableFile
from datacheck.backends.leveldb.table_files import open_table, table_path
from datacheck.backends.leveldb.version import Origin, Version, live_logs
from datacheck.backends.leveldb.write_batches import open_log
from datacheck.files.regular import NotRegular
from datacheck.model.blocks import Block, Layout, Note, Position, Shard, ignore
from datacheck.model.finding import Finding, found

if TYPE_CHECKING:
    from datacheck.backends.leveldb.reader import LevelDbReader

SHARD_BYTES = 32 << 20
LEAST_SHARD_BYTES = 1 << 20
SHARDS = 4096
EVEN_SHARDS = 64
"""A store has about this many shards, so that workers finish together, unless these are too large or too small.

A store of values over LARGE has about LARGE_SHARDS shards, of SHARD_BYTES to four times that, since a shard
costs as much as a hundred such values.
"""
LARGE_SHARDS = 12
PROBES = 64
PROBE_RECORDS = 16
"""Minimum distance of the probes of a small store, in records."""
SMALL_STORE = 1 << 20
BLOCK_BYTES = 2 << 20
LARGE = 64 << 10
LARGE_BLOCK_BYTES = 12 << 20
"""Size in bytes of blocks of values over LARGE, which are views: the cost of a block is then negligible."""
BLOCK_RECORDS = 4096


def layout(reader: LevelDbReader) -> Layout:
    """Return shards of about equal size, divided where the tables' indexes and the logs' keys allow.

    A store that cannot be read, or has an order of its own, has no shards.
    """
    try:
        version = live_version(reader.path)
    except Damaged as exc:
        return Layout((), (), None, total_size(reader.path.iterdir()), [_damage_finding(exc)])
    findings = _version_findings(version)
    logs = live_logs(reader.path, version)
    size = total_size(
        [
            *(table_path(reader.path, table.number) for table in version.tables.values()),
            *logs,
            reader.path / version.manifest,
            reader.path / "CURRENT",
        ]
    )
    if version.comparator != BYTEWISE:
        why = f"the store's keys are in the order of {version.comparator!r}; only {BYTEWISE} can be followed"
        return Layout((), (), None, size, [*findings, found("unsupported", why, comparator=version.comparator)])
    weight = min(SHARD_BYTES, max(LEAST_SHARD_BYTES, size // EVEN_SHARDS))
    survey = Survey(max(1, min(weight // 16, size // 512)))
    for table in sorted(version.tables.values(), key=lambda it: (it.smallest, it.number)):
        survey.table(reader.path, table)
    for log in logs:
        survey.log(log)
    findings += survey.findings
    newest = f"{version.log_number:06d}.log"
    if version.log_number and not version.rebuilt and not (reader.path / newest).exists():
        why = f"the log {newest} is missing; what was last written to it is lost, if anything was"
        findings.append(found("truncated-store", why, verdict="unverifiable", file=newest))
    are_large = survey.blocks and size > LARGE * survey.blocks
    if are_large:
        weight = min(4 * SHARD_BYTES, max(SHARD_BYTES, -(-size // LARGE_SHARDS)))
    divide = survey.spread_by_table if are_large else survey.spread
    cuts = divide(min(SHARDS, max(1, -(-size // weight))))
    probes = survey.spread(PROBES) if size > SMALL_STORE else reader.spaced_keys()
    lacking = tuple(survey.lacking)
    records = survey.live if not version.tables and len(logs) <= 1 else None
    return Layout(_shards_between(cuts, lacking), _shards_between(probes, lacking), records, size, findings)


def blocks(reader: LevelDbReader, shard: Shard, *, limit: int | None = None, note: Note = ignore) -> Iterator[Block]:
    start = START if shard.start is None else _edge(shard.start)
    stop = None if shard.stop is None else _edge(shard.stop)
    pending: list[tuple[int | None, Finding]] = []
    doubts = LostWrites()

    def complain(path: Path, damage: Damaged, low: bytes | None, high: bytes | None) -> None:
        report(table_finding(path.name, damage, low, high))

    def report(finding: Finding) -> None:
        pending.append((None, finding))

    note(shard.start or Position(b""), False)
    with Files() as files:
        sources = _sources(reader, files, start, stop, doubts, complain, report, shard.lacking, limit)
        most = min(limit or BLOCK_RECORDS, BLOCK_RECORDS)
        for keys, values in _batches(merged(sources, doubts), most):
            note(Position(keys[0]), True)
            if doubts.findings:
                pending += [(row, doubts.findings.pop(key)) for row, key in enumerate(keys) if key in doubts.findings]
            yield Block(keys, values, findings=pending)
            pending = []
            note(Position(keys[-1], 1), False)
            del values  # their memory is free for the next ones
    if pending:
        yield Block([], [], findings=pending)


def spaced_keys(reader: LevelDbReader) -> list[bytes]:
    """Return keys of a small store, at least PROBE_RECORDS apart."""
    keys = [key for block in reader.blocks(Shard()) for key in block.keys]
    step = max(PROBE_RECORDS, -(-len(keys) // PROBES))
    return keys[step - 1 : -1 : step]


def _version(reader: LevelDbReader, report: Callable[[Finding], None]) -> Version | None:
    """Return the state of the store, or None if it cannot be followed, for which the layout has given the reason."""
    try:
        version = live_version(reader.path)
    except Damaged as exc:
        if exc.by_machine:
            report(_damage_finding(exc))
        return None
    if version.comparator != BYTEWISE:
        return None
    if any(it.by_machine for it in _all_damages(version)):
        for finding in _version_findings(version):
            report(finding)
    return version


def _sources(
    reader: LevelDbReader,
    files: Files,
    start: Edge,
    stop: Edge | None,
    doubts: LostWrites,
    complain: Complain,
    report: Callable[[Finding], None],
    lacking: Collection[str] | None,
    limit: int | None,
) -> Iterator[Iterator[Chunk]]:
    """Yield the runs and logs of the store.

    The layout has reported what is wrong with them, except what the machine failed to read only here.
    """
    version = _version(reader, report)
    if version is None:
        return
    logs = live_logs(reader.path, version)  # listed while no file of the pass is open
    for run in version.runs:
        tables = _tables(reader, version, run.between(start, stop), files, doubts, complain, report, lacking)
        yield run_chunks(tables, files, start, stop, doubts, complain, limit)
    for path in logs:
        try:
            log = files.making_room(partial(open_log, path))
        except NotRegular:
            continue
        except OSError as exc:
            report(unread_log(path, exc))
            continue
        for damage, finding in zip(log.damages, log_findings(path, log), strict=True):
            if damage.by_machine:
                report(finding)
        yield log_chunks(path, version.log_origin(path), log, files, start, stop, complain)


def _tables(
    reader: LevelDbReader,
    version: Version,
    tables: Sequence[TableFile],
    files: Files,
    doubts: LostWrites,
    complain: Complain,
    report: Callable[[Finding], None],
    lacking: Collection[str] | None,
) -> Iterator[tuple[Origin, Table]]:
    for file in tables:
        origin = version.origin(file)
        try:
            table = files.making_room(partial(open_table, reader.path, file))
        except Damaged as exc:
            doubts.lose_table(origin, file.smallest, file.largest)
            path = table_path(reader.path, file.number)
            if exc.by_machine:
                complain(path, exc, file.smallest, file.largest)
            elif lacking is not None and path.stem not in lacking:
                damage = Damaged("source-changed", f"was there when the scan began, and now {exc.why}")
                complain(path, damage, file.smallest, file.largest)
            continue
        if table.damage is not None and table.damage.by_machine:
            report(index_finding(table, table.damage))
        yield origin, table


def _damage_finding(damage: Damaged) -> Finding:
    """Return the finding for a store that cannot be read."""
    return found(damage.code, damage.why, verdict=damage.verdict, **damage.details)


def _all_damages(version: Version) -> list[Damaged]:
    return [*([version.why] if version.why else []), *version.damages, *(damage for _, damage in version.unread)]


def _version_findings(version: Version) -> list[Finding]:
    """Return findings about the CURRENT and MANIFEST of a store, and about unreadable tables that no MANIFEST names."""
    how = "which tables are live is decided by what they hold"
    findings = (
        []
        if version.why is None
        else [_damage_finding(version.why.with_text(version.why.why + (f"; {how}" if version.rebuilt else "")))]
    )
    findings += [log_finding(version.manifest, it, how) for it in version.damages]
    for name, damage in version.unread:
        why = f"{damage.why}; no record of it is left, and what its records replaced or deleted may be read"
        findings.append(table_finding(name, damage.with_text(why), None, None))
    return findings


def _edge(place: Position) -> Edge:
    assert isinstance(place.key, bytes)
    return place.key, min(place.nth, 1)


def _shards_between(cuts: list[bytes], lacking: tuple[str, ...]) -> list[Shard]:
    """Return the shards between cuts, each of which is the last key of its shard."""
    places = [Position(key, 1) for key in cuts]
    return [Shard("", *ends, lacking=lacking) for ends in zip([None, *places], [*places, None], strict=True)]


def _batches(pairs: Iterable[Pairs], most: int) -> Iterator[Pairs]:
    """Yield the same records in pieces of about a block's size, with at most `most` records each."""
    keys: list[bytes] = []
    values: list[Value] = []
    size = 0
    for more_keys, more_values in pairs:
        if is_array(more_values) and len(more_keys) <= most:
            if keys:
                yield keys, values
                keys, values, size = [], [], 0
            yield more_keys, more_values
            del more_values  # their memory is free for the next ones
            continue
        at = 0
        while at < len(more_keys):
            candidates = more_values[at : at + most - len(keys)]
            count, added = len(candidates), sum(map(len, candidates))
            enough = LARGE_BLOCK_BYTES if len(candidates[0]) > LARGE else BLOCK_BYTES
            if added > enough:
                ends = list(accumulate(map(len, candidates)))
                count = bisect_left(ends, enough) + 1
                added = ends[count - 1]
            keys += more_keys[at : at + count]
            values += candidates[:count]
            size += added
            at += count
            if size >= enough or len(keys) >= most:
                yield keys, values
                keys, values, size = [], [], 0
    if keys:
        yield keys, values
