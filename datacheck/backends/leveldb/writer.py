"""Write a LevelDB with plyvel, which is installed on Python up to 3.12, or by the extra `leveldb` if it builds."""

from __future__ import annotations

import errno
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

from datacheck.backends.interface import Reader, WithDatabases

BLOCK_SIZE = 65536
"""Size of a block in bytes, as in LevelDBs that Caffe writes."""
BUFFER_BYTES = 64 << 20


def is_installed() -> bool:
    """Return whether plyvel is installed."""
    return importlib.util.find_spec("plyvel") is not None


class LevelDbWriter:
    """A writer of a new LevelDB. Use as a context manager. Raises OSError if the disk is full or refuses."""

    def __init__(self, path: Path) -> None:
        import plyvel

        path.parent.mkdir(parents=True, exist_ok=True)
        self._error = plyvel.Error
        self._store = plyvel.DB(
            os.fsencode(path),
            create_if_missing=True,
            error_if_exists=True,
            block_size=BLOCK_SIZE,
            write_buffer_size=BUFFER_BYTES,
        )

    @classmethod
    def refusals(cls, reader: Reader) -> list[str]:
        """Return what a LevelDB cannot keep of an LMDB, or that plyvel is not installed."""
        if not is_installed():
            return ["writing a LevelDB needs plyvel, which is not installed here; --to lmdb writes an LMDB instead"]
        databases = reader.databases() if isinstance(reader, WithDatabases) else {}
        reasons = [f"LevelDB has no named databases, as {part} is one" for part in databases if part]
        return reasons + ["LevelDB has no DUPSORT, which the source uses" for many in databases.values() if many][:1]

    @classmethod
    def like(cls, reader: Reader, path: Path) -> LevelDbWriter:
        """Return a writer; a LevelDB is the same for all sources of records."""
        return cls(path)

    @classmethod
    def let_go(cls, path: Path) -> None:
        """Do nothing: the tables are read block by block, so their memory is left to the kernel."""

    def __enter__(self) -> LevelDbWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self._store.close()

    def put(self, part: str, pairs: Sequence[tuple[bytes, bytes | memoryview]], *, ordered: bool = True) -> None:
        """Write records, in any order."""
        assert not part
        try:
            with self._store.write_batch() as batch:
                for key, value in pairs:
                    batch.put(key, bytes(value))
        except self._error as exc:
            raise OSError(errno.EIO, f"{os.strerror(errno.EIO)} ({exc})") from exc

    def finish(self) -> None:
        """Write what the store still holds in memory to its tables."""
        self._store.compact_range()
