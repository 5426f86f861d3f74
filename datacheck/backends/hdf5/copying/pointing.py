"""Find datasets that may hold row numbers of other datasets, by name, place and values.

Datasets known to hold row numbers are corrected in a copy (see `row_numbers`). Those that only may hold them are
reported before a copy is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.references.boundaries import BOUNDS
from datacheck.backends.hdf5.references.first_and_last import are_relations
from datacheck.backends.hdf5.references.graph_edges import NODES, POINTS, are_edges, are_faces
from datacheck.backends.hdf5.references.row_numbers import ROWS, RUNS
from datacheck.backends.hdf5.samples.row_counts import ENDS, STARTS
from datacheck.backends.hdf5.tables import Table
from datacheck.model.cells import NUMBERS
from datacheck.model.escaping import escape, plain
from datacheck.model.sample_sets import SETS

SIZES = frozenset({b"size", b"sizes", b"len", b"lens"})
LENGTHS = SIZES | frozenset({b"length", b"lengths", b"count", b"counts"})
LAST = ENDS - LENGTHS
FEWEST = 8
"""Minimum number of rows; with fewer, nearly any number could be a row number, and nothing is concluded."""
NEARLY = 0.9
"""Minimum share of a table's rows that lengths must add up to, to be those of the table."""
POINTERS = STARTS | ENDS | ROWS | SIZES | BOUNDS | {b"ix"}
RANGES = POINTERS | frozenset(b"pos range ranges bound bounds boundaries span spans slice slices".split())
"""Words in the names of datasets that hold the begin and end of runs of rows, side by side."""
ORDINARY = (STARTS | LAST) - BOUNDS
"""Words of POINTERS that just as often mean something else: the first rank, the last year."""
EDGES = b"edges"
"""Name of edges, in lower case, that has no word for row numbers in it."""
NO_ROWS = frozenset(b"year years month months day days date dates hour hours age ages rank ranks grade grades".split())
"""Words that, beside ORDINARY ones, show that the numbers are not row numbers."""


def points_into(other: Dataset, values: NDArray[Any] | None, table: Table) -> bool:
    """Return whether a dataset named like row numbers may hold those of `table`, by its place and its `values`."""
    name_words = words(other.name)
    own = table.datasets[0].path.rpartition(b"/")[0]
    if not (
        RUNS & name_words
        or own == other.path.rpartition(b"/")[0]
        or own.startswith(other.path.rpartition(b"/")[0] + b"/")
    ):
        return False
    sets = name_words & SETS
    table_sets = {word for it in table.datasets for word in words(it.name) & SETS}
    if sets and table_sets and sets.isdisjoint(table_sets):
        return False
    if are_faces(other) or other.name.lower() == EDGES:
        return any(it.name.lower() in NODES | POINTS for it in table.datasets)
    if values is None or not values.size:
        return True
    if name_words & LENGTHS and not name_words & (STARTS | ROWS | LAST):
        return bool(NEARLY * table.rows <= int(values.sum(dtype=np.int64)) <= table.rows)
    most = int(values.max())
    if not most and len(values) < FEWEST:  # at most the first row, which has no rows before it to lose
        return False
    if name_words & POINTERS <= ORDINARY and len(values.shape) == 1 and len(values) >= FEWEST:
        rising = float(np.mean(values[1:] >= values[:-1]))
        return most <= table.rows and not name_words & NO_ROWS and (rising >= NEARLY or most + 1 >= NEARLY * table.rows)
    return most <= table.rows


def may_hold_row_numbers(dataset: Dataset) -> bool:
    """Return whether a dataset may hold row numbers, by its name and type."""
    name_words = words(dataset.name)
    if dataset.matlab and len(dataset.shape) == 2 and 1 in dataset.shape:  # MATLAB stores every number as a double
        return bool(name_words & POINTERS) and dataset.holds == {NUMBERS}
    if dataset.dtype.kind not in "iu":
        return False
    if are_faces(dataset) or are_relations(dataset) or (are_edges(dataset) and dataset.name.lower() == EDGES):
        return True
    if len(dataset.shape) == 2 and dataset.shape[1] == 2:
        return bool(name_words & RANGES)
    if len(dataset.shape) == 2 and dataset.shape[0] == 2:
        return b"edge" in name_words and bool(name_words & ROWS)
    return len(dataset.shape) == 1 and bool(name_words & POINTERS) and dataset.name not in (b"ids",)


def pointers(dataset: Dataset, values: NDArray[Any] | None) -> Iterator[tuple[str, Dataset, NDArray[Any] | None]]:
    """Yield the dataset or those of its members that may hold row numbers, each with its printed path and values."""
    if dataset.dtype.names is None:
        if may_hold_row_numbers(dataset):
            yield escape(dataset.path), dataset, values
        return
    above = dataset.path.rpartition(b"/")[0]
    for name in dataset.dtype.names:
        path = above + b"/" + name.encode("utf-8", "surrogateescape")
        member = Dataset(path, dataset.shape, dataset.dtype[name])
        if may_hold_row_numbers(member):
            member_values = None if values is None else values[name]
            yield f"{escape(dataset.path)}.{plain(name)}", member, member_values


def indexes_rows(dataset: Dataset) -> bool:
    """Return whether each row of a dataset is, by name and type, the row number of something else."""
    name_words = words(dataset.name)
    return (
        len(dataset.shape) == 1
        and dataset.dtype.kind in "iu"
        and bool(name_words & (ROWS | {b"ix"}))
        and may_hold_row_numbers(dataset)
    )


def leads_into(extent: tuple[int, int] | None, rows: int, names: tuple[str, str]) -> bool:
    """Return whether numbers may run through nearly all `rows`, and the names are not of different sets (train, test).

    `extent` has the smallest and the largest number, or is None if they are unknown.
    """
    sets = [words(name.encode()) & SETS for name in names]
    if rows < FEWEST or (sets[0] and sets[1] and sets[0].isdisjoint(sets[1])):
        return False
    return extent is None or (extent[0] >= 0 and NEARLY * rows <= extent[1] + 1 <= rows)
