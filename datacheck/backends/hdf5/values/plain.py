"""Read numbers that a sound file stores as NumPy holds them, without the library, from the offsets the walk has found.

For small datasets, opening the file and its datasets again takes the library longer than all of the reading. If a read
fails, the library opens them nevertheless and reports why.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import OpenFile, opened
from datacheck.backends.hdf5.formats.sparse_rows import sparse_rows
from datacheck.backends.hdf5.kept import last_open
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.backends.hdf5.values.direct import CHUNK_BYTES, Direct, contiguous
from datacheck.files.regular import open_descriptor
from datacheck.model.finding import Finding


class PlainFile:
    """An open file whose datasets have known offsets (`Dataset.placed`); the library opens it only on demand."""

    cut = False

    def __init__(self, path: Path) -> None:
        self.descriptor = open_descriptor(path)
        self.size = os.fstat(self.descriptor).st_size
        self.users = 0
        self.path = path
        self._opened: OpenFile | None = None

    def close(self) -> None:
        os.close(self.descriptor)
        if self._opened is not None:
            self._opened.__exit__()

    def by_library(self) -> OpenFile:
        """Return the file as opened by the library. Raises what h5py raises."""
        if self._opened is None:
            self._opened = opened(self.path, filters=False)
        return self._opened

    @property
    def file(self) -> PlainFile:
        """The open file itself; a `KeptFile` has the same attribute."""
        return self

    def table(self, name: str, datasets: Sequence[Dataset]) -> PlainFile:
        """Return the object that reads the datasets of a table, which is the file itself."""
        return self

    def dataset(self, dataset: Dataset) -> Handle:
        """Return a handle that opens the dataset when it is first used."""
        return Handle(self, dataset)

    def past(self, dataset: Dataset, handle: Any, largest: int = CHUNK_BYTES) -> Direct | None:
        """Return a reader that bypasses the library, or None if the dataset's offset is not known."""
        return None if dataset.placed is None else contiguous(dataset, self.descriptor, dataset.placed)

    def first_lost(self, dataset: Dataset, handle: Any) -> tuple[int, int] | None:
        """Return None: no part of the dataset lies beyond the end of the file."""
        return None

    def read_whole(self, dataset: Dataset, into: NDArray[Any]) -> Finding | None:
        """Read all of a small dataset; if that fails, have the library read it and return its finding, if any."""
        assert dataset.placed is not None
        try:
            is_complete = os.preadv(self.descriptor, [into.data], dataset.placed) == into.nbytes
        except OSError:
            is_complete = False
        return None if is_complete else self.by_library().read_whole(dataset, into)


class Handle:
    """A dataset that the library opens when it is first used."""

    def __init__(self, file: PlainFile, dataset: Dataset) -> None:
        self._of = file, dataset
        self._opened: Any = None

    def _handle(self) -> Any:
        if self._opened is None:
            file, dataset = self._of
            self._opened = file.by_library().dataset(dataset)
        return self._opened

    def __getitem__(self, where: Any) -> Any:
        return self._handle()[where]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle(), name)


def is_plain(contents: Contents, table: Table) -> bool:
    """Check whether a sound file stores all of a table as NumPy holds it."""
    if contents.recovery is not None or contents.damaged or any(it.placed is None for it in table.datasets):
        return False
    return sparse_rows(None, table, contents.means) is None  # their places in the matrix are read by the library


_last: list[tuple[tuple[object, ...], PlainFile]] = []
"""The file that was read last, with a mark that identifies its state."""


def plain(path: Path, *, keep: bool) -> AbstractContextManager[PlainFile]:
    """Open a file for reading without the library; with `keep`, it stays open until another one is requested.

    Raises OSError.
    """
    return last_open(_last, path, lambda: PlainFile(path), keep=keep)
