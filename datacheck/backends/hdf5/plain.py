"""Read numbers that lie in a sound file as NumPy holds them, without the library: the walk has told where.

To open a file and its datasets once more takes the library longer than all of the reading, where they are small.
It does so all the same where the reading fails, and then says why.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.direct import CHUNK_BYTES, Direct, contiguous
from datacheck.backends.hdf5.file import OpenFile, opened
from datacheck.backends.hdf5.kept import last_open
from datacheck.backends.hdf5.sparse_rows import sparse_rows
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.files.regular import open_descriptor
from datacheck.model.finding import Finding


class PlainFile:
    """An open file whose datasets have a place (`Dataset.placed`); the library opens it when it is asked for."""

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
        """Return the file as the library has it open. Raises what h5py raises."""
        if self._opened is None:
            self._opened = opened(self.path)
        return self._opened

    @property
    def file(self) -> PlainFile:
        """The open file; a `KeptFile` has one too."""
        return self

    def table(self, name: str, datasets: Sequence[Dataset]) -> PlainFile:
        """Return what reads the datasets of a table."""
        return self

    def dataset(self, dataset: Dataset) -> Handle:
        """Return what stands for the open dataset until somebody asks for it."""
        return Handle(self, dataset)

    def past(self, dataset: Dataset, handle: Any, largest: int = CHUNK_BYTES) -> Direct | None:
        """Return how to read a dataset past the library."""
        return None if dataset.placed is None else contiguous(dataset, self.descriptor, dataset.placed)

    def first_lost(self, dataset: Dataset, handle: Any) -> tuple[int, int] | None:
        """Return None: nothing of it lies beyond the end."""
        return None

    def read_whole(self, dataset: Dataset, into: NDArray[Any]) -> Finding | None:
        """Read all of a small dataset; return what is wrong where the library reads it all the same."""
        assert dataset.placed is not None
        try:
            whole = os.preadv(self.descriptor, [into.data], dataset.placed) == into.nbytes
        except OSError:
            whole = False
        return None if whole else self.by_library().read_whole(dataset, into)


class Handle:
    """Stands for an open dataset, which the library opens as soon as it is used."""

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
    """Say whether all of a table lies in a sound file as NumPy holds it."""
    if contents.recovery is not None or contents.damaged or any(it.placed is None for it in table.datasets):
        return False
    return sparse_rows(None, table, contents.means) is None  # the places of these are read by the library


_last: list[tuple[tuple[object, ...], PlainFile]] = []
"""The file that was read last, and what tells that it still is that file."""


def plain(path: Path, *, keep: bool) -> AbstractContextManager[PlainFile]:
    """Open a file to be read without the library; if it is to `keep`, it stays open until another one is asked for.

    Raises OSError.
    """
    return last_open(_last, path, lambda: PlainFile(path), keep=keep)
