"""Write a LevelDB through plyvel, which is there on Python up to 3.12, or with the extra `leveldb` where it builds."""

from __future__ import annotations

import errno
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

BLOCK_SIZE = 65536
"""As Caffe writes its LevelDBs."""
BUFFER_BYTES = 64 << 20


def is_installed() -> bool:
    """Say whether plyvel is there."""
    return importlib.util.find_spec("plyvel") is not None


class LevelDbWriter:
    """Writes a new LevelDB. Use as a context manager. Raises OSError where the disk is full or refuses."""

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

    def __enter__(self) -> LevelDbWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self._store.close()

    def put(self, part: str, pairs: Sequence[tuple[bytes, bytes | memoryview]]) -> None:
        """Write records."""
        assert not part
        try:
            with self._store.write_batch() as batch:
                for key, value in pairs:
                    batch.put(key, bytes(value))
        except self._error as exc:
            raise OSError(errno.EIO, f"{os.strerror(errno.EIO)} ({exc})") from exc

    def finish(self) -> None:
        """Put what the store still has in memory into its tables."""
        self._store.compact_range()
