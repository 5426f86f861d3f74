"""Locate stored values of a sparse matrix by cell, or by row and column, and find numbers that lead to nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.formats.sparse import Sparse
from datacheck.backends.hdf5.meaning import Meaning
from datacheck.backends.hdf5.references.categories import without_category, without_name
from datacheck.backends.hdf5.tables import Table
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

HELD = 64 << 20
"""Maximum size in bytes of pointers that are held in memory; of larger ones, only the needed pointers are read."""

WINDOW = 1 << 14
"""Number of positions that are read at once."""


class SparseRows(msgspec.Struct, frozen=True, dict=True):
    """The places of the stored values of a sparse matrix in an open file, by the number of the value."""

    file: Any
    matrix: Sparse
    names: bytes = b""
    """Path of the dataset of the cells' names; empty if there is none."""
    cell_axis: int | None = None
    """The axis of the matrix along which the cells lie, or None if there are no cells."""

    def __call__(self, at: int) -> tuple[str, dict[str, Any]]:
        """Return the place of a value in the matrix, as text and as details; both are empty if it is not known."""
        try:
            between = self._pointer_before(at)
            along = self._index(at)
        except (*TROUBLE, MemoryError):
            return "", {}
        if between is None or self.matrix.by_column is None:
            return "", {}
        place = (along, between) if self.matrix.by_column else (between, along)
        if self.cell_axis is None:
            return f"row {place[0]}, column {place[1]}", {"place": list(place)}
        cell, other = place[self.cell_axis], place[1 - self.cell_axis]
        name = self._cell_name(cell)
        called = f" ({escape(name)})" if name else ""
        details = {"cell": cell, "other": other} | ({"name": escape(name)} if name else {})
        return f"in cell {cell}{called}, at {other}", details

    @cached_property
    def _windows(self) -> dict[int, NDArray[Any]]:
        """The numbers that were read last, by their first position: findings come in order, and often many."""
        return {}

    def _index(self, at: int) -> int:
        start = at - at % WINDOW
        if start not in self._windows:
            self._windows.clear()
            indices = self.file[self.matrix.indices]
            try:
                self._windows[start] = indices[start : start + WINDOW]
            except TROUBLE:  # another part of the window is damaged
                return int(indices[at])
        return int(self._windows[start][at - start])

    @cached_property
    def _pointers(self) -> Any:
        """The pointers, in memory unless there are very many."""
        pointers = self.file[self.matrix.indptr]
        return pointers[:] if pointers.size * pointers.dtype.itemsize <= HELD else pointers

    def _pointer_before(self, at: int) -> int | None:
        """Return the number of the pointer after which a value lies, or None if the pointers do not enclose it."""
        pointers = self._pointers
        place = bisect_right(pointers, at) - 1
        if not 0 <= place < len(pointers) - 1 or not pointers[place] <= at < pointers[place + 1]:
            return None
        return place

    def _cell_name(self, cell: int) -> bytes:
        if not self.names:
            return b""
        try:
            value = self.file[self.names][cell]
        except (*TROUBLE, MemoryError):
            return b""
        return value if isinstance(value, bytes) else b""


def sparse_rows(file: Any, table: Table, means: Meaning | None) -> SparseRows | None:
    """Return the places in a sparse matrix of the rows of a table, or None if the table holds no sparse matrix."""
    if means is None or not means.sparse:
        return None
    paths = {it.path for it in table.datasets}
    matrix = next((it for it in means.sparse if {it.data, it.indices} & paths), None)
    if matrix is None:
        return None
    cells = means.cells
    cell_matrix = next((it for it in cells.matrices if it.of == matrix), None) if cells is not None else None
    if cells is None or cell_matrix is None:
        return SparseRows(file, matrix)
    by_column = bool(matrix.by_column)
    return SparseRows(file, matrix, cells.names, int(by_column if cell_matrix.major else not by_column))


class References(msgspec.Struct, frozen=True):
    """What the numbers in the rows of a table refer to: places of a sparse matrix, categories."""

    places: SparseRows | None = None
    categories: Mapping[bytes, int] = msgspec.field(default_factory=dict)

    def dangling_findings(
        self, dataset: Dataset, name: str, numbers: NDArray[Any], start: int, *, label: bool
    ) -> Iterator[tuple[int, Finding]]:
        """Yield a finding for each number of a piece of a column that leads to nothing, with its place in the piece."""
        yield from without_name(dataset, numbers, start, label=label)
        if self.places is not None and dataset.path == self.places.matrix.indices:
            yield from _beyond_findings(self.places, name, numbers, start)
        if dataset.path in self.categories:
            yield from without_category(dataset, self.categories[dataset.path], numbers, start)


def references_of(file: Any, table: Table, means: Meaning | None) -> References:
    """Return what the numbers in the rows of a table refer to, in an open file."""
    return References() if means is None else References(sparse_rows(file, table, means), means.categories)


def _beyond_findings(rows: SparseRows, name: str, numbers: NDArray[Any], start: int) -> Iterator[tuple[int, Finding]]:
    """Yield a finding for each index of a piece that is outside the sparse matrix, with its place in the piece."""
    across = rows.matrix.across
    if numbers.dtype.kind not in "iu" or not numbers.size:
        return
    if int(numbers.min()) >= 0 and (across is None or int(numbers.max()) < across):
        return
    where = escape(rows.matrix.indices)
    there = "indices begin at 0" if across is None else f"there are {across:,}"
    for at in np.flatnonzero((numbers < 0) | (across is not None and numbers >= across)).tolist():
        number = int(numbers[at])
        message = f"{where}[{start + at}] leads to {number:,}, and {there}"
        yield at, found("dangling", message, field=name, dataset=where, row=start + at, number=number)
