"""Everything that uses py-lmdb: reading by transaction, the reason why it refuses, and writing a new environment."""

from __future__ import annotations

import errno
import operator
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import lmdb

from datacheck.backends.interface import Reader
from datacheck.backends.lmdb.format import (
    DUPFIXED,
    DUPSORT,
    INTEGERDUP,
    INTEGERKEY,
    REVERSEDUP,
    REVERSEKEY,
    Database,
)
from datacheck.errors import UnfitRecord
from datacheck.files.disk import WriteBehind, let_go
from datacheck.files.regular import require_regular
from datacheck.model.escaping import unescape
from datacheck.workers.limits import memory_limit

MAP_BYTES = 64 << 20
"""Initial map size of a new environment, in bytes. It grows with what is written, within any limit on memory."""
MAP_STEP = 1 << 30
"""Maximum growth of the map at once, in bytes; otherwise it doubles."""
SPARE_BYTES = 4 << 20
"""Bytes that a transaction may take beside its records: branch pages, names of databases, the list of free pages."""
COPIED_BYTES = 4096
"""Average size of a record, in bytes, up to which keys and values are copied, which is faster than two views."""
COMMIT_BYTES = 16 << 20
NODE_BYTES = 32
"""Upper limit of the bytes of a record in a page beside its key and value, with its share of the page header."""
LMDB_1_0 = 3
TRIALS, TRIAL_BYTES = 16, 64 << 10


def data_file(path: Path) -> Path:
    """Return the data file of an environment whose path is a directory or the file itself."""
    return path / "data.mdb" if path.is_dir() else path


@contextmanager
def transaction(path: Path, part: str) -> Iterator[tuple[Any, Database]]:
    """Yield a cursor over one database of an environment, and what the library says about it. Raises lmdb.Error."""
    require_regular(data_file(path))
    with lmdb.open(
        os.fsencode(path),
        subdir=path.is_dir(),
        readonly=True,
        lock=False,
        create=False,
        max_dbs=1,
        max_spare_txns=1,
    ) as environment:
        handle = environment.open_db(unescape(part), create=False) if part else environment.open_db(None)
        with environment.begin(db=handle) as transaction:
            stat = transaction.stat(handle)
        data_size = (stat["leaf_pages"] + stat["overflow_pages"]) * stat["psize"]
        options: dict[str, Any] = {"buffers": data_size > COPIED_BYTES * stat["entries"]}
        with environment.begin(db=handle, **options) as transaction:
            flags = handle.flags()
            key_flags = (REVERSEKEY if flags["reverse_key"] else 0) | (INTEGERKEY if flags["integerkey"] else 0)
            key_flags |= DUPSORT if flags["dupsort"] else 0
            yield transaction.cursor(), Database(key_flags, stat["depth"], 0, 0, 0, stat["entries"], 0)


@lru_cache(maxsize=4)
def refusal(path: Path, changed: int) -> str | None:
    """Return why the library does not open the environment at `path`, or None if it does. `changed` keys the cache."""
    try:
        with transaction(path, ""):
            return None
    except lmdb.MemoryError:
        return None  # due to a limit on memory, not to the environment
    except lmdb.Error as exc:
        return _error_message(exc)


def _error_message(error: lmdb.Error) -> str:
    """Return liblmdb's message, without the path that py-lmdb puts before it."""
    return str(error).rpartition("MDB_")[2] or str(error)


