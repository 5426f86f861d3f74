"""Check columns with values of varying length that must be equally long in each row: `times` and `units` of spikes.

Columns that count these values, such as `lengths`, are checked too. An evenly spread sample of the rows tells which
columns belong together, so that the result does not depend on what is read first. A column may hold the lengths that
values had before they were cut or padded: these values then all have one length, the largest or the smallest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import LARGEST, Looking
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.samples.own_lengths import COUNTING
from datacheck.backends.hdf5.tables import AsLong, Table
from datacheck.model.cells import RAGGED, SHORT, Cells
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.model.replacing import replace

SAMPLED, FEWEST, LENGTHS = 64, 8, 4
"""Number of rows that are sampled, minimum number of rows, and minimum number of different lengths among them."""
NEARLY, SURE = 0.9, 0.97
"""Minimum shares of sampled rows in which two columns agree: to belong together, and for a deviating row to be bad."""


def with_ragged(tables: Sequence[Table], look: Looking) -> Iterator[Table]:
    """Yield the tables, with the columns of each that have equally many values in each row."""
    for table in tables:
        lengths = {it.columns[0].name: it for it in table.judged if _is_ragged(it)}
        counts = {it.columns[0].name: it for it in table.judged if _may_count(it)}
        if table.rows < FEWEST or len(lengths) + bool(counts) < 2 or not lengths:
            yield table
            continue
        rows = sorted({*np.linspace(0, table.rows - 1, min(SAMPLED, table.rows)).astype(int).tolist()})
        row_lengths = {name: _lengths(it, rows, look) for name, it in lengths.items()}
        row_lengths |= {name: look.values_of_rows(it, rows) for name, it in counts.items()}
        known = {name: values for name, values in row_lengths.items() if values is not None}
        yield replace(table, as_long=tuple(_equally_long(known, list(lengths))))


def _is_ragged(dataset: Dataset) -> bool:
    columns = dataset.columns
    small = dataset.chunk_bytes <= LARGEST and dataset.readable
    return (
        small
        and len(dataset.shape) == 1
        and len(columns) == 1
        and columns[0].holds == RAGGED
        and not columns[0].members
    )


def _may_count(dataset: Dataset) -> bool:
    is_small_vector = dataset.is_integer_vector and dataset.chunk_bytes <= LARGEST
    return is_small_vector and dataset.readable and bool(words(dataset.name) & COUNTING)


def _lengths(dataset: Dataset, rows: Sequence[int], look: Looking) -> NDArray[Any] | None:
    values = look.values_of_rows(dataset, rows)
    return None if values is None else np.array([len(it) if isinstance(it, np.ndarray) else -1 for it in values])


def _equally_long(row_lengths: Mapping[str, NDArray[Any]], ragged: Sequence[str]) -> Iterator[AsLong]:
    """Yield each column that is as long as one before it, or counts its values."""
    for at, name in enumerate(row_lengths):
        for other in list(row_lengths)[:at]:
            if other not in ragged:
                continue
            equal = row_lengths[name] == row_lengths[other]
            if name not in ragged:
                equal |= np.isin(row_lengths[other], [*_limits(row_lengths[name], row_lengths[other])])
            if equal.mean() >= NEARLY and len(set(row_lengths[name][equal].tolist())) >= LENGTHS:
                odd = int((~equal).sum())
                yield AsLong(name, other, counts=name not in ragged, sure=equal.mean() >= SURE or odd <= 1)
                break


def _lengths_of(values: Cells, lost: Collection[int]) -> NDArray[Any]:
    """Return the length of each value; 0 where it is `lost`, since a number stands there in its place."""
    return np.array([0 if row in lost else len(value) for row, value in enumerate(values.values)])


def unlike(
    table: Table, columns: Mapping[str, NDArray[Any]], cells: Mapping[str, Cells], unread: Mapping[str, Sequence[int]]
) -> Iterator[tuple[int, Finding]]:
    """Yield the row in the block, and a finding, for each value that is not as long as the one that it belongs to."""
    for it in table.as_long:
        if it.of not in cells or it.name not in (columns if it.counts else cells):
            continue
        lost = {*unread.get(it.name, ()), *unread.get(it.of, ())}
        lengths = _lengths_of(cells[it.of], lost)
        stated = columns[it.name] if it.counts else _lengths_of(cells[it.name], lost)
        limits = {*_limits(np.asarray(stated), lengths)} if it.counts else set()
        for row in np.flatnonzero(np.asarray(stated) != lengths).tolist():
            if row in lost or int(lengths[row]) in limits:
                continue
            if (
                not it.counts
                and not stated[row] * lengths[row]
                and not _may_be_empty(lengths if stated[row] else stated)
            ):
                continue  # empty values are reported as such
            verdict: Verdict | None = None if it.sure else "suspicious"
            declared, actual = int(stated[row]), int(lengths[row])
            text = (
                f"says {declared:,}, and {it.of} has {counted(actual, 'value')}"
                if it.counts
                else f"{counted(declared, 'value')}, and {it.of} has {actual:,}"
            )
            code = "count" if it.counts else "row-count"
            yield (
                row,
                found(
                    code,
                    f"{text}; in the others they agree",
                    field=it.name,
                    verdict=verdict,
                    said=declared,
                    there=actual,
                ),
            )


def _limits(declared: NDArray[Any], lengths: NDArray[Any]) -> Iterator[int]:
    """Yield the length to which several values of a block seem to have been cut, and that to which they were padded."""
    longest, shortest = int(lengths.max(initial=0)), int(lengths.min(initial=1 << 62))
    if ((lengths == longest) & (declared > lengths)).sum() > 1:
        yield longest
    if ((lengths == shortest) & (declared < lengths)).sum() > 1:
        yield shortest


def _may_be_empty(lengths: NDArray[Any]) -> bool:
    return int(lengths[lengths > 0].min(initial=SHORT + 1)) <= SHORT
