"""Keep an HDF5 file, and the datasets of one table in it, open from one shard to the next.

Opening a dataset costs as much as reading a thousand of its rows, and closing it discards the chunk that the library
decoded last. So the probes and shards of a table open each dataset only once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import OpenFile, opened
from datacheck.backends.hdf5.values.direct import CHUNK_BYTES, Direct
from datacheck.backends.hdf5.values.hindrances import LARGEST

if TYPE_CHECKING:
    from datacheck.backends.hdf5.recovery.recover import Recovery

CACHE_BYTES = 1 << 20
"""Default size of the library's chunk cache of a dataset, in bytes (H5Pset_chunk_cache)."""
CACHES_BYTES = 256 << 20
"""Maximum total size of the chunk caches of a table's datasets that get no larger cache, in bytes."""
SLOTS, MANY_SLOTS = 521, 10_007
"""Hash slots of a chunk cache: the library's default, and the number for datasets with many chunks per row."""


class OpenTable:
    """The datasets of one table of an open file, each opened once."""

    def __init__(self, file: OpenFile, name: str, datasets: Sequence[Dataset]) -> None:
        self.name = name
        self._file = file
        self._handles: dict[bytes, Any] = {}
        self._past: dict[bytes, Direct | None] = {}
        self._lost: dict[bytes, tuple[int, int] | None] = {}
        large = [it for it in datasets if it.filters and it.band_bytes > CACHE_BYTES]
        self._room = LARGEST
        self._least = min(CACHE_BYTES, CACHES_BYTES // max(1, len(datasets)))
        heavy = sum(it.chunk_bytes for it in large if it.chunk_bytes > CHUNK_BYTES)
        self._largest = LARGEST if heavy <= LARGEST else CHUNK_BYTES

    @property
    def size(self) -> int:
        return self._file.size

    @property
    def cut(self) -> bool:
        return self._file.cut

    def dataset(self, dataset: Dataset) -> Any:
        """Return the open dataset. If it has filters, its cache holds all chunks of a row, if there is room."""
        handle = self._handles.get(dataset.path)
        if handle is None:
            cache = slots = None
            if dataset.chunks and dataset.filters:
                wanted = dataset.band_bytes if dataset.band_bytes <= LARGEST else dataset.chunk_bytes
                cache, slots = self._least, SLOTS
                if self._least < wanted <= self._room:
                    cache = wanted
                    self._room -= wanted
                    slots = MANY_SLOTS if wanted > 4 * dataset.chunk_bytes else SLOTS
            handle = self._handles[dataset.path] = self._file.dataset(dataset, cache, slots)
        return handle

    def past(self, dataset: Dataset, handle: Any) -> Direct | None:
        if dataset.path not in self._past:
            self._past[dataset.path] = self._file.past(dataset, handle, self._largest)
        return self._past[dataset.path]

    def first_lost(self, dataset: Dataset, handle: Any) -> tuple[int, int] | None:
        if dataset.path not in self._lost:
            self._lost[dataset.path] = self._file.first_lost(dataset, handle)
        return self._lost[dataset.path]


class KeptFile:
    """An open file and the table that was read last from it."""

    def __init__(self, path: Path, recovered: Recovery | None) -> None:
        self.file = opened(path, recovered, filters=False)
        self.path = path
        self.users = 0
        self._table: OpenTable | None = None

    def table(self, name: str, datasets: Sequence[Dataset]) -> OpenTable:
        """Return the open datasets of a table, and close those of the previous table."""
        if self._table is None or self._table.name != name:
            self._table = OpenTable(self.file, name, datasets)
        return self._table

    def close(self) -> None:
        self._table = None
        self.file.__exit__()


_last: list[tuple[tuple[object, ...], KeptFile]] = []
"""The file that was read last, with the path and status that identify it; empty if there is none."""


def kept(path: Path, recovered: Recovery | None = None, *, keep: bool) -> AbstractContextManager[KeptFile]:
    """Open a file for reading. With `keep`, it stays open until another file, or a changed one, is requested.

    Raises what h5py raises.
    """
    return last_open(_last, path, lambda: KeptFile(path, recovered), keep=keep)


def close_changed() -> None:
    """Close kept files whose device, inode, size or modification time changed, unless they are in use.

    Otherwise the library would answer from its cached data of such a file, and a new walk would see the old contents.
    """
    for last in _kept:
        if last and not last[0][1].users and _current_identity(last[0][1].path) != last[0][0]:
            last.pop()[1].close()


class Closing(Protocol):
    """An open file with its number of current users."""

    users: int
    path: Path

    def close(self) -> None: ...


File = TypeVar("File", bound=Closing)
_kept: list[list[tuple[tuple[object, ...], Any]]] = []
"""All lists of kept files, for `close_changed`."""


def _file_identity(path: Path, status: os.stat_result) -> tuple[object, ...]:
    return path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _current_identity(path: Path) -> tuple[object, ...] | None:
    try:
        return _file_identity(path, path.stat())
    except OSError:
        return None


@contextmanager
def last_open(
    last: list[tuple[tuple[object, ...], File]], path: Path, make: Callable[[], File], *, keep: bool
) -> Iterator[File]:
    """Open a file with `make`. With `keep`, it stays in `last` until another file, or a changed one, is requested.

    A kept file that is in use when another one is requested stays open and in `last`. Raises what `make` raises, and
    OSError.
    """
    identity = _file_identity(path, path.stat())
    if not any(it is last for it in _kept):
        _kept.append(last)
    if not keep or (last and last[0][0] != identity and last[0][1].users):
        file = make()
        try:
            yield file
        finally:
            file.close()
        return
    if last and last[0][0] != identity:
        last.pop()[1].close()
    if not last:
        last.append((identity, make()))
    file = last[0][1]
    file.users += 1
    try:
        yield file
    finally:
        file.users -= 1