class LmdbWriter:
    """A writer of a new environment, each database's records in key order. Use as a context manager.

    `flags` has the flags of each database by its part, `version` is that of the file format. A `single` environment is
    a file (MDB_NOSUBDIR), not a folder. Raises OSError if the disk is full or refuses, UnfitRecord for a key that LMDB
    does not accept.
    """

    def __init__(self, path: Path, flags: Mapping[str, int], version: int = 1, *, single: bool = False) -> None:
        (path.parent if single else path).mkdir(parents=True, exist_ok=single)
        self._path, self._data = path, path if single else path / "data.mdb"
        self._named = [part for part in flags if part]
        self._version = version
        self._by_bytes = {part: not bits & (REVERSEKEY | INTEGERKEY) for part, bits in flags.items()}
        self._open()
        self._behind = WriteBehind(self._data)
        self._transaction: Any = None
        self._pending = 0
        self._room = MAP_BYTES
        self._map = MAP_BYTES
        self._page = self._environment.stat()["psize"]
        with self._translated_errors():
            self._create_databases(flags)

    def _open(self) -> None:
        options: dict[str, Any] = {"lib_version": 1} if self._version == LMDB_1_0 else {}
        with self._translated_errors():
            self._environment = lmdb.open(
                os.fsencode(self._path),
                MAP_BYTES,
                mode=0o666,
                subdir=self._data != self._path,
                lock=False,
                sync=False,
                metasync=False,
                max_dbs=len(self._named),
                **options,
            )

    def _create_databases(self, flags: Mapping[str, int]) -> None:
        """Create the databases. Flags that py-lmdb does not know are set in the file while the databases are empty."""
        from datacheck.backends.lmdb.layout import set_flags

        if flags.get("", 0):
            self._environment.close()
            set_flags(self._data, "", flags[""])
            self._open()
        handles = {part: self._handle(part, bits) for part, bits in flags.items()}
        for part in self._named:
            if flags[part] & REVERSEDUP:
                self._environment.close()
                set_flags(self._data, part, flags[part])
                self._open()
                handles = {it: self._handle(it, bits) for it, bits in flags.items()}
        self._handles = {part: handles[part] for part in flags}

    @classmethod
    def refusals(cls, reader: Reader) -> list[str]:
        """Return an empty list: LMDB can hold the records of any other key-value store."""
        return []

    @classmethod
    def like(cls, reader: Reader, path: Path) -> LmdbWriter:
        """Return a writer for the records of a reader; if that reads LMDB, databases, version and form are the same."""
        if reader.backend != "lmdb":
            return cls(path, {"": 0})
        from datacheck.backends.lmdb.layout import data_version, flags_of, flags_of_main

        data = data_file(reader.path)
        flags = {"": flags_of_main(data), **flags_of(data)}
        return cls(path, flags, data_version(data), single=reader.path.is_file())

    @classmethod
    def let_go(cls, path: Path) -> None:
        """Free the pages of a finished environment, which was read through a map of the whole file."""
        let_go(data_file(path))

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
        self._behind.close()

    def put(self, part: str, pairs: Sequence[tuple[bytes, bytes | memoryview]], *, ordered: bool = True) -> None:
        """Write records; the values are consumed before this returns.

        Records that are `ordered` come behind all others of their database; for others the order is checked. Pages are
        only filled completely if keys ascend.
        """
        with self._translated_errors():
            self._make_room(sum(self._cost(key, value) for key, value in pairs))
            if self._transaction is None:
                self._transaction = self._environment.begin(write=True)
            beside_names = not part and len(self._handles) > 1  # the names are in the database already, in key order
            append = not beside_names and (ordered or self._ascend(part, pairs))
            self._transaction.cursor(self._handles[part]).putmulti(pairs, append=append)
            self._pending += sum(len(value) for _, value in pairs)
            if self._pending >= COMMIT_BYTES:
                self._commit()

    def _ascend(self, part: str, pairs: Sequence[tuple[bytes, bytes | memoryview]]) -> bool:
        """Return whether the keys ascend and follow all existing ones; False if the database is not in byte order."""
        if not self._by_bytes[part]:
            return False
        cursor = self._transaction.cursor(self._handles[part])
        keys = [*([cursor.key()] if cursor.last() else []), *(key for key, _ in pairs)]
        return all(map(operator.lt, keys, keys[1:]))

    def _cost(self, key: bytes, value: bytes | memoryview) -> int:
        """Return an upper limit of the map space for a record: twice its bytes, as pages may be left half full."""
        size = len(key) + len(value) + NODE_BYTES
        return 2 * size if size < self._page // 4 else size + 3 * self._page

    def _make_room(self, size: int) -> None:
        """Ensure space for records of this size in the map, which can only grow between two transactions."""
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
            self._behind.begin()

    def finish(self) -> None:
        """Write what is left, and a map size that fits: LMDB itself only ever raises the one in the meta pages."""
        with self._translated_errors():
            self._commit()
        self._environment.close()
        self._behind.end()
        from datacheck.backends.lmdb.layout import fit_map

        fit_map(self._data)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Translate liblmdb's errors about the disk, and about keys, while writing."""
        try:
            yield
        except lmdb.BadValsizeError as exc:
            raise UnfitRecord("LMDB takes keys of 1 to 511 bytes only") from exc
        except lmdb.MemoryError as exc:
            raise OSError(errno.ENOMEM, f"{os.strerror(errno.ENOMEM)} (a limit on memory, ulimit -v?)") from exc
        except lmdb.DiskError as exc:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from exc
        except lmdb.Error as exc:
            number = _disk_error(self._data) or errno.EIO
            detail = "" if number != errno.EIO else f" ({_error_message(exc)})"
            raise OSError(number, f"{os.strerror(number)}{detail}") from exc


def _disk_error(data: Path) -> int | None:
    """Return the error number for which the disk refuses to extend a file that failed, or None if it does not.

    liblmdb reports every write that was cut short as "Input/output error", and a full disk cuts writes short.
    """
    try:
        with data.open("ab", buffering=0) as file:
            for _ in range(TRIALS):
                file.write(bytes(TRIAL_BYTES))
    except OSError as exc:
        return exc.errno
    return None


def create(path: Path, records: Iterable[tuple[bytes, bytes]]) -> None:
    """Write a new environment with these records, in key order."""
    with LmdbWriter(path, {"": 0}) as writer:
        writer.put("", sorted(records))
        writer.finish()
