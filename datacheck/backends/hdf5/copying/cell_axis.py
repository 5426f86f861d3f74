"""Drop whole cells from an anndata or 10x file: their rows and their part of each sparse matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.copying.row_selection import NONE, Change, Kept
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import opened
from datacheck.backends.hdf5.formats.sparse import CellMatrix, Cells, Sparse
from datacheck.backends.hdf5.tables import Contents
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.errors import RebuildFailed
from datacheck.model.escaping import escape

PIECE = 1 << 20
"""Number of elements of a matrix that are processed at once."""
SQUARE_BYTES = 1 << 30
"""Largest dense matrix with a number for each pair of cells that is cut, in bytes; it is held in memory."""
Rows = dict[str, NDArray[np.int64]]


def with_cells(file: Path, contents: Contents, rows: Rows) -> Rows:
    """Return the rows to drop from each table if every cell with a bad value is dropped as a whole.

    Rows to drop that belong to no cell are returned unchanged.
    """
    cells = None if contents.means is None else contents.means.cells
    if cells is None or not rows:
        return rows
    tables = {dataset.path: it.name for it in contents.tables for dataset in it.datasets}
    try:
        with opened(file, contents.recovery) as handle:
            if any(tables.get(it) in rows for it in _paths_of_cells(cells)):
                for matrix in cells.matrices:
                    _require_sound(file, handle.file, matrix.of)
            dropped_cells = _affected_cells(handle.file, cells, tables, rows)
            if not len(dropped_cells):
                return rows
            result = dict(rows)
            result.update((tables[it], dropped_cells) for it in cells.rows | cells.squares if it in tables)
            for matrix in cells.matrices:
                entries = _entries(handle.file, matrix, dropped_cells)
                result.update((tables[it], entries) for it in (matrix.of.data, matrix.of.indices) if it in tables)
                if matrix.major and matrix.of.indptr in tables:
                    result[tables[matrix.of.indptr]] = dropped_cells + 1
    except TROUBLE as exc:
        raise RebuildFailed(str(file), "the pointers of its sparse matrices cannot be read") from exc
    return {name: indexes for name, indexes in result.items() if len(indexes)}


def _paths_of_cells(cells: Cells) -> Iterator[bytes]:
    """Yield the paths of the datasets that lose values when a cell is dropped."""
    yield from cells.rows | cells.squares
    for matrix in cells.matrices:
        yield from (matrix.of.data, matrix.of.indices)


def _require_sound(path: Path, file: Any, matrix: Sparse) -> None:
    """Raise RebuildFailed if the pointers of a matrix do not show which values belong to which cell."""
    pointers = file[matrix.indptr][:].astype(np.int64)
    stored = len(file[matrix.data])
    if len(file[matrix.indices]) != stored:
        why = f"{escape(matrix.indices)} and {escape(matrix.data)} differ in length"
    elif not len(pointers) or pointers[0] or pointers[-1] != stored or (pointers[1:] < pointers[:-1]).any():
        why = f"{escape(matrix.indptr)} does not lead from one value to the next"
    else:
        return
    raise RebuildFailed(str(path), f"{why}, so nothing tells which values a cell has, and none can be taken out")


def _affected_cells(file: Any, cells: Cells, tables: Mapping[bytes, str], rows: Rows) -> NDArray[np.int64]:
    """Return the numbers of the cells that lose any value."""
    flags = np.zeros(cells.count, bool)
    for path in cells.rows | cells.squares:
        flags[rows.get(tables.get(path, ""), NONE)] = True
    for matrix in cells.matrices:
        lost = rows.get(tables.get(matrix.of.data, ""))
        if lost is not None and len(lost):
            numbers = _major_indices(file, matrix.of, lost) if matrix.major else _minor_indices(file, matrix.of, lost)
            flags[numbers[(numbers >= 0) & (numbers < cells.count)]] = True
    return np.flatnonzero(flags)


def _major_indices(file: Any, matrix: Sparse, entries: NDArray[np.int64]) -> NDArray[np.int64]:
    pointers = file[matrix.indptr][:].astype(np.int64)
    return np.searchsorted(pointers, entries, side="right") - 1


def _minor_indices(file: Any, matrix: Sparse, entries: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the indices of a matrix at ascending positions, `entries`, read piece by piece."""
    dataset, values = file[matrix.indices], np.empty(len(entries), np.int64)
    for start in range(0, len(dataset), PIECE):
        low, high = np.searchsorted(entries, [start, start + PIECE])
        if high > low:
            values[low:high] = dataset[start : start + PIECE][entries[low:high] - start]
    return values


