"""Read LevelDB directories without the library: no lock is taken, nothing is written, every checksum is verified.

The library has no read-only mode and stops for good at the first bad block. Source of the format: google/leveldb doc/.
Reading needs NumPy. A caller that only recognises a store does without it, so it is imported where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datacheck.backends.interface import StoreOptions
from datacheck.backends.leveldb.in_folders import IN_FOLDERS
from datacheck.backends.leveldb.names import FOOTER, MAGIC, PLACEHOLDER, ROCKSDB_MAGICS, TABLE_NAME, current
from datacheck.backends.shared.searching import count_records, not_found
from datacheck.errors import SourceUnknown
from datacheck.files.regular import open_regular
from datacheck.model.blocks import Block, Layout, Note, Position, Shard, ignore
from datacheck.model.escaping import unescape
from datacheck.model.finding import Finding

TABLES_TRIED = 16
"""Maximum number of tables that are read to recognise a LevelDB if no file's end does."""
_NAME = re.compile(r"[0-9]+\.(ldb|sst|log)|MANIFEST-[0-9]+|CURRENT")
_OTHER_NAME = re.compile(r"MANIFEST-[0-9]+|[0-9]+\.log")
_ROCKSDB_NAME = re.compile(r"OPTIONS-[0-9]+|IDENTITY")


@dataclass(frozen=True)
class LevelDbReader:
    """A reader of a LevelDB directory; its only part is "".

    The newest write of each key counts, by sequence number, across all tables and logs. A damaged block may also have
    contained a deletion, or a newer value, of a key that an older level still holds: that record is `stale`. If another
    process changes the store meanwhile, parts may be read in their old and others in their new state.
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
        is_leveldb = current(path) is not None or magic == MAGIC or any(_is_log(path / name) for name in others)
        if magic in ROCKSDB_MAGICS or (is_leveldb and any(_ROCKSDB_NAME.fullmatch(name) for name in names)):
            raise SourceUnknown(str(path), "is a RocksDB database, which datacheck does not read; it reads LevelDB")
        if magic is None and not any(_is_log(path / name) for name in others if name.endswith(".log")):
            _refuse_stand_ins(path, [*tables, *absent] or [*others, *({"CURRENT"} & {*names})])
        is_leveldb = is_leveldb or any(_is_table(path / name) for name in tables[:TABLES_TRIED])
        return cls(path) if is_leveldb else None

    def layout(self) -> Layout:
        """Return shards of about equal size, divided where the tables' indexes and the logs' keys allow.

        A store that cannot be read, or has an order of its own, has no shards.
        """
        from datacheck.backends.leveldb.reading import layout

        return layout(self)

    def in_byte_order(self, part: str) -> bool:
        """Return True: a store whose keys are not in byte order is not read at all."""
        return True

    def blocks(self, shard: Shard, *, limit: int | None = None, note: Note = ignore) -> Iterator[Block]:
        from datacheck.backends.leveldb.reading import blocks

        return blocks(self, shard, limit=limit, note=note)

    def find(self, key: str) -> Shard | None:
        raw = unescape(key)
        shard = Shard("", Position(raw), Position(raw, 1))
        unread: list[Finding] = []
        if count_records(self.blocks(shard, limit=1), unread):
            return shard
        not_found(unread)
        return None

    def name(self, shard: Shard, place: Position, finding: Finding) -> Finding:
        assert isinstance(place.key, bytes)
        return Block([place.key], [b""]).place(0, finding, None)

    def spaced_keys(self) -> list[bytes]:
        """Return keys of a small store, at least PROBE_RECORDS apart."""
        from datacheck.backends.leveldb.reading import spaced_keys

        return spaced_keys(self)


def _refuse_stand_ins(path: Path, names: Sequence[str]) -> None:
    """Raise SourceUnknown if each of these files of a LevelDB is only a placeholder, or empty."""
    from datacheck.backends.leveldb.table_files import stand_in

    reasons = [stand_in(path / name) for name in names]
    if names and all(reasons):
        raise SourceUnknown(str(path), f"is a LevelDB directory without its data: {names[0]} {reasons[0]}")


def _magic(path: Path) -> int | None:
    """Return the last 8 bytes of a table if they are a magic number of LevelDB or RocksDB, or None."""
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


def _is_table(path: Path) -> bool:
    from datacheck.backends.leveldb.table_files import is_table

    return is_table(path)


def _is_log(path: Path) -> bool:
    from datacheck.backends.leveldb.log import BLOCK, first_record_is_sound

    try:
        with open_regular(path) as file:
            return first_record_is_sound(file.read(BLOCK))
    except OSError:
        return False
