"""LMDB environments, read through the lmdb package: read-only, without a lock file, in workers only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import lmdb

from datacheck.backends import StoreOptions
from datacheck.backends.lmdb_pages import (
    DUPDATA,
    DUPSORT,
    INTEGERKEY,
    REVERSEKEY,
    SUBDATA,
    Database,
    PageDamaged,
    Pages,
    database,
    foreign,
    header_size,
)
from datacheck.errors import SourceUnknown
from datacheck.model import (
    Block,
    Finding,
    Layout,
    Note,
    Position,
    Shard,
    escape,
    found,
    ignore,
    unescape,
)

SHARD_BYTES = 16 << 20
SHARDS = 4096
PROBES = 64
PROBE_RECORDS = 16
"""Probes of a small store are at least this many records apart."""
BLOCK_BYTES = 1 << 20
BLOCK_RECORDS = 4096
NAMES_SOUGHT = 100_000
"""Named databases are looked for in a main database of at most this many entries: beyond it holds records."""
META_PAGE_SIZES = (4096, 8192, 16384, 32768, 65536)


@dataclass(frozen=True)
class LmdbReader:
    """An LMDB environment: `path` is its directory, or the data file itself.

    Every named database is a part of its own, by its escaped name; the unnamed main database is the part "".
    """

    path: Path
    shard_bytes: int = SHARD_BYTES
    backend = "lmdb"

    @classmethod
    def recognise(cls, path: Path, options: StoreOptions) -> LmdbReader | None:
        data = path / "data.mdb" if path.is_dir() else path
        if not data.is_file():
            return None
        with data.open("rb") as file:
            head = file.read(512)
            if header_size(head) is None and (machine := foreign(head)) is not None:
                reason = f"is an LMDB environment of {machine}, and such files do not travel; use mdb_dump there"
                raise SourceUnknown(str(path), reason)
            if header_size(head) is not None or _second_meta(file):
                return cls(path)
        return None

    @property
    def data(self) -> Path:
        return self.path / "data.mdb" if self.path.is_dir() else self.path

    def layout(self) -> Layout:
        """Return shards of about `shard_bytes` each, divided where the branch pages divide."""
        size = self.data.stat().st_size
        findings: list[Finding] = []
        shards: list[Shard] = []
        probes: list[Shard] = []
        records: int | None = None
        try:
            with Pages(self.data) as pages:
                findings += _cut(pages)
                trees = _trees(pages)
                records = sum(tree.entries for tree in trees.values())
                for part, tree in trees.items():
                    shards += _shards(pages, part, tree, self.shard_bytes)
                    probes += _probes(pages, part, tree, max(1, PROBES // len(trees)))
        except PageDamaged as exc:
            findings.append(found("damaged-store", f"{self.data.name}: {exc}"))
            shards = probes = [Shard()]
        try:
            with self._transaction(""):
                pass
        except lmdb.Error as exc:
            findings.append(found("damaged-store", f"lmdb cannot open it: {_reason(exc)}"))
            return Layout((), (), None, size, findings)
        return Layout(shards, probes, records, size, findings)

    def blocks(self, shard: Shard, *, limit: int | None = None, note: Note = ignore) -> Iterator[Block]:
        with self._transaction(shard.part) as (cursor, tree):
            records = _one_by_one(cursor, self.data, shard, tree, note) if limit == 1 else _records(cursor, shard, tree)
            names = self._names() if not shard.part else frozenset()
            place = shard.start or Position(b"")
            finished = False
            while not finished:
                note(place, False)
                keys: list[bytes] = []
                values: list[memoryview] = []
                size = 0
                finished = True
                for key, value, nth in records:
                    if key in names:
                        continue
                    keys.append(key)
                    values.append(value)
                    size += len(value)
                    place = Position(key, nth + 1)
                    if size >= BLOCK_BYTES or len(keys) >= (limit or BLOCK_RECORDS):
                        finished = False
                        break
                if keys:
                    yield Block(keys, values, database=shard.part or None)

    def find(self, key: str) -> Shard | None:
        raw = unescape(key)
        with Pages(self.data) as pages:
            parts = list(_trees(pages))
        for part in parts:
            with self._transaction(part) as (cursor, tree):
                if cursor.set_key(raw):
                    return Shard(part, Position(raw), Position(raw, cursor.count() if tree.flags & DUPSORT else 1))
        return None

    def name(self, shard: Shard, place: Position, finding: Finding) -> Finding:
        assert isinstance(place.key, bytes)
        return Block([place.key], [b""], database=shard.part or None).place(0, finding, None)

    @contextmanager
    def _transaction(self, part: str) -> Iterator[tuple[Any, Database]]:
        """Yield a cursor over one database, and what the library says of it. Raises lmdb.Error."""
        with lmdb.open(
            str(self.path),
            subdir=self.path.is_dir(),
            readonly=True,
            lock=False,
            create=False,
            max_dbs=1,
            max_spare_txns=1,
        ) as environment:
            handle = environment.open_db(unescape(part), create=False) if part else environment.open_db(None)
            with environment.begin(db=handle, buffers=True) as transaction:
                flags = handle.flags()
                stat = transaction.stat(handle)
                known = (REVERSEKEY if flags["reverse_key"] else 0) | (INTEGERKEY if flags["integerkey"] else 0)
                known |= DUPSORT if flags["dupsort"] else 0
                yield transaction.cursor(), Database(known, stat["depth"], 0, 0, 0, stat["entries"], 0)

    def _names(self) -> frozenset[bytes]:
        status = self.data.stat()
        return _names(self.data, status.st_size, status.st_mtime_ns)


Record = tuple[bytes, memoryview, int]


def _records(cursor: Any, shard: Shard, tree: Database) -> Iterator[Record]:
    """Yield key, value and the number of the value among those of its key, from the shard's start to its stop."""
    order = tree.order()
    nth = _seek(cursor, shard.start)
    if nth is None:
        return
    stop = None if shard.stop is None else (order(_raw(shard.stop)), shard.stop.nth)
    last = bytes(cursor.key())
    first = True
    for view, value in cursor.iternext():
        key = bytes(view)
        nth = nth + 1 if key == last and not first else (nth if first else 0)
        first, last = False, key
        if stop is not None and (order(key), nth) >= stop:
            return
        yield key, value, nth


