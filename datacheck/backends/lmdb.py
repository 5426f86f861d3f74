"""LMDB environments: read-only, without a lock file, from their pages, or through the lmdb package in workers only.

What looks at the pages beforehand takes NumPy, which a caller that only recognises a store does without: it is imported
where it is used.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import lmdb

from datacheck.backends import Reader, StoreOptions
from datacheck.backends.lmdb_cursor import gathered, one_by_one, records_between, unnamed
from datacheck.backends.lmdb_format import (
    DATABASE_BYTES,
    DUPFIXED,
    DUPSORT,
    INTEGERDUP,
    INTEGERKEY,
    REVERSEKEY,
    Database,
    PageDamaged,
    foreign,
    header_size,
)
from datacheck.backends.lmdb_pages import Pages
from datacheck.errors import SourceUnknown, UnfitRecord
from datacheck.files.disk import let_go, write_out
from datacheck.files.regular import NotRegular, irregular, open_regular, require_regular
from datacheck.model import (
    Block,
    Finding,
    Layout,
    Note,
    Position,
    Shard,
    found,
    ignore,
    unescape,
)
from datacheck.workers.limits import memory_limit

PROBES = 64
MAP_BYTES = 64 << 20
"""The map of a new environment while it is written; it grows with what is written. A limit on memory bounds it too."""
MAP_STEP = 1 << 30
"""It doubles, but grows by no more than this at once."""
SPARE_BYTES = 4 << 20
"""What a transaction may take beside its records: branch pages, names of databases, the list of free pages."""
COPIED_BYTES = 4096
"""Of a database whose records take less on average, keys and values are copied: quicker than two views of each."""
COMMIT_BYTES = 16 << 20
NODE_BYTES = 32
"""More than what a record takes beside its key and value in a page, and its share of the page's header."""
LMDB_1_0 = 3
MOST_VALUES = 1 << 62
"""More values than one key can have."""


