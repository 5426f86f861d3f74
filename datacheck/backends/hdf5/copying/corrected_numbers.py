"""Read datasets of row numbers, such as `episode_ends`, and correct them in a copy without some of the rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.copying.episode_ends import are_flags
from datacheck.backends.hdf5.copying.pointing import pointers
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import library, opened
from datacheck.backends.hdf5.library.fork_guard import StepCounter
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.backends.hdf5.meaning import Meaning
from datacheck.backends.hdf5.references.row_numbers import RowNumbers
from datacheck.backends.hdf5.tables import Contents
from datacheck.backends.hdf5.trouble import TROUBLE

Read = Mapping[bytes, NDArray[Any]]
"""The contents of the datasets of row numbers, by path."""
SMALL, READ = 8 << 20, 512 << 20
"""Largest dataset, and largest total of datasets, whose values are held in search of row numbers, in bytes."""


def _values_of(file: Path, contents: Contents, datasets: Collection[Dataset]) -> dict[bytes, NDArray[Any]]:
    """Return the values of datasets by path, at most READ bytes in all; those that cannot be read are left out."""
    read: dict[bytes, NDArray[Any]] = {}
    left = READ
    if not datasets:
        return read
    try:
        with opened(file, contents.recovery) as handle:
            look = Looking(library(), handle.file.id, StepCounter({}))
            for dataset in datasets:
                left -= dataset.bytes
                values = look.values(dataset) if left >= 0 else None
                if values is not None:
                    read[dataset.path] = values
    except TROUBLE:  # the scan has reported what is wrong with the file
        return {}
    return read


def read_numbers(file: Path, contents: Contents) -> Read:
    """Return the values, by path, of the datasets of a file that hold row numbers or may do so, or end episodes."""
    means = contents.means or Meaning()
    by_path = {it.path: it for table in contents.tables for it in table.datasets}
    by_path |= {it.path: it for it in contents.unjudged}
    wanted = dict.fromkeys(number.path for number in means.numbers)
    small = [path for path, it in by_path.items() if it.bytes <= SMALL and not means.holds(path)]
    wanted |= dict.fromkeys(path for path in small if are_flags(by_path[path]))
    wanted |= dict.fromkeys(path for path in small if any(pointers(by_path[path], None)))
    return _values_of(file, contents, [by_path[path] for path in wanted if path in by_path])


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
    """Return the rows of all runs that have one of these rows."""
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
