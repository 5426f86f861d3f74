"""Say of a stored value of a sparse matrix which cell, or row and column, it is of, and whether that is there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.categories import without_category, without_name
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.meaning import Meaning
from datacheck.backends.hdf5.sparse import Sparse
from datacheck.backends.hdf5.tables import Table
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

HELD = 64 << 20
"""Pointers of so many bytes are held in memory; of more only those that are asked for are read."""


@dataclass(frozen=True)
class SparseRows:
    """The values of a sparse matrix in an open file, by their number."""

    file: Any
    matrix: Sparse
    names: bytes = b""
    """The dataset of the cells' names, where there is one."""
    cell_axis: int | None = None
    """The axis of the matrix that the cells are on."""

    def __call__(self, at: int) -> tuple[str, dict[str, Any]]:
        """Return where in the matrix a value is, in words and as details; nothing where that cannot be told."""
        try:
            between = self._between(at)
            along = int(self.file[self.matrix.indices][at])
        except (*TROUBLE, MemoryError):
            return "", {}
        if between is None or self.matrix.by_column is None:
            return "", {}
        place = (along, between) if self.matrix.by_column else (between, along)
        if self.cell_axis is None:
            return f"row {place[0]}, column {place[1]}", {"place": list(place)}
        cell, other = place[self.cell_axis], place[1 - self.cell_axis]
        name = self._name(cell)
        called = f" ({escape(name)})" if name else ""
        details = {"cell": cell, "other": other} | ({"name": escape(name)} if name else {})
        return f"in cell {cell}{called}, at {other}", details

    @cached_property
    def _pointers(self) -> Any:
        """The pointers, in memory unless they are very many."""
        pointers = self.file[self.matrix.indptr]
        return pointers[:] if pointers.size * pointers.dtype.itemsize <= HELD else pointers

    def _between(self, at: int) -> int | None:
        """Return after which pointer a value lies, None where the pointers do not rise up to it."""
        pointers = self._pointers
        place = bisect_right(pointers, at) - 1
        if not 0 <= place < len(pointers) - 1 or not pointers[place] <= at < pointers[place + 1]:
            return None
        return place

    def _name(self, cell: int) -> bytes:
        if not self.names:
            return b""
        try:
            value = self.file[self.names][cell]
        except (*TROUBLE, MemoryError):
            return b""
        return value if isinstance(value, bytes) else b""


def sparse_rows(file: Any, table: Table, means: Meaning | None) -> SparseRows | None:
    """Return what tells of the rows of a table which place of a sparse matrix they are, None for any other table."""
    if means is None or not means.sparse:
        return None
    paths = {it.path for it in table.datasets}
    matrix = next((it for it in means.sparse if {it.data, it.indices} & paths), None)
    if matrix is None:
        return None
    cells = means.cells
    of = next((it for it in cells.matrices if it.of == matrix), None) if cells is not None else None
    if cells is None or of is None:
        return SparseRows(file, matrix)
    by_column = bool(matrix.by_column)
    return SparseRows(file, matrix, cells.names, int(by_column if of.major else not by_column))


@dataclass(frozen=True)
class Told:
    """What is known of the numbers that the rows of a table hold: indices of a sparse matrix, categories."""

    places: SparseRows | None = None
    categories: Mapping[bytes, int] = field(default_factory=dict)

    def leading_nowhere(
        self, dataset: Dataset, name: str, numbers: NDArray[Any], start: int, *, label: bool
    ) -> Iterator[tuple[int, Finding]]:
        """Yield the numbers of a piece of a column that lead to nothing, with their positions in the piece."""
        yield from without_name(dataset, numbers, start, label=label)
        if self.places is not None and dataset.path == self.places.matrix.indices:
            yield from _beyond(self.places, name, numbers, start)
        if dataset.path in self.categories:
            yield from without_category(dataset, self.categories[dataset.path], numbers, start)


def told_of(file: Any, table: Table, means: Meaning | None) -> Told:
    """Return what is known of the rows of a table in an open file."""
    return Told() if means is None else Told(sparse_rows(file, table, means), means.categories)


def _beyond(rows: SparseRows, name: str, numbers: NDArray[Any], start: int) -> Iterator[tuple[int, Finding]]:
    """Yield the indices of a piece of a sparse matrix that lead out of it, with their positions in the piece."""
    across = rows.matrix.across
    if across is None or numbers.dtype.kind not in "iu" or not numbers.size:
        return
    if int(numbers.min()) >= 0 and int(numbers.max()) < across:
        return
    where = escape(rows.matrix.indices)
    for at in np.flatnonzero((numbers < 0) | (numbers >= across)).tolist():
        number = int(numbers[at])
        told = f"{where}[{start + at}] leads to {number:,}, and there are {across:,}"
        yield at, found("dangling", told, field=name, dataset=where, row=start + at, number=number)
