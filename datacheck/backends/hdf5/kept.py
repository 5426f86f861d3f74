"""Keep an HDF5 file open from one shard to the next, and of it the datasets of one table.

Opening a dataset costs as much as reading a thousand rows of it, and the library forgets with it the chunk that it has
decoded last: the probes of a table, and its shards, are to open each dataset once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.direct import CHUNK_BYTES, Direct
from datacheck.backends.hdf5.file import OpenFile, opened
from datacheck.backends.hdf5.hindrances import LARGEST

if TYPE_CHECKING:
    from datacheck.backends.hdf5.recovery.recover import Recovery

CACHE_BYTES = 1 << 20
"""What the library keeps of decoded chunks for each dataset unless it is told otherwise (H5Pset_chunk_cache)."""
CACHES_BYTES = 256 << 20
"""What it may keep for all datasets of a table that are not given a larger cache."""
SLOTS, MANY_SLOTS = 521, 10_007
"""Places for chunks in a cache: the library's own number, and one for datasets with many chunks beside each other."""


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
        """Return the open dataset. Where it has to be decoded, all chunks that lie beside each other are kept."""
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
    """An open file, and the table of it that was read last."""

    def __init__(self, path: Path, recovered: Recovery | None) -> None:
        self.file = opened(path, recovered)
        self.path = path
        self.users = 0
        self._table: OpenTable | None = None

    def table(self, name: str, datasets: Sequence[Dataset]) -> OpenTable:
        """Return the datasets of a table; those of the table before are closed."""
        if self._table is None or self._table.name != name:
            self._table = OpenTable(self.file, name, datasets)
        return self._table

    def close(self) -> None:
        self._table = None
        self.file.__exit__()


_last: list[tuple[tuple[object, ...], KeptFile]] = []
"""The file that was read last, and what tells that it still is that file."""


def kept(path: Path, recovered: Recovery | None = None, *, keep: bool) -> AbstractContextManager[KeptFile]:
    """Open a file to be read; if it is to `keep`, it stays open until another one, or a changed one, is asked for.

    Raises what h5py raises.
    """
    return last_open(_last, path, lambda: KeptFile(path, recovered), keep=keep)


def close_changed() -> None:
    """Close the open files that were replaced or changed since: by identity, size or time.

    Otherwise the library answers from what it remembers of such a file, and a new walk sees the old contents.
    """
    for last in _kept:
        if last and not last[0][1].users and _mark(last[0][1].path) != last[0][0]:
            last.pop()[1].close()


class Closing(Protocol):
    """An open file, and how many read it."""

    users: int
    path: Path

    def close(self) -> None: ...


File = TypeVar("File", bound=Closing)
_kept: list[list[tuple[tuple[object, ...], Any]]] = []
"""All lists of files that stay open, so that `close_changed` can look at each."""


def _marked(path: Path, status: os.stat_result) -> tuple[object, ...]:
    return path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _mark(path: Path) -> tuple[object, ...] | None:
    try:
        return _marked(path, path.stat())
    except OSError:
        return None


@contextmanager
def last_open(
    last: list[tuple[tuple[object, ...], File]], path: Path, make: Callable[[], File], *, keep: bool
) -> Iterator[File]:
    """Open a file by `make`; if it is to `keep`, it stays in `last` until another one, or a changed one, is asked for.

    One that is still read when another is asked for stays open. Raises what `make` raises, and OSError.
    """
    mark = _marked(path, path.stat())
    if not any(it is last for it in _kept):
        _kept.append(last)
    if not keep or (last and last[0][0] != mark and last[0][1].users):
        file = make()
        try:
            yield file
        finally:
            file.close()
        return
    if last and last[0][0] != mark:
        last.pop()[1].close()
    if not last:
        last.append((mark, make()))
    file = last[0][1]
    file.users += 1
    try:
        yield file
    finally:
        file.users -= 1
