"""LevelDB directories, read by datacheck's own reader: no lock is taken, nothing is written, every checksum verified.

The library has no read-only mode and stops for good at the first bad block. Source of the format: google/leveldb doc/.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path

from datacheck.backends.interface import StoreOptions
from datacheck.backends.leveldb.block import Damaged, Value
from datacheck.backends.leveldb.in_folders import IN_FOLDERS
from datacheck.backends.leveldb.log import BLOCK, first_record_is_sound
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
from datacheck.backends.leveldb.table import BYTEWISE, FOOTER, MAGIC, ROCKSDB_MAGICS, Edge, Table, TableFile
from datacheck.backends.leveldb.table_files import PLACEHOLDER, TABLE_NAME, is_table, open_table, stand_in, table_path
from datacheck.backends.leveldb.version import Origin, Version, current, live_logs
from datacheck.backends.leveldb.write_batches import open_log
from datacheck.backends.shared.searching import counted, not_found
from datacheck.errors import SourceUnknown
from datacheck.files.regular import NotRegular, open_regular
from datacheck.model.blocks import Block, Layout, Note, Position, Shard, ignore
from datacheck.model.escaping import unescape
from datacheck.model.finding import Finding, found

SHARD_BYTES = 32 << 20
LEAST_SHARD_BYTES = 1 << 20
SHARDS = 4096
EVEN_SHARDS = 64
"""A store has about this many shards, so that workers end together, unless these came out too large or too small.

Of values over LARGE a store has about LARGE_SHARDS, of SHARD_BYTES to twice as many: what it costs to begin one is as
much as a hundred of them."""
LARGE_SHARDS = 24
TABLES_TRIED = 16
"""If no file is a LevelDB's by its ends, so many tables are looked into."""
PROBES = 64
PROBE_RECORDS = 16
"""Probes of a small store are at least this many records apart."""
SMALL_STORE = 1 << 20
BLOCK_BYTES = 2 << 20
LARGE = 64 << 10
LARGE_BLOCK_BYTES = 12 << 20
"""Blocks of values over LARGE, which are views, have this many bytes: what a block costs is then next to nothing."""
BLOCK_RECORDS = 4096
_NAME = re.compile(r"[0-9]+\.(ldb|sst|log)|MANIFEST-[0-9]+|CURRENT")
_OTHER_NAME = re.compile(r"MANIFEST-[0-9]+|[0-9]+\.log")
_ROCKSDB_NAME = re.compile(r"OPTIONS-[0-9]+|IDENTITY")