def _seek(cursor: Any, start: Position | None) -> int | None:
    """Put the cursor on the first record of a range; return the number of its value, None where there is no record."""
    if start is None:
        return 0 if cursor.first() else None
    if not cursor.set_range(_raw(start)):
        return None
    nth = 0
    while nth < start.nth and cursor.key() == start.key:
        nth += 1
        if not cursor.next():
            return None
    return nth if cursor.key() == start.key else 0


def _one_by_one(cursor: Any, data: Path, shard: Shard, tree: Database, note: Note) -> Iterator[Record]:
    """Yield what `_records` does, having noted each record's place before the library touches its value.

    The library touches a value when it only steps onto it, so the keys come from the pages themselves.
    """
    start, stop = shard.start or Position(b""), shard.stop
    order = tree.order()
    place = start
    try:
        with Pages(data) as pages:
            for node, _ in pages.leaf_nodes(_trees(pages)[shard.part], _raw(start)):
                place = Position(node.key, start.nth if node.key == start.key else 0)
                if stop is not None and (order(node.key), place.nth) >= (order(_raw(stop)), stop.nth):
                    return
                note(place, True)
                yield from _values(cursor, tree, place, stop, note)
    except PageDamaged:
        note(place, False)
        yield from _records(cursor, Shard(shard.part, place, stop), tree)


