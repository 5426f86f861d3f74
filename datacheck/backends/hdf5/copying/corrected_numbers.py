"""Correct datasets of row numbers in a copy without some of the rows that they lead to: `episode_ends`, `train_idx`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.references.row_numbers import RowNumbers

Read = Mapping[bytes, NDArray[Any]]
"""The contents of the datasets of row numbers, by path."""


def _run_bounds(number: RowNumbers, read: Read) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Return where each run of rows begins and ends, or None if the numbers do not describe runs."""
    stored = read.get(number.path)
    if stored is None:
        return None
    values = stored.astype(np.int64)
    if number.kind == "ends":
        return np.concatenate([[0], values[:-1]]), values
    if number.kind == "starts" and number.beside in read:
        return values, values + read[number.beside].astype(np.int64)
    if number.kind == "lengths" and number.beside in read:
        starts = read[number.beside].astype(np.int64)
        return starts, starts + values
    return None


def whole_runs(numbers: Sequence[RowNumbers], read: Read, rows: NDArray[np.int64], height: int) -> NDArray[np.int64]:
    """Return these rows with all others of the runs that they are in."""
    flags = np.zeros(height, bool)
    flags[rows] = True
    for number in numbers:
        both = _run_bounds(number, read)
        if both is None:
            continue
        before = np.concatenate([[0], np.cumsum(flags)])
        for start, stop in zip(*both, strict=True):
            if 0 <= start < stop <= height and before[stop] > before[start]:
                flags[start:stop] = True
    return np.flatnonzero(flags)


def lost_entries(number: RowNumbers, read: Read, dropped: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the indexes of the entries in a dataset of row numbers that lead to nothing once these rows are gone."""
    values = read.get(number.path)
    if values is None:
        return np.empty(0, np.int64)
    if number.kind == "rows":
        return np.flatnonzero(np.isin(values, dropped))
    both = _run_bounds(number, read)
    if both is None:
        return np.empty(0, np.int64)
    starts, stops = both
    left = (stops - np.searchsorted(dropped, stops)) - (starts - np.searchsorted(dropped, starts))
    return np.flatnonzero((left == 0) & (stops > starts))


def corrected_numbers(number: RowNumbers, read: Read, dropped: NDArray[np.int64]) -> NDArray[Any]:
    """Return the corrected values of a dataset of row numbers once these rows are gone."""
    values = read[number.path]
    if number.kind == "lengths":
        both = _run_bounds(number, read)
        assert both is not None
        starts, stops = both
        less = np.searchsorted(dropped, stops) - np.searchsorted(dropped, starts)
    else:
        less = np.searchsorted(dropped, values)
    left: NDArray[Any] = (values - less).astype(values.dtype)
    return left
