"""Numbers of the rows at which the parts of a flat dataset begin or end: `offsets` of `tokens`, `ptr` of nodes.

They rise from part to part, and reach through nearly all the rows of a dataset of their group. One that leads beyond
the last row is cut or wrong there, and so is one that falls. Where the first is 1 and the last is one more than there
are rows, they count from 1, as MATLAB, Julia and Fortran do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.row_numbers import END, ROWS, RUNS
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

BOUNDS = frozenset(b"offset offsets indptr ptr ptrs boundary boundaries seqlens".split())
"""Words in the names of datasets that hold nothing else."""
BEGINS, ENDS = frozenset(b"start starts begin begins first".split()), frozenset(b"end ends stop stops last".split())
"""Words that times and places have as well."""
UNITS = frozenset(b"bin bins ms sec secs second seconds time times hz freq frequency year years date day days".split())
"""Words beside them that say that the numbers are no rows, or need not be."""
MATRIX = frozenset({b"data", b"indices", b"indptr"})
INDEX, KIND, RAGGED, IDS = b"_index", b"neurodata_type", "VectorIndex", b"id"
"""How NWB calls the ends of the parts of a column, and says so in an attribute; and the numbers of a table's rows."""
FEWEST = 8
RISING, BEYOND, REACHING = 0.9, 0.1, 3 / 4
"""The share of numbers that rise, the share that may lead beyond, and how far through the rows the others reach."""
NONE = -1
"""Stands for a part without rows; so does the greatest number that there is, or for the end."""


def boundaries(
    datasets: Sequence[Dataset], values: Values, text: Callable[[bytes, bytes], str] = lambda *_: ""
) -> Iterator[Finding]:
    """Yield what is wrong with the numbers of rows in a group, except for episodes and sparse matrices.

    `text` returns what an attribute (of a path, of a name) says.
    """
    names = {it.name for it in datasets}
    if names >= MATRIX:
        return
    named = [it for it in datasets if _may_be(it, names)]
    rest = [it for it in datasets if it not in named and it.shape and it.columns]
    for dataset in named:
        its = values(dataset) if _sizes(dataset, rest) else None
        if its is None:
            continue
        numbers = np.where(its == np.iinfo(its.dtype).max, NONE, its.astype(np.int64))
        rising = numbers[numbers != NONE]
        if len(rising) > 1 and np.mean(np.diff(rising) >= 0) >= RISING:
            if _of_column(dataset) in names:
                tiled = text(dataset.path, KIND) == RAGGED or _numbered(dataset, datasets)
            else:
                tiled = _tiled(dataset, named, numbers, values)
            yield from _wrong(dataset, numbers, _sizes(dataset, rest), tiled=tiled)


def _may_be(dataset: Dataset, names: Collection[bytes]) -> bool:
    its = words(dataset.name)
    if len(dataset.shape) != 1 or dataset.dtype.kind not in "iu" or not dataset.readable:
        return False
    if _of_column(dataset) in names:
        return True
    known = its & END and its & (RUNS | ROWS | {b"ix"})  # see `row_numbers`
    return bool(its & (BOUNDS | BEGINS | ENDS)) and not known and dataset.rows >= FEWEST


def _of_column(dataset: Dataset) -> bytes:
    """Return the name of the column whose parts a dataset ends by its name, as NWB has them: spike_times_index."""
    name = dataset.name
    return name[: -len(INDEX)] if name.endswith(INDEX) else b""


def _numbered(dataset: Dataset, datasets: Sequence[Dataset]) -> bool:
    """Say whether a dataset is a column of a table whose rows have numbers: its values are no selection of rows."""
    return any(it.name == IDS and it.shape == dataset.shape for it in datasets)


def _sizes(dataset: Dataset, rest: Sequence[Dataset]) -> dict[int, Dataset]:
    """Return the datasets that are longer, by their rows; of edges the two ends may be the rows."""
    rest = [it for it in rest if it.name == _of_column(dataset)] or rest
    made = {it.shape[1] if it.shape[0] == 2 and len(it.shape) == 2 else it.rows: it for it in reversed(rest)}
    return {rows: it for rows, it in made.items() if rows > dataset.rows}


def _tiled(dataset: Dataset, named: Sequence[Dataset], numbers: NDArray[np.int64], values: Values) -> bool:
    """Say whether the name tells enough, or where others of the group end these begin, or the reverse.

    Of windows of one size the last may reach beyond the rows: a loader pads it.
    """
    its = words(dataset.name)
    if its & UNITS:
        return False
    if its & BOUNDS:
        return True
    mine, others = (BEGINS, ENDS) if its & BEGINS else (ENDS, BEGINS)
    for other in named:
        said = words(other.name)
        if said & others and said - others == its - mine and other.rows == dataset.rows:
            beside: NDArray[Any] | None = values(other)
            if beside is not None:
                begin, end = (numbers, beside) if mine is BEGINS else (beside, numbers)
                begin, end = begin.astype(np.int64)[1:], end.astype(np.int64)[:-1]
                step = begin - end
                if mine is ENDS and _equal(numbers - beside.astype(np.int64)):
                    return False
                return bool(max(np.mean(step == 0), np.mean(step == 1)) >= REACHING)
    return False


def _equal(sizes: NDArray[np.int64]) -> bool:
    return bool((sizes == sizes[0]).all())


def _wrong(
    dataset: Dataset, numbers: NDArray[np.int64], sizes: dict[int, Dataset], *, tiled: bool
) -> Iterator[Finding]:
    path, rows = escape(dataset.path), max(sizes)
    of, top = escape(sizes[rows].path), int(numbers.max())
    beyond = np.flatnonzero(numbers > rows)
    if beyond.size and not _counts_from_one(numbers, rows):
        within = numbers[numbers <= rows]
        if beyond.size <= max(1, BEYOND * len(numbers)) and within.size and within.max() >= REACHING * rows:
            at = int(beyond[0])
            more = f", and so do {beyond.size - 1:,} more beyond it" if beyond.size > 1 else ""
            text = f"{path}[{at}] leads to row {int(numbers[at]):,}{more}; {of} has {rows:,} rows"
            yield found(
                "dangling", text, field=dataset.title, verdict=None if tiled else "suspicious",
                dataset=path, row=at, number=int(numbers[at]),
            )  # fmt: skip
        return
    places = np.flatnonzero(numbers != NONE)
    rising = numbers[places]
    falling = np.flatnonzero(np.diff(rising) < 0)
    if falling.size and tiled and top in sizes and rising[0] == 0 and rising[-1] == top:
        at, before = int(places[falling[0] + 1]), int(rising[falling[0]])
        text = f"{path}[{at}] is {int(numbers[at]):,}, which is before {before:,}: the rows do not rise"
        yield found("dangling", text, field=dataset.title, dataset=path, row=at)


def _counts_from_one(numbers: NDArray[np.int64], rows: int) -> bool:
    """Say whether the numbers may count rows from 1, and end behind the last row."""
    return bool(numbers[numbers != NONE].min() == 1 and numbers.max() == rows + 1)