def _values(cursor: Any, tree: Database, place: Position, stop: Position | None, note: Note) -> Iterator[Record]:
    """Yield the values of one key, from number `place.nth` on."""
    key, nth = _raw(place), 0
    found_one = cursor.set_key(key)
    while found_one and not (stop is not None and stop.key == key and nth >= stop.nth):
        if nth >= place.nth:
            yield key, cursor.value(), nth
        nth += 1
        if not tree.flags & DUPSORT:
            return
        note(Position(key, nth), False)
        found_one = cursor.next_dup()


def _raw(place: Position) -> bytes:
    assert isinstance(place.key, bytes)
    return place.key


def _trees(pages: Pages) -> dict[str, Database]:
    """Return the databases that hold records, by part; the main one too, if it holds any beside names."""
    main = pages.meta.main
    if main.entries > NAMES_SOUGHT:
        return {"": main}
    named = {
        escape(node.key): database(page[node.offset : node.offset + 48])
        for node, page in pages.leaf_nodes(main)
        if node.flags & SUBDATA and not node.flags & DUPDATA
    }
    return {"": main, **named} if main.entries > len(named) or not named else named


@lru_cache(maxsize=4)
def _names(data: Path, size: int, changed: int) -> frozenset[bytes]:
    try:
        with Pages(data) as pages:
            return frozenset(unescape(part) for part in _trees(pages) if part)
    except PageDamaged:
        return frozenset()


def _shards(pages: Pages, part: str, tree: Database, shard_bytes: int) -> list[Shard]:
    wanted = min(SHARDS, -(-tree.pages * pages.page_size // shard_bytes))
    seams, _ = pages.seams(tree, wanted * 4) if wanted > 1 else ([], False)
    cuts = [Position(key) for key in _spread(seams, wanted - 1)]
    records = tree.entries if not cuts else None
    return [Shard(part, *ends, records=records) for ends in zip([None, *cuts], [*cuts, None], strict=True)]


def _probes(pages: Pages, part: str, tree: Database, count: int) -> list[Shard]:
    seams, leaves = pages.seams(tree, count)
    if leaves and len(seams) < count:
        seams = [node.key for node, _ in pages.leaf_nodes(tree)]
        count = min(count, max(1, len(seams) // PROBE_RECORDS))
    return [Shard(part), *(Shard(part, Position(key)) for key in _spread(seams, count - 1))]


def _spread(keys: list[bytes], count: int) -> list[bytes]:
    """Return at most `count` of the keys, evenly spread and none twice."""
    if count < 1:
        return []
    chosen = [keys[(place + 1) * len(keys) // (count + 1)] for place in range(count)] if len(keys) > count else keys
    return list(dict.fromkeys(chosen))


def _cut(pages: Pages) -> Iterator[Finding]:
    """Say if the file ends before its last page does."""
    expected = (pages.meta.last_page + 1) * pages.page_size
    if pages.size < expected:
        lost = expected - pages.size
        message = f"data.mdb ends at byte {pages.size:,}, its last page at {expected:,}: {lost:,} bytes are lost"
        yield found("truncated-store", message, size=pages.size, expected=expected)


def _second_meta(file: IO[bytes]) -> bool:
    """Say whether a second meta page stands where one would if the first is destroyed."""
    for page_size in META_PAGE_SIZES:
        file.seek(page_size)
        if header_size(file.read(64)) is not None:
            return True
    return False


def _reason(error: lmdb.Error) -> str:
    """Return what liblmdb says, without the path that py-lmdb puts before it."""
    return str(error).rpartition("MDB_")[2] or str(error)


def create(path: Path, records: Iterable[tuple[bytes, bytes]]) -> None:
    """Write a new environment with these records, in key order. Raises OSError or lmdb.Error where it cannot."""
    pairs = list(records)
    size = sum(len(key) + len(value) for key, value in pairs)
    path.mkdir(parents=True)
    with (
        lmdb.open(str(path), map_size=2 * size + (1 << 20), lock=False) as environment,
        environment.begin(write=True) as transaction,
    ):
        for key, value in pairs:
            transaction.put(key, value)
