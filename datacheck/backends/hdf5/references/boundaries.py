"""Check the row numbers at which the parts of a flat dataset begin or end: `offsets` of `tokens`, `ptr` of nodes.

These numbers rise from part to part and reach through nearly all rows of a dataset in their group. A number beyond the
last row shows that the dataset is cut off or that the number is wrong. A number that is lower than the one before it
is wrong. If the first number is 1 and the last is one more than the number of rows, they count from 1, as MATLAB, Julia
and Fortran do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.references.row_numbers import END, ROWS, RUNS, named_target
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

BOUNDS = frozenset(b"offset offsets indptr ptr ptrs boundary boundaries seqlens".split())
"""Words in the names of datasets that hold only such numbers."""
BEGINS, ENDS = frozenset(b"start starts begin begins first".split()), frozenset(b"end ends stop stops last".split())
"""Words that also stand in the names of times and positions."""
UNITS = frozenset(b"bin bins ms sec secs second seconds time times hz freq frequency year years date day days".split())
"""Words that, in the same name, show that the numbers are not row numbers or need not be."""
OF_TIMES = frozenset({b"ms"}), frozenset({b"to", b"map"}), frozenset({b"idx", b"index"})
"""Words that together name the first event of each millisecond, as ms_to_idx and ms_map_idx of event cameras, unlike
ms2_idx of mass spectra."""
MATRIX = frozenset({b"data", b"indices", b"indptr"})
INDEX, KIND, RAGGED, IDS = b"_index", b"neurodata_type", "VectorIndex", b"id"
"""NWB: the suffix of datasets with the ends of a column's parts, the attribute and value that mark them, and the name
of the dataset with the numbers of a table's rows."""
FEWEST = 8
RISING, BEYOND, REACHING = 0.9, 0.1, 3 / 4
"""Minimum share of numbers that do not fall, maximum share that may lie beyond the last row, and the fraction of the
rows that the other numbers must reach."""
NONE = -1
"""Marks a part without rows. The largest value of the dtype also marks one, or the end."""


def boundaries(
    datasets: Sequence[Dataset],
    values: Values,
    text: Callable[[bytes, bytes], str] = lambda *_: "",
    inside: Iterable[Dataset] = (),
) -> Iterator[Finding]:
    """Yield findings about the row numbers in a group, except those of episodes and sparse matrices.

    `text` returns the text of an attribute, given a path and a name. If the group has nothing else than row numbers,
    they refer to the datasets of the groups `inside` it.
    """
    names = {it.name for it in datasets}
    if names >= MATRIX:
        return
    by_name = {it.name.lower(): it for it in datasets if it.shape}
    named = [it for it in datasets if _may_be_boundaries(it, by_name, names)]
    rest = [it for it in datasets if it not in named and it.shape and it.columns]
    if named and not rest:
        rest = [it for it in inside if it.shape and it.columns]
    for dataset in named:
        stored = values(dataset) if _longer_datasets(dataset, rest) else None
        if stored is None:
            continue
        numbers = np.where(stored == np.iinfo(stored.dtype).max, NONE, stored.astype(np.int64))
        rising = numbers[numbers != NONE]
        if len(rising) > 1 and np.mean(np.diff(rising) >= 0) >= RISING:
            if _divided_column(dataset) in names:
                tiled = text(dataset.path, KIND) == RAGGED or _has_row_ids(dataset, datasets)
            else:
                tiled = _parts_adjoin(dataset, named, numbers, values)
            yield from _dangling_findings(dataset, numbers, _longer_datasets(dataset, rest), tiled=tiled)


def _may_be_boundaries(dataset: Dataset, by_name: Mapping[bytes, Dataset], names: Collection[bytes]) -> bool:
    name_words = words(dataset.name)
    if len(dataset.shape) != 1 or dataset.dtype.kind not in "iu" or not dataset.readable:
        return False
    if _divided_column(dataset) in names or (dataset.rows >= FEWEST and all(it & name_words for it in OF_TIMES)):
        return True
    known = bool(name_words & END and name_words & (RUNS | ROWS | {b"ix"}))  # see `row_numbers`
    if known and not name_words & RUNS:
        target = named_target(dataset, by_name)
        known = target is None or target.rows != dataset.rows  # each of the `events` ends in another dataset
    return bool(name_words & (BOUNDS | BEGINS | ENDS)) and not known and dataset.rows >= FEWEST