@dataclass(frozen=True)
class LevelDbReader:
    """A LevelDB directory; its only part is "".

    Of each key the newest write counts, by sequence number, across all tables and logs. What a damaged block hid may
    also have been a deletion, or a newer value of a key that an older level still holds: that record is `stale`.
    A store that another process changes meanwhile may be read in part as it was and in part as it is.
    """

    path: Path
    backend = "leveldb"
    in_folders = IN_FOLDERS

    @classmethod
    def recognise(cls, path: Path, options: StoreOptions) -> LevelDbReader | None:
        if not path.is_dir():
            return None
        names = sorted(entry.name for entry in path.iterdir())
        tables = [name for name in names if TABLE_NAME.fullmatch(name)]
        others = [name for name in names if _OTHER_NAME.fullmatch(name)]
        absent = [match[1] for name in names if (match := PLACEHOLDER.fullmatch(name)) and match[1] not in names]
        absent = [name for name in absent if _NAME.fullmatch(name)]
        if not tables and not others and not absent and "CURRENT" not in names:
            return None
        magic = next((it for it in (_magic(path / name) for name in tables) if it is not None), None)
        ours = current(path) is not None or magic == MAGIC or any(_is_log(path / name) for name in others)
        if magic in ROCKSDB_MAGICS or (ours and any(_ROCKSDB_NAME.fullmatch(name) for name in names)):
            raise SourceUnknown(str(path), "is a RocksDB database, which datacheck does not read; it reads LevelDB")
        if magic is None and not any(_is_log(path / name) for name in others if name.endswith(".log")):
            _refuse_stand_ins(path, [*tables, *absent] or [*others, *({"CURRENT"} & {*names})])
        ours = ours or any(is_table(path / name) for name in tables[:TABLES_TRIED])
        return cls(path) if ours else None

    def layout(self) -> Layout:
        """Return shards of about equal size, divided where the tables' indexes and the logs' keys allow.

        A store that may not be looked at, or has an order of its own, has no shards.
        """
        try:
            version = live_version(self.path)
        except Damaged as exc:
            return Layout((), (), None, total_size(self.path.iterdir()), [_refused(exc)])
        findings = _said(version)
        logs = live_logs(self.path, version)
        size = total_size(
            [
                *(table_path(self.path, table.number) for table in version.tables.values()),
                *logs,
                self.path / version.manifest,
                self.path / "CURRENT",
            ]
        )
        if version.comparator != BYTEWISE:
            why = f"the store's keys are in the order of {version.comparator!r}; only {BYTEWISE} can be followed"
            return Layout((), (), None, size, [*findings, found("unsupported", why, comparator=version.comparator)])
        weight = min(SHARD_BYTES, max(LEAST_SHARD_BYTES, size // EVEN_SHARDS))
        survey = Survey(max(1, min(weight // 16, size // 512)))
        for table in sorted(version.tables.values(), key=lambda it: (it.smallest, it.number)):
            survey.table(self.path, table)
        for log in logs:
            survey.log(log)
        findings += survey.findings
        newest = f"{version.log_number:06d}.log"
        if version.log_number and not version.rebuilt and not (self.path / newest).exists():
            why = f"the log {newest} is missing; what was last written to it is lost, if anything was"
            findings.append(found("truncated-store", why, verdict="unverifiable", file=newest))
        if survey.blocks and size > LARGE * survey.blocks:
            weight = min(2 * SHARD_BYTES, max(SHARD_BYTES, size // LARGE_SHARDS))
        cuts = survey.spread(min(SHARDS, max(1, -(-size // weight))))
        probes = survey.spread(PROBES) if size > SMALL_STORE else self._few()
        lacking = tuple(survey.lacking)
        records = survey.live if not version.tables and len(logs) <= 1 else None
        return Layout(_divided(cuts, lacking), _divided(probes, lacking), records, size, findings)

    def in_byte_order(self, part: str) -> bool:
        """Say that keys are compared as bytes: nothing is read of a store in whose order they are not."""
        return True

    def blocks(self, shard: Shard, *, limit: int | None = None, note: Note = ignore) -> Iterator[Block]:
        start = START if shard.start is None else _edge(shard.start)
        stop = None if shard.stop is None else _edge(shard.stop)
        pending: list[tuple[int | None, Finding]] = []
        doubts = LostWrites()

        def complain(path: Path, damage: Damaged, low: bytes | None, high: bytes | None) -> None:
            tell(table_finding(path.name, damage, low, high))

        def tell(finding: Finding) -> None:
            pending.append((None, finding))

        note(shard.start or Position(b""), False)
        with Files() as files:
            few = limit is not None
            sources = self._sources(files, start, stop, doubts, complain, tell, shard.lacking, few=few)
            most = min(limit or BLOCK_RECORDS, BLOCK_RECORDS)
            for keys, values in _gathered(merged(sources, doubts), most):
                note(Position(keys[0]), True)
                if doubts.said:
                    pending += [(row, doubts.said.pop(key)) for row, key in enumerate(keys) if key in doubts.said]
                yield Block(keys, values, findings=pending)
                pending = []
                note(Position(keys[-1], 1), False)
        if pending:
            yield Block([], [], findings=pending)

    def find(self, key: str) -> Shard | None:
        raw = unescape(key)
        shard = Shard("", Position(raw), Position(raw, 1))
        unread: list[Finding] = []
        if counted(self.blocks(shard, limit=1), unread):
            return shard
        not_found(unread)
        return None

    def name(self, shard: Shard, place: Position, finding: Finding) -> Finding:
        return Block([_edge(place)[0]], [b""]).place(0, finding, None)

    def _version(self, tell: Callable[[Finding], None]) -> Version | None:
        """Return the state of the store if it can be followed; where not, the layout has said why."""
        try:
            version = live_version(self.path)
        except Damaged as exc:
            if exc.by_machine:
                tell(_refused(exc))
            return None
        if version.comparator != BYTEWISE:
            return None
        if any(it.by_machine for it in _damages(version)):
            for finding in _said(version):
                tell(finding)
        return version

    def _sources(
        self,
        files: Files,
        start: Edge,
        stop: Edge | None,
        doubts: LostWrites,
        complain: Complain,
        tell: Callable[[Finding], None],
        lacking: Collection[str] | None,
        *,
        few: bool,
    ) -> Iterator[Iterator[Chunk]]:
        """Yield the runs and logs of the store.

        The layout has told what is wrong with them, but for what the machine failed to read here alone.
        """
        version = self._version(tell)
        if version is None:
            return
        logs = live_logs(self.path, version)  # listed while no file of the pass is open
        for run in version.runs:
            tables = self._tables(version, run.between(start, stop), files, doubts, complain, tell, lacking)
            yield run_chunks(tables, files, start, stop, doubts, complain, few=few)
        for path in logs:
            try:
                log = files.making_room(partial(open_log, path))
            except NotRegular:
                continue
            except OSError as exc:
                tell(unread_log(path, exc))
                continue
            for damage, finding in zip(log.damages, log_findings(path, log), strict=True):
                if damage.by_machine:
                    tell(finding)
            yield log_chunks(path, version.log_origin(path), log, files, start, stop, complain)

    def _tables(
        self,
        version: Version,
        tables: Sequence[TableFile],
        files: Files,
        doubts: LostWrites,
        complain: Complain,
        tell: Callable[[Finding], None],
        lacking: Collection[str] | None,
    ) -> Iterator[tuple[Origin, Table]]:
        for file in tables:
            origin = version.origin(file)
            try:
                table = files.making_room(partial(open_table, self.path, file))
            except Damaged as exc:
                doubts.lose_table(origin, file.smallest, file.largest)
                path = table_path(self.path, file.number)
                if exc.by_machine:
                    complain(path, exc, file.smallest, file.largest)
                elif lacking is not None and path.stem not in lacking:
                    gone = Damaged("source-changed", f"was there when the scan began, and now {exc.why}")
                    complain(path, gone, file.smallest, file.largest)
                continue
            if table.damage is not None and table.damage.by_machine:
                tell(index_finding(table, table.damage))
            yield origin, table

    def _few(self) -> list[bytes]:
        """Return keys of a small store, PROBE_RECORDS apart or more."""
        keys = [key for block in self.blocks(Shard()) for key in block.keys]
        step = max(PROBE_RECORDS, -(-len(keys) // PROBES))
        return keys[step - 1 : -1 : step]


def _refused(damage: Damaged) -> Finding:
    """Return the finding for a store that cannot be looked at."""
    return found(damage.code, damage.why, verdict=damage.verdict, **damage.details)


def _damages(version: Version) -> list[Damaged]:
    return [*([version.why] if version.why else []), *version.damages, *(damage for _, damage in version.unread)]


def _said(version: Version) -> list[Finding]:
    """Return what is wrong with the CURRENT and MANIFEST of a store, and with tables that no MANIFEST names."""
    how = "which tables are live is decided by what they hold"
    findings = (
        []
        if version.why is None
        else [_refused(version.why.saying(version.why.why + (f"; {how}" if version.rebuilt else "")))]
    )
    findings += [log_finding(version.manifest, it, how) for it in version.damages]
    for name, damage in version.unread:
        why = f"{damage.why}; no record of it is left, and what its records replaced or deleted may be read"
        findings.append(table_finding(name, damage.saying(why), None, None))
    return findings


def _edge(place: Position) -> Edge:
    assert isinstance(place.key, bytes)
    return place.key, min(place.nth, 1)


def _divided(cuts: list[bytes], lacking: tuple[str, ...]) -> list[Shard]:
    """Return the shards between cuts, each of which is the last key of its shard."""
    places = [Position(key, 1) for key in cuts]
    return [Shard("", *ends, lacking=lacking) for ends in zip([None, *places], [*places, None], strict=True)]


def _gathered(pairs: Iterable[Pairs], most: int) -> Iterator[Pairs]:
    """Yield the same records in pieces of about a block's size, and of at most so many."""
    keys: list[bytes] = []
    values: list[Value] = []
    size = 0
    for more_keys, more_values in pairs:
        if is_array(more_values) and len(more_keys) <= most:
            if keys:
                yield keys, values
                keys, values, size = [], [], 0
            yield more_keys, more_values
            continue
        at = 0
        while at < len(more_keys):
            room = more_values[at : at + most - len(keys)]
            count, grown = len(room), sum(map(len, room))
            enough = LARGE_BLOCK_BYTES if len(room[0]) > LARGE else BLOCK_BYTES
            if grown > enough:
                ends = list(accumulate(map(len, room)))
                count = bisect_left(ends, enough) + 1
                grown = ends[count - 1]
            keys += more_keys[at : at + count]
            values += room[:count]
            size += grown
            at += count
            if size >= enough or len(keys) >= most:
                yield keys, values
                keys, values, size = [], [], 0
    if keys:
        yield keys, values


def _refuse_stand_ins(path: Path, names: Sequence[str]) -> None:
    """Raise SourceUnknown if each of these files of a LevelDB only stands for another, or is empty."""
    reasons = [stand_in(path / name) for name in names]
    if names and all(reasons):
        raise SourceUnknown(str(path), f"is a LevelDB directory without its data: {names[0]} {reasons[0]}")


def _magic(path: Path) -> int | None:
    """Return the last 8 bytes of a table if they are a magic number of LevelDB or RocksDB."""
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            if size < FOOTER:
                return None
            file.seek(-8, 2)
            magic = int.from_bytes(file.read(8), "little")
    except OSError:
        return None
    return magic if magic == MAGIC or magic in ROCKSDB_MAGICS else None


def _is_log(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            return first_record_is_sound(file.read(BLOCK))
    except OSError:
        return False
