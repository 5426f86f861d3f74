"""Find the dropped rows of an HDF5 table that can be read, and so can be kept in a quarantine."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.copying.row_selection import PIECE_BYTES
from datacheck.backends.hdf5.copying.values import form, read
from datacheck.backends.hdf5.tables import Table
from datacheck.backends.hdf5.trouble import TROUBLE, require_of_data

BATCH = 4096


def readable_rows(
    h5: Any, source: Any, table: Table, drops: NDArray[Any], first: int, deadly: frozenset[str], label: str | None
) -> array[int]:
    """Return the dropped rows of a table that can be read from all its datasets; `deadly` rows are not tried."""
    handles = [h5.h5d.open(source, dataset.path) for dataset in table.datasets]
    forms = [form(h5, handle) for handle in handles]
    most = max(1, PIECE_BYTES // table.row_bytes)
    good: array[int] = array("q")

    def can_read(low: int, high: int) -> bool:
        for dataset, handle, value_form in zip(table.datasets, handles, forms, strict=True):
            if value_form is None:
                return False
            try:
                read(
                    h5,
                    handle,
                    value_form,
                    dataset.stored(((low, high), *((0, extent) for extent in dataset.shape[1:]))),
                )
            except (*TROUBLE, MemoryError) as exc:
                require_of_data(exc)
                return False
        return True

    for run in _runs(drops, first, most, table.name, deadly, label):
        todo = [run]
        while todo:
            low, high = todo.pop()
            if can_read(low, high):
                good.extend(range(low, high))
            elif high - low > 1:
                middle = (low + high) // 2
                todo += [(middle, high), (low, middle)]
    return good


def _runs(
    drops: NDArray[Any], first: int, most: int, table: str, deadly: frozenset[str], label: str | None
) -> Iterator[tuple[int, int]]:
    """Yield ranges of at most `most` consecutive rows, without the deadly ones."""
    low = high = 0
    for at in range(0, len(drops), BATCH):
        for row in (np.asarray(drops[at : at + BATCH]) - first).tolist():
            key = f"{table}[{row}]"
            if key in deadly or (label is not None and f"{label}:{key}" in deadly):
                continue
            if row == high and high - low < most and high > low:
                high += 1
                continue
            if high > low:
                yield low, high
            low, high = row, row + 1
    if high > low:
        yield low, high