def _divided_column(dataset: Dataset) -> bytes:
    """Return the column that an NWB dataset divides, by its name: spike_times for spike_times_index; empty if none."""
    name = dataset.name
    return name[: -len(INDEX)] if name.endswith(INDEX) else b""


def _has_row_ids(dataset: Dataset, datasets: Sequence[Dataset]) -> bool:
    """Return whether a dataset is a column of a table with numbered rows, so that its values do not select rows."""
    return any(it.name == IDS and it.shape == dataset.shape for it in datasets)


def _longer_datasets(dataset: Dataset, rest: Sequence[Dataset]) -> dict[int, Dataset]:
    """Return the datasets that are longer, by their number of rows; for a shape of (2, n), as edges have, this is n."""
    rest = [it for it in rest if it.name == _divided_column(dataset)] or rest
    by_rows = {it.shape[1] if it.shape[0] == 2 and len(it.shape) == 2 else it.rows: it for it in reversed(rest)}
    return {rows: it for rows, it in by_rows.items() if rows > dataset.rows}


def _parts_adjoin(dataset: Dataset, named: Sequence[Dataset], numbers: NDArray[np.int64], values: Values) -> bool:
    """Return whether the parts are known to adjoin: by the name, or since they begin where another dataset has ends.

    The reverse counts as well. Windows of equal size are excluded: the last may reach beyond the rows, as a loader
    pads it.
    """
    own_words = words(dataset.name)
    if own_words & UNITS:
        return False
    if own_words & BOUNDS:
        return True
    own_kind, other_kind = (BEGINS, ENDS) if own_words & BEGINS else (ENDS, BEGINS)
    for other in named:
        other_words = words(other.name)
        if other_words & other_kind and other_words - other_kind == own_words - own_kind and other.rows == dataset.rows:
            other_numbers: NDArray[Any] | None = values(other)
            if other_numbers is not None:
                begin, end = (numbers, other_numbers) if own_kind is BEGINS else (other_numbers, numbers)
                begin, end = begin.astype(np.int64)[1:], end.astype(np.int64)[:-1]
                gaps = begin - end
                if own_kind is ENDS and _all_equal(numbers - other_numbers.astype(np.int64)):
                    return False
                return bool(max(np.mean(gaps == 0), np.mean(gaps == 1)) >= REACHING)
    return False


def _all_equal(sizes: NDArray[np.int64]) -> bool:
    return bool((sizes == sizes[0]).all())


def _dangling_findings(
    dataset: Dataset, numbers: NDArray[np.int64], sizes: dict[int, Dataset], *, tiled: bool
) -> Iterator[Finding]:
    path, rows = escape(dataset.path), max(sizes)
    longest, maximum = escape(sizes[rows].path), int(numbers.max())
    beyond = np.flatnonzero(numbers > rows)
    if beyond.size and not _counts_from_one(numbers, rows):
        within = numbers[numbers <= rows]
        if beyond.size <= max(1, BEYOND * len(numbers)) and within.size and within.max() >= REACHING * rows:
            at = int(beyond[0])
            more = f", and so do {beyond.size - 1:,} more beyond it" if beyond.size > 1 else ""
            text = f"{path}[{at}] leads to row {int(numbers[at]):,}{more}; {longest} has {counted(rows, 'row')}"
            yield found(
                "dangling", text, field=dataset.title, verdict=None if tiled else "suspicious",
                dataset=path, row=at, number=int(numbers[at]),
            )  # fmt: skip
        return
    places = np.flatnonzero(numbers != NONE)
    rising = numbers[places]
    falling = np.flatnonzero(np.diff(rising) < 0)
    if falling.size and tiled and maximum in sizes and rising[0] == 0 and rising[-1] == maximum:
        at, before = int(places[falling[0] + 1]), int(rising[falling[0]])
        text = f"{path}[{at}] is {int(numbers[at]):,}, which is before {before:,}: the rows do not rise"
        yield found("dangling", text, field=dataset.title, dataset=path, row=at)


def _counts_from_one(numbers: NDArray[np.int64], rows: int) -> bool:
    """Return whether the numbers may count rows from 1 and end one past the last row."""
    return bool(numbers[numbers != NONE].min() == 1 and numbers.max() == rows + 1)