def _entries(file: Any, matrix: CellMatrix, dropped: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the positions of the values in a matrix that belong to the cells `dropped`."""
    positions: list[NDArray[np.int64]] = []
    if matrix.major:
        pointers = file[matrix.of.indptr][:].astype(np.int64)
        starts, stops = pointers[dropped], pointers[dropped + 1]
        lengths = stops - starts
        if lengths.sum():
            first = np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
            positions.append(first + np.arange(lengths.sum()))
    if matrix.minor:
        flags = np.zeros(int(dropped[-1]) + 1, bool)
        flags[dropped] = True
        dataset = file[matrix.of.indices]
        for start in range(0, len(dataset), PIECE):
            indices = dataset[start : start + PIECE].astype(np.int64)
            inside = (indices >= 0) & (indices < len(flags))
            selected = np.zeros(len(indices), bool)
            selected[inside] = flags[indices[inside]]
            positions.append(start + np.flatnonzero(selected))
    return np.unique(np.concatenate(positions)).astype(np.int64) if positions else np.empty(0, np.int64)


def losses(contents: Contents, rows: Rows) -> Iterator[str]:
    """Yield what would be wrong in a copy: genes cannot be removed from all matrices, nor large square matrices cut."""
    cells = None if contents.means is None else contents.means.cells
    if cells is None:
        return
    for table in contents.tables:
        if len(rows.get(table.name, ())) and any(it.path in cells.genes for it in table.datasets):
            yield f"the matrices have a column for each row of {table.name}, of which some would go"
    for table in contents.tables:
        for it in table.datasets:
            if it.path in cells.squares and len(rows.get(table.name, ())) and it.bytes > SQUARE_BYTES:
                yield f"{escape(it.path)} has a number for each two cells, and is too large to be cut"


def amend_cells(
    file: Path, contents: Contents, changes: dict[bytes, Change]
) -> dict[tuple[bytes, bytes], tuple[int, ...]]:
    """Add the changes that keep the matrices of cells correct; return the extents that attributes must then hold."""
    cells = None if contents.means is None else contents.means.cells
    if cells is None:
        return {}
    known = {it.path: it for table in contents.tables for it in table.datasets}
    known |= {it.path: it for it in contents.unjudged}
    amended: dict[tuple[bytes, bytes], tuple[int, ...]] = {}
    try:
        with opened(file, contents.recovery) as handle:
            dropped = _dropped_cells(handle.file, cells, changes)
            if not len(dropped):
                return {}
            for path in (cells.rows | cells.squares) & known.keys():
                changes.setdefault(path, Change(Kept(cells.count, dropped)))
            for path in cells.squares & known.keys():
                changes[path] = _cut_square(handle.file, known[path], dropped, changes[path])
            for matrix in cells.matrices:
                _amend_matrix(handle.file, matrix, dropped, changes, known)
                extent = matrix.extent(cells.count - len(dropped))
                if extent is not None and matrix.of.told_by:
                    amended[matrix.of.group, matrix.of.told_by] = extent
                shape = known.get(matrix.of.group + b"/shape")
                if extent is not None and not matrix.of.told_by and shape is not None:
                    changes[shape.path] = Change(Kept(2), values=np.array(extent, shape.dtype))
    except TROUBLE as exc:
        raise RebuildFailed(str(file), "the pointers of its sparse matrices cannot be read") from exc
    return amended


def extents(file: Path, contents: Contents, changes: Mapping[bytes, Change]) -> dict[str, tuple[int, ...]]:
    """Return the extents of the matrices in a copy that lacks some cells, by the place where each is stored."""
    cells = None if contents.means is None else contents.means.cells
    if cells is None or not changes:
        return {}
    try:
        with opened(file, contents.recovery) as handle:
            dropped_count = len(_dropped_cells(handle.file, cells, changes))
    except TROUBLE as exc:
        raise RebuildFailed(str(file), "the pointers of its sparse matrices cannot be read") from exc
    by_place: dict[str, tuple[int, ...]] = {}
    for matrix in cells.matrices if dropped_count else ():
        extent = matrix.extent(cells.count - dropped_count)
        if extent is not None:
            group, name = escape(matrix.of.group), escape(matrix.of.told_by)
            by_place[f"{group}: {name}" if name else f"{group}/shape"] = extent
    return by_place


def _dropped_cells(file: Any, cells: Cells, changes: Mapping[bytes, Change]) -> NDArray[np.int64]:
    """Return the cells that a copy drops, from the changes to a dataset with a row per cell, or else to matrices."""
    for path in sorted(cells.rows | cells.squares):
        if path in changes:
            return _dropped_rows(changes[path])
    parts = [np.empty(0, np.int64)]
    for matrix in cells.matrices:
        if matrix.major and matrix.of.indptr in changes:
            parts.append(_dropped_rows(changes[matrix.of.indptr]) - 1)
        elif matrix.minor and matrix.of.data in changes:
            parts.append(_minor_indices(file, matrix.of, _dropped_rows(changes[matrix.of.data])))
    return np.unique(np.concatenate(parts))


def _dropped_rows(change: Change) -> NDArray[np.int64]:
    rows = change.rows
    if not isinstance(rows, Kept):
        return np.empty(0, np.int64)
    return np.asarray(rows.drops, np.int64) - rows.first


def _cut_square(file: Any, dataset: Dataset, dropped: NDArray[np.int64], change: Change) -> Change:
    if dataset.bytes > SQUARE_BYTES:
        return change
    kept = np.delete(np.arange(dataset.rows), dropped)
    values = np.empty((len(kept), len(kept)), dataset.dtype)
    step = max(1, PIECE // max(1, dataset.rows))
    for start in range(0, len(kept), step):
        low, high = int(kept[start]), int(kept[min(start + step, len(kept)) - 1]) + 1
        values[start : start + step] = file[dataset.path][low:high][kept[start : start + step] - low][:, kept]
    return Change(change.rows, values=values)


def _amend_matrix(
    file: Any,
    matrix: CellMatrix,
    dropped: NDArray[np.int64],
    changes: dict[bytes, Change],
    known: Mapping[bytes, Dataset],
) -> None:
    entries = _entries(file, matrix, dropped)
    for path in (matrix.of.data, matrix.of.indices):
        if path in known:
            changes[path] = Change(Kept(known[path].rows, entries))
    if matrix.minor and matrix.of.indices in known:
        rows = changes[matrix.of.indices].rows
        changes[matrix.of.indices] = Change(rows, less=dropped)
    pointers = file[matrix.of.indptr][:]
    moved = pointers - np.searchsorted(entries, pointers).astype(pointers.dtype)
    lost = dropped + 1 if matrix.major else dropped[:0]
    changes[matrix.of.indptr] = Change(Kept(len(pointers), lost), values=np.delete(moved, lost))
