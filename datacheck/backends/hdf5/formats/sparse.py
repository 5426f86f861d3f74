"""Find the compressed sparse matrices of an HDF5 file, and what has one row per cell in files of anndata and 10x.

A group is such a matrix if it has the datasets data, indices and indptr. The values between two pointers are a row of
the matrix (CSR) or a column of it (CSC). The group's attributes say which, or else the stored extent of the matrix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.library.looking import LARGEST
from datacheck.backends.hdf5.paths import Paths
from datacheck.backends.hdf5.references.row_numbers import too_large
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

SHAPES = (b"shape", b"h5sparse_shape")
FORMATS = (b"encoding-type", b"h5sparse_format")
"""Attributes of a sparse matrix in anndata files: the current name and the one used before 2019, for shape and
format."""
Numbers = Callable[[bytes, bytes], "tuple[int, ...]"]
"""Returns the integers that an attribute (given by path and name) holds, or none if there is no such attribute."""
Text = Callable[[bytes, bytes], str]
Pieces = Callable[[Dataset], "Iterator[NDArray[Any]]"]
"""Yields the values of a flat dataset of numbers in pieces, up to the first piece that cannot be read."""


class Sparse(msgspec.Struct, frozen=True):
    """A compressed sparse matrix: its group, the numbers of pointers and of stored values, and the extent if known.

    The extent is (rows, columns). `by_column` says whether the values between two pointers are a column, or is None if
    this is not known.
    """

    group: bytes
    pointers: int
    stored: int
    extent: tuple[int, int] | None = None
    by_column: bool | None = None
    told_by: bytes = b""
    """Name of the attribute that has the extent; empty if a dataset has it, or if there is none."""

    @property
    def data(self) -> bytes:
        return self.group + b"/data"

    @property
    def indices(self) -> bytes:
        return self.group + b"/indices"

    @property
    def indptr(self) -> bytes:
        return self.group + b"/indptr"

    @property
    def paths(self) -> tuple[bytes, ...]:
        return self.data, self.indices, self.indptr

    @property
    def across(self) -> int | None:
        """Number of valid indices (rows or columns of the matrix), or None if it is not known."""
        if self.extent is None or self.by_column is None:
            return None
        return self.extent[0] if self.by_column else self.extent[1]


class CellMatrix(msgspec.Struct, frozen=True):
    """A sparse matrix with a row or column per cell.

    `major` is true if the values between two pointers belong to a cell, `minor` if the indices are cells. Both are true
    if the matrix has a number for each pair of cells.
    """

    of: Sparse
    major: bool
    minor: bool

    def extent(self, cells: int) -> tuple[int, int] | None:
        """Return the extent of the matrix with this number of cells, or None if its extent is not known."""
        if self.of.extent is None:
            return None
        rows, columns = self.of.extent
        by_row = (self.major and not self.of.by_column) or (self.minor and bool(self.of.by_column))
        by_column = (self.major and bool(self.of.by_column)) or (self.minor and not self.of.by_column)
        return cells if by_row else rows, cells if by_column else columns


class Cells(msgspec.Struct, frozen=True):
    """What has one row per cell in a file of `count` cells.

    These are datasets (`rows`), datasets with cells on both axes (`squares`), and sparse matrices. `names` is the
    dataset of the cells' names. `genes` are the datasets that have a row per gene, the other axis.
    """

    count: int
    rows: frozenset[bytes]
    squares: frozenset[bytes] = frozenset()
    matrices: tuple[CellMatrix, ...] = ()
    genes: frozenset[bytes] = frozenset()
    names: bytes = b""

    def covers(self, path: bytes) -> bool:
        """Check whether a copy without some cells keeps this dataset consistent."""
        return path in self.rows or path in self.squares or any(path in it.of.paths for it in self.matrices)


def sparse(
    group: bytes, datasets: Sequence[Dataset], values: Values, pieces: Pieces, numbers: Numbers, text: Text
) -> tuple[Sparse | None, list[Finding]]:
    """Return the sparse matrix that a group holds, or None if it holds none, and the findings about it."""
    by_name = {it.name: it for it in datasets if len(it.shape) == 1}
    pointers, indices, data = (by_name.get(it) for it in (b"indptr", b"indices", b"data"))
    if pointers is None or indices is None or data is None or pointers.dtype.kind not in "iu":
        return None, []
    if indices.rows == pointers.rows - 1 != data.rows:
        return None, []  # not a matrix: the data are rows of varying length, with one index per row
    findings: list[Finding] = []
    if indices.rows != data.rows:
        counts = {escape(it.path): it.rows for it in (indices, data)}
        message = f"{escape(indices.path)} has {counted(indices.rows, 'row')}, {escape(data.path)} has {data.rows:,}"
        findings.append(found("row-count", f"{message}; they belong together", rows=counts))
    findings += _pointer_findings(pointers, data, pieces)
    extent, told_by = _extent(group, by_name.get(b"shape"), values, numbers)
    kept = next((it for it in (text(group, name) for name in FORMATS) if it), "")[:3].lower()
    by_column = {"csr": False, "csc": True}.get(kept)
    if by_column is None and extent is not None and pointers.rows - 1 in extent and extent[0] != extent[1]:
        by_column = pointers.rows - 1 == extent[1]
    if by_column is None and by_name.get(b"barcodes") is not None and extent is not None:
        by_column = pointers.rows - 1 == extent[1]  # 10x: one column per cell
    matrix = Sparse(group, pointers.rows, data.rows, extent, by_column, told_by)
    if extent is not None:
        findings += _extent_findings(matrix, pointers, by_name.get(b"barcodes"))
    return matrix, findings


def _pointer_findings(pointers: Dataset, data: Dataset, pieces: Pieces) -> Iterator[Finding]:
    path, stored = escape(pointers.path), data.rows
    first = last = None
    done = 0
    for numbers in pieces(pointers):
        first = int(numbers[0]) if first is None else first
        joined = numbers if last is None else np.concatenate([np.array([last], numbers.dtype), numbers])
        falling = np.flatnonzero(joined[1:] < joined[:-1])
        if falling.size:
            at = int(falling[0])
            row = done + at + (last is None)
            message = f"{path}[{row}] is {int(joined[at + 1])}, which is before {int(joined[at])}: pointers never fall"
            yield found("dangling", message, field=pointers.title, dataset=path, row=row)
            return
        done += len(numbers)
        last = int(numbers[-1])
    if first is None or last is None or done < pointers.rows:
        if pointers.bytes > LARGEST and not done:
            yield too_large(pointers)
        return
    if last > stored:
        message = f"{path} leads to value {last:,}, and there are {stored:,}"
        yield found("dangling", message, field=pointers.title, dataset=path, number=last, rows=stored)
    elif last < stored or first:
        message = f"{path} leads from value {first:,} to {last:,}, and there are {stored:,}"
        yield found("count", message, field=pointers.title, dataset=path, number=last, rows=stored)


def _extent(
    group: bytes, shape: Dataset | None, values: Values, numbers: Numbers
) -> tuple[tuple[int, int] | None, bytes]:
    if shape is not None and shape.dtype.kind in "iu" and shape.rows == 2:
        stored = values(shape)
        return (None if stored is None else (int(stored[0]), int(stored[1]))), b""
    for name in SHAPES:
        sides = numbers(group, name)
        if len(sides) == 2:
            return (sides[0], sides[1]), name
    return None, b""


def _extent_findings(matrix: Sparse, pointers: Dataset, cells: Dataset | None) -> Iterator[Finding]:
    """Yield a finding if the pointers, or the names of the cells, do not fit the stored extent."""
    assert matrix.extent is not None
    sides, path = matrix.extent, escape(pointers.path)
    kept = escape(matrix.group) + (f" (its attribute {escape(matrix.told_by)})" if matrix.told_by else "/shape")
    stated = f"{kept} says {sides[0]:,} by {sides[1]:,}"
    wanted = sides if matrix.by_column is None else (sides[1] if matrix.by_column else sides[0],)
    if pointers.rows - 1 not in wanted:
        unit = "rows or columns" if matrix.by_column is None else "columns" if matrix.by_column else "rows"
        message = f"{path} is of {pointers.rows - 1:,} {unit}, {stated}"
        yield found("count", message, field=pointers.title, dataset=path, shape=list(sides))
        return
    if cells is not None and cells.rows not in sides:
        message = f"{escape(cells.path)} names {cells.rows:,} cells, {stated}"
        yield found("count", message, field=cells.title, dataset=escape(cells.path), shape=list(sides))


OF_CELLS = re.compile(rb"/X|/raw/X|/(obs|obsm|layers)(/.+)?")
OF_GENES = re.compile(rb"/(raw/)?(var|varm|varp)(/.+)?")
OF_PAIRS = re.compile(rb"/obsp/[^/]+")
OF_MATRICES = re.compile(rb"/X|/raw/X|/(layers|obsm)/[^/]+")
CATEGORIES = re.compile(rb".*/(categories|__categories/.*)")


def cells_of(datasets: Mapping[bytes, Dataset], matrices: Sequence[Sparse], text: Text) -> Cells | None:
    """Return what has one row per cell in a file, or None if the file is neither anndata nor 10x."""
    return _anndata(datasets, matrices, text) or _tenx(datasets, matrices)


def _anndata(datasets: Mapping[bytes, Dataset], matrices: Sequence[Sparse], text: Text) -> Cells | None:
    shapes = {path: it for path, it in datasets.items() if it.shape}
    if not any(OF_GENES.fullmatch(it) for it in shapes):
        return None
    names = text(b"/obs", b"_index").encode("utf-8", "surrogateescape")
    named = [b"/obs", b"/obs/" + (names or b"_index"), b"/obs/_index", b"/obs/index"]
    index = next((shapes[it] for it in named if it in shapes), None)
    if index is None or not any(map(OF_MATRICES.fullmatch, [*shapes, *(it.group for it in matrices)])):
        return None
    within = {path for it in matrices for path in it.paths}
    count = index.rows
    rows = Paths(
        path
        for path, it in shapes.items()
        if it.rows == count and OF_CELLS.fullmatch(path) and not CATEGORIES.fullmatch(path) and path not in within
    )
    squares = Paths(it for it, dataset in shapes.items() if OF_PAIRS.fullmatch(it) and dataset.shape == (count, count))
    cell_matrices = []
    for it in matrices:
        if OF_PAIRS.fullmatch(it.group) and it.pointers == count + 1:
            cell_matrices.append(CellMatrix(it, major=True, minor=True))
        elif OF_MATRICES.fullmatch(it.group) and it.by_column is not None:
            cell_matrices.append(CellMatrix(it, major=not it.by_column, minor=it.by_column))
    genes = Paths(path for path in shapes if OF_GENES.fullmatch(path))
    return Cells(count, rows, squares, tuple(cell_matrices), genes, index.path if index.dtype.names is None else b"")


def _tenx(datasets: Mapping[bytes, Dataset], matrices: Sequence[Sparse]) -> Cells | None:
    """Return what has one row per cell in a 10x file: the barcodes, and a column of the matrix for each of them.

    Return None if there is not exactly one matrix with barcodes, or if it does not fit them.
    """
    named = [it for it in matrices if it.group + b"/barcodes" in datasets]
    if len(named) != 1 or not named[0].by_column:
        return None
    matrix, path = named[0], named[0].group + b"/barcodes"
    if len(datasets[path].shape) != 1 or datasets[path].rows != matrix.pointers - 1:
        return None
    genes = Paths(
        it
        for it in datasets
        if it.startswith(matrix.group + b"/features/")
        or it in (matrix.group + b"/genes", matrix.group + b"/gene_names")
    )
    cell_matrix = CellMatrix(matrix, major=True, minor=False)
    return Cells(datasets[path].rows, Paths({path}), matrices=(cell_matrix,), genes=genes, names=path)