@dataclass(frozen=True)
class LmdbReader:
    """An LMDB environment: `path` is its directory, or the data file itself.

    Every named database is a part of its own, by its escaped name; the unnamed main database is the part "".
    """

    path: Path
    shard_bytes: int | None = None
    """How large a shard is to be; None: as `lmdb_layout` sees fit."""
    backend = "lmdb"

    @classmethod
    def recognise(cls, path: Path, options: StoreOptions) -> LmdbReader | None:
        data = path / "data.mdb" if path.is_dir() else path
        if not data.is_file() or irregular(data) is not None:
            return None
        with open_regular(data) as file:
            head = file.read(512)
            if header_size(head) is None and (machine := foreign(head)) is not None:
                reason = f"is an LMDB environment of {machine}, and such files do not travel; use mdb_dump there"
                raise SourceUnknown(str(path), reason)
        if header_size(head) is not None:
            return cls(path)
        try:
            with Pages(data):
                return cls(path)  # by its second meta page, or by its pages alone
        except PageDamaged:
            return None

    @property
    def data(self) -> Path:
        return self.path / "data.mdb" if self.path.is_dir() else self.path

    def reads(self) -> Iterator[Path]:
        """Yield the lock file of an environment that is a single file: other programs write it."""
        if not self.path.is_dir():
            yield self.path.with_name(f"{self.path.name}-lock")

    def layout(self) -> Layout:
        """Return shards of about one size, divided where the branch pages divide."""
        from datacheck.backends.lmdb_layout import probes, shards
        from datacheck.backends.lmdb_skeleton import skeleton

        size = self.data.stat().st_size
        try:
            bones = skeleton(self.data)
        except PageDamaged as exc:
            return Layout((), (), None, size, [found("damaged-store", f"{self.data.name}: {exc}")])
        except NotRegular as exc:
            return Layout((), (), None, size, [found("unsupported", f"{self.data.name} was replaced: {exc.strerror}")])
        findings = list(bones.findings)
        if bones.sound and (refusal := self._refusal()):
            findings.append(found("damaged-store", f"lmdb cannot open it: {refusal}"))
        made: list[Shard] = []
        tried: list[Shard] = []
        count = max(1, PROBES // max(1, len(bones.trees)))
        with Pages(self.data) as pages:
            for tree in bones.trees.values():
                made += shards(pages, tree, self.shard_bytes)
                tried += probes(pages, tree, count)
        records = None
        if bones.sound:
            names = len(bones.names) if "" in bones.trees else 0
            records = sum(tree.record.entries for tree in bones.trees.values()) - names
        return Layout(made, tried, records, size, findings)

    def blocks(
        self, shard: Shard, *, limit: int | None = None, note: Note = ignore, avoid: Collection[bytes] = ()
    ) -> Iterator[Block]:
        """Yield the records of the shard; the value of a key in `avoid` is not touched, and comes as no bytes.

        Sound leaves are read as they are, and the library reads what has more to it than a key and a value: several
        values for a key, a range asked for record by record. It touches nothing that was not looked at before. What is
        not sound is read page by page.
        """
        from datacheck.backends.lmdb_direct import Direct
        from datacheck.backends.lmdb_ranges import Ranges
        from datacheck.backends.lmdb_salvage import Salvage
        from datacheck.backends.lmdb_skeleton import skeleton
        from datacheck.backends.lmdb_zeros import marked

        note(shard.start or Position(b""), False)
        bones = skeleton(self.data)
        library = bones.sound and self._refusal() is None
        with Pages(self.data) as pages:
            ranges = Ranges(pages, bones, shard.part, library=library, hold=limit is None and not avoid)
            salvage = Salvage(pages, bones, shard, note, avoid)
            direct = Direct(pages, ranges.database)
            for piece in ranges.pieces(shard, limit):
                of_piece: Iterator[Block]
                if piece.held is not None:
                    pairs = direct.pairs(piece, note)
                    of_piece = (Block(keys, values, database=shard.part or None) for keys, values in pairs)
                elif piece.sound:
                    of_piece = self._sound_blocks(piece.shard, limit, note, avoid)
                else:
                    of_piece = salvage.blocks(piece, limit)
                yield from (marked(block, pages.page_size, pages.header) for block in of_piece)
                note(piece.shard.stop or Position(b""), False)
            yield Block([], [], account=ranges.account.sums + salvage.account)

    def sparing(self, shard: Shard, keys: Collection[bytes]) -> Iterator[Block]:
        """Yield the records of the shard without touching the values of these keys."""
        return self.blocks(shard, avoid=keys)

    def databases(self) -> dict[str, bool]:
        """Return each database that holds records, and whether a key may have many values. Raises PageDamaged."""
        from datacheck.backends.lmdb_layout import flags_of

        return {part: bool(flags & DUPSORT) for part, flags in flags_of(self.data).items()}

    def _sound_blocks(self, shard: Shard, limit: int | None, note: Note, avoid: Collection[bytes]) -> Iterator[Block]:
        """Yield the records of a range that the library may read."""
        from datacheck.backends.lmdb_skeleton import skeleton

        with self._transaction(shard.part) as (cursor, tree):
            if limit == 1 or avoid:
                stream = one_by_one(cursor, self.data, shard, tree, note, avoid)
            else:
                stream = records_between(cursor, shard, tree)
            for keys, values in gathered(stream, shard.start or Position(b""), limit, note):
                if not shard.part and DATABASE_BYTES in map(len, values):
                    keys, values = unnamed(keys, values, skeleton(self.data).names)
                if keys:
                    yield Block(keys, values, database=shard.part or None)

    def find(self, key: str) -> Shard | None:
        from datacheck.backends.lmdb_skeleton import skeleton

        raw = unescape(key)
        for part in skeleton(self.data).trees:
            wanted = Shard(part, Position(raw), Position(raw, MOST_VALUES))
            count = sum(len(block) for block in self.blocks(wanted, limit=1))
            if count:
                return Shard(part, Position(raw), Position(raw, count))
        return None

    def conclude(self, account: Mapping[str, int]) -> list[Finding]:
        """Return what is wrong with the environment as a whole, by what adds up over all its blocks."""
        from datacheck.backends.lmdb_verify import conclude

        return conclude(self.data, account)

    def name(self, shard: Shard, place: Position, finding: Finding) -> Finding:
        assert isinstance(place.key, bytes)
        return Block([place.key], [b""], database=shard.part or None).place(0, finding, None)

    def _refusal(self) -> str | None:
        """Return why the library does not open the environment, None if it does."""
        return _refusal(self, self.data.stat().st_mtime_ns)

    @contextmanager
    def _transaction(self, part: str) -> Iterator[tuple[Any, Database]]:
        """Yield a cursor over one database, and what the library says of it. Raises lmdb.Error."""
        require_regular(self.data)
        with lmdb.open(
            os.fsencode(self.path),
            subdir=self.path.is_dir(),
            readonly=True,
            lock=False,
            create=False,
            max_dbs=1,
            max_spare_txns=1,
        ) as environment:
            handle = environment.open_db(unescape(part), create=False) if part else environment.open_db(None)
            with environment.begin(db=handle) as transaction:
                stat = transaction.stat(handle)
            held = (stat["leaf_pages"] + stat["overflow_pages"]) * stat["psize"]
            options: dict[str, Any] = {"buffers": held > COPIED_BYTES * stat["entries"]}
            with environment.begin(db=handle, **options) as transaction:
                flags = handle.flags()
                known = (REVERSEKEY if flags["reverse_key"] else 0) | (INTEGERKEY if flags["integerkey"] else 0)
                known |= DUPSORT if flags["dupsort"] else 0
                yield transaction.cursor(), Database(known, stat["depth"], 0, 0, 0, stat["entries"], 0)


@lru_cache(maxsize=4)
def _refusal(reader: LmdbReader, changed: int) -> str | None:
    try:
        with reader._transaction(""):
            return None
    except lmdb.MemoryError:
        return None  # a limit on memory, not the environment, keeps the library from it
    except lmdb.Error as exc:
        return _reason(exc)


def _reason(error: lmdb.Error) -> str:
    """Return what liblmdb says, without the path that py-lmdb puts before it."""
    return str(error).rpartition("MDB_")[2] or str(error)


class LmdbWriter:
    """Writes a new environment, each database's records in key order. Use as a context manager.

    `flags` has the flags of each named database, `version` is that of the file format. Raises OSError where the disk is
    full or refuses, UnfitRecord for a key that LMDB does not take.
    """

    def __init__(self, path: Path, flags: Mapping[str, int], version: int = 1) -> None:
        path.mkdir(parents=True)
        self._data = path / "data.mdb"
        named = [part for part in flags if part]
        options: dict[str, Any] = {"lib_version": 1} if version == LMDB_1_0 else {}
        with _disk():
            self._environment = lmdb.open(
                os.fsencode(path),
                MAP_BYTES,
                mode=0o666,
                lock=False,
                sync=False,
                metasync=False,
                max_dbs=len(named),
                **options,
            )
        self._transaction: Any = None
        self._pending = 0
        self._room = MAP_BYTES
        self._map = MAP_BYTES
        self._page = self._environment.stat()["psize"]
        with _disk():
            self._handles = {part: self._handle(part, of) for part, of in flags.items()}

    @classmethod
    def refusals(cls, reader: Reader) -> list[str]:
        """Return nothing: an LMDB takes what any other key-value store holds."""
        return []

    @classmethod
    def like(cls, reader: Reader, path: Path) -> LmdbWriter:
        """Return a writer that takes the records of a reader: of an LMDB it has the databases and the version."""
        if not isinstance(reader, LmdbReader):
            return cls(path, {"": 0})
        from datacheck.backends.lmdb_layout import data_version, flags_of

        return cls(path, flags_of(reader.data), data_version(reader.data))

    @classmethod
    def let_go(cls, path: Path) -> None:
        """Let go of the pages of a finished environment, which was read through a map of the whole file."""
        let_go(path / "data.mdb")

    def _handle(self, part: str, flags: int) -> Any:
        if not part:
            return self._environment.open_db(None)
        return self._environment.open_db(
            unescape(part),
            reverse_key=bool(flags & REVERSEKEY),
            dupsort=bool(flags & DUPSORT),
            integerkey=bool(flags & INTEGERKEY),
            integerdup=bool(flags & INTEGERDUP),
            dupfixed=bool(flags & DUPFIXED),
        )

    def __enter__(self) -> LmdbWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._transaction is not None:
            self._transaction.abort()
        self._environment.close()

    def put(self, part: str, pairs: Sequence[tuple[bytes, bytes | memoryview]]) -> None:
        """Write records that come behind all others of their database; the values are taken before this returns."""
        with _disk():
            self._make_room(sum(self._cost(key, value) for key, value in pairs))
            if self._transaction is None:
                self._transaction = self._environment.begin(write=True)
            beside_names = not part and len(self._handles) > 1  # the names are there already, in the order of keys
            self._transaction.cursor(self._handles[part]).putmulti(pairs, append=not beside_names)
            self._pending += sum(len(value) for _, value in pairs)
            if self._pending >= COMMIT_BYTES:
                self._commit()

    def _cost(self, key: bytes, value: bytes | memoryview) -> int:
        """Return no less than what a record may take of the map: twice its bytes where pages are left half full."""
        size = len(key) + len(value) + NODE_BYTES
        return 2 * size if size < self._page // 4 else size + 3 * self._page

    def _make_room(self, size: int) -> None:
        """Have room for records of this size in the map, which only grows between two transactions."""
        self._room -= size
        if self._room >= SPARE_BYTES:
            return
        self._commit()
        used = (self._environment.info()["last_pgno"] + 1) * self._page
        needed = used + size + 2 * SPARE_BYTES
        if needed > self._map:
            self._map = needed + min(needed, MAP_STEP if memory_limit(MAP_STEP).size == MAP_STEP else 0)
            self._environment.set_mapsize(self._map)
        self._room = self._map - used - size

    def _commit(self) -> None:
        transaction, self._transaction, self._pending = self._transaction, None, 0
        if transaction is not None:
            transaction.commit()
            write_out(self._data)

    def finish(self) -> None:
        """Write what is left, and a map size that fits: LMDB itself only ever raises the one in the meta pages."""
        with _disk():
            self._commit()
        self._environment.close()
        from datacheck.backends.lmdb_layout import fit_map

        fit_map(self._data)


@contextmanager
def _disk() -> Iterator[None]:
    """Translate what liblmdb says of the disk, and of keys, while writing."""
    try:
        yield
    except lmdb.BadValsizeError as exc:
        raise UnfitRecord("LMDB takes keys of 1 to 511 bytes only") from exc
    except lmdb.MemoryError as exc:
        raise OSError(errno.ENOMEM, f"{os.strerror(errno.ENOMEM)} (a limit on memory, ulimit -v?)") from exc
    except lmdb.DiskError as exc:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from exc
    except lmdb.Error as exc:
        raise OSError(errno.EIO, f"{os.strerror(errno.EIO)} ({_reason(exc)})") from exc


def create(path: Path, records: Iterable[tuple[bytes, bytes]]) -> None:
    """Write a new environment with these records, in key order."""
    with LmdbWriter(path, {"": 0}) as writer:
        writer.put("", sorted(records))
        writer.finish()
