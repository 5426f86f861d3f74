"""Detect datasets whose samples run along their last axis, as written by MATLAB and similar software, and read them.

Such a dataset is described and read as if that axis were its first, so that a record of its table is a sample. This is
done only if labels of that length lie beside it, and only if the shapes allow no other interpretation:

* MATLAB wrote both, and the labels are a column there, which is one row here: X of (features, N), y of (1, N);
* or each label lies beside a cell, to which the file has a reference;
* or there are more samples than the other axes are long, or the axis before the last has the channels of pictures.

It is also done if MATLAB wrote the input and the solution of an equation (`a` and `u`, `coeff` and `sol`) on one grid,
as solvers of such equations write them and readers of neural operators expect them.

If data has as many rows as columns, its samples may lie on either axis, and everything stays as it is. Numbers that
only rise, or only fall, are not taken for labels: they are the positions of a grid, or numbers of the classes that the
columns belong to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import UNJUDGED, Dataset, Values, label_names
from datacheck.backends.hdf5.names import LABELS
from datacheck.backends.hdf5.samples.row_counts import other_words
from datacheck.backends.hdf5.tables import Table
from datacheck.backends.interface import StoreOptions
from datacheck.model.cells import NUMBERS
from datacheck.model.escaping import escape
from datacheck.model.replacing import replace

EQUATIONS = ((b"a", b"u"), (b"coeff", b"sol"), (b"input", b"output"))
"""Names of the input of an equation and of its solution."""
FEWEST = 4
"""Minimum number of grid positions and of samples of an equation; fewer may be something else."""
CHANNELS = frozenset({1, 3, 4})
DEEP = 3
"""Minimum number of axes of pictures or volumes of MATLAB; their samples are on the last axis there, the first here."""


class LastAxis:
    """An open dataset that presents its last axis as its first, for code that reads rows."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.id, self.file = handle.id, handle.file

    @property
    def fillvalue(self) -> Any:
        return self._handle.fillvalue

    def __getitem__(self, where: Any) -> NDArray[Any]:
        rows, *others = where if isinstance(where, tuple) else (where,)
        others += [slice(None)] * (len(self._handle.shape) - 1 - len(others))
        return np.ascontiguousarray(np.moveaxis(self._handle[(*others, rows)], -1, 0))


def unseen(dataset: Dataset) -> None:
    """Return None as the values of labels that the caller has named, since these are labels whatever they hold."""


def with_samples_first(
    group: bytes, datasets: Sequence[Dataset], options: StoreOptions, values: Values
) -> list[Dataset]:
    """Return the datasets of a group; those with samples on the last axis are described as if it were the first."""
    across: set[bytes] = set()
    if any(it.misplaced or it.doubted for it in datasets):
        return list(datasets)
    candidates = [it for it in datasets if it.shape and it.bytes and not it.scale and it.matlab not in UNJUDGED]
    asked = (options.label_field or "").rpartition("/")[2].encode("utf-8", "surrogateescape")
    for label, data in _labels_with_data(group, candidates, options):
        across |= _paths_across(label, data, unseen if label.name == asked else values)
    across |= _equation_paths([it for it in candidates if it.path not in across])
    across |= _paths_beside_volumes([it for it in candidates if it.path not in across])
    return [_with_last_axis_first(it) if it.path in across else it for it in datasets]


def _labels_with_data(
    group: bytes, datasets: Sequence[Dataset], options: StoreOptions
) -> Iterator[tuple[Dataset, list[Dataset]]]:
    """Yield each flat dataset of labels with the datasets that it may label; labels of a split only with its data."""
    named = label_names(group, datasets, options)
    by_words: dict[tuple[bytes, ...] | None, list[Dataset]] = defaultdict(list)
    for it in datasets:
        by_words[other_words(it.name, is_label=False)].append(it)
    for label in datasets:
        flat = label.holds == {NUMBERS} and len(label.shape) - label.shape.count(1) == 1
        if not flat or len(label.shape) > 2:
            continue
        if label.name in named:
            yield label, [it for it in datasets if it is not label]
            continue
        words = other_words(label.name, is_label=True)
        if words is not None:
            yield label, [it for it in by_words.get(words, ()) if it is not label]


def _paths_across(label: Dataset, others: Sequence[Dataset], values: Values) -> set[bytes]:
    """Return the paths of the datasets with samples on the last axis; none if it may be either axis for one of them."""
    count = max(label.shape)
    data = [it for it in others if it.holds == {NUMBERS} and count in (it.shape[0], it.shape[-1])]
    data = [it for it in data if len(it.shape) > 1]
    by_row = [it for it in data if it.shape[0] == count]
    by_column = [it for it in data if it.shape[-1] == count]
    column = label.shape == (1, count) and label.matlab
    cells = {it.path for it in others if column and it.shape == (1, count) and _holds_references(it)}
    if not data:
        return cells | {label.path} if cells else set()
    if len(by_row) + len(by_column) > len(data):
        return set()
    for it in by_column:
        if not (column and it.matlab) and not _more_samples(it.shape, count):
            return set()
    if by_column and is_axis(values(label)):
        return set()
    paths = {it.path for it in by_column}
    return paths | cells | ({label.path} if label.shape == (1, count) else set())


def is_axis(values: NDArray[Any] | None) -> bool:
    """Check whether numbers only rise, or only fall."""
    if values is None or values.dtype.kind not in "iuf":
        return False
    finite = values.reshape(-1)[np.isfinite(values.reshape(-1))]
    rising = finite[1:] > finite[:-1]
    return len(rising) > 1 and (bool(rising.all()) or bool((finite[1:] < finite[:-1]).all()))


def _more_samples(shape: Sequence[int], count: int) -> bool:
    pictures = len(shape) == 4 and shape[-2] in CHANNELS and count > max(CHANNELS)
    return count > max(shape[:-1]) or pictures


def _paths_beside_volumes(datasets: Sequence[Dataset]) -> set[bytes]:
    """Return the paths of MATLAB columns with an item for each of the pictures beside them: names, kinds of scenes."""
    arrays = [it for it in datasets if it.matlab and len(it.shape) > 1]
    volumes = {it.rows for it in arrays if len(it.shape) >= DEEP}
    sides = {it.shape[-1] for it in arrays if it.rows > 1}
    return {it.path for it in arrays if it.rows == 1 and len(it.shape) == 2 and it.shape[1] in volumes - sides - {1}}


def _equation_paths(datasets: Sequence[Dataset]) -> set[bytes]:
    """Return the paths of inputs and solutions of equations from MATLAB, and of datasets beside them of that length.

    Their samples are the rows in MATLAB, which lie on the last axis here.
    """
    by_name = {it.name.lower(): it for it in datasets if it.matlab and it.holds == {NUMBERS} and len(it.shape) > 1}
    for given, solved in EQUATIONS:
        some, other = by_name.get(given), by_name.get(solved)
        if some is None or other is None or min(some.rows, some.shape[-1], other.shape[-1]) < FEWEST:
            continue
        grid = some.shape[:-1]
        if other.shape[:-1][-len(grid) :] == grid and not {some.shape[-1], other.shape[-1]} & {*other.shape[:-1]}:
            counts = {some.shape[-1], other.shape[-1]}
            return {it.path for it in by_name.values() if it.shape[-1] in counts and it.rows not in counts}
    return set()


def losses(table: Table, others: Sequence[Dataset]) -> Iterator[str]:
    """Yield a sentence for each thing that a copy without some rows makes untrue if samples lie along the last axis."""
    own = table.datasets
    scale = next((it for it in own if it.scale), None)
    for other in others:
        if scale is not None and other not in own and scale.rows > 1 and scale.rows in other.shape[1:]:
            yield f"an axis of {escape(other.path)} is as long as {escape(scale.path)}, which is a scale of axes"
            break
    group = own[0].path.rpartition(b"/")[0]
    labels = [it for it in others if it not in own and it.path.rpartition(b"/")[0] == group]
    columns = [(it, label) for it in own for label in labels if _has_columns_of(it, label, table.rows)]
    if columns:
        data, label = columns[0]
        yield (
            f"{escape(data.path)} has a column for each of {escape(label.path)}: "
            f"if its samples lie along the last axis, the rows of {table.name} are no samples"
        )
    elif not table.labels and all(it.matlab and len(it.shape) > 1 and it.shape[-1] > 1 and not it.across for it in own):
        yield (
            f"nothing tells which axis of {escape(own[0].path)} has its samples: "
            "the rows that MATLAB has of it are the last axis of the file, and a copy drops from the first"
        )


def _has_columns_of(data: Dataset, label: Dataset, rows: int) -> bool:
    """Check whether a dataset named like labels has an item for each column of another one, and not for each row."""
    if label.holds != {NUMBERS} or len(label.shape) - label.shape.count(1) != 1 or max(label.shape) in (1, rows):
        return False
    if len(data.shape) < 2 or data.across or data.shape[-1] != max(label.shape):
        return False
    words = other_words(label.name, is_label=True)
    return label.name in LABELS or (words is not None and words == other_words(data.name, is_label=False))


def _holds_references(dataset: Dataset) -> bool:
    return "ref" in (dataset.dtype.metadata or {})


def _with_last_axis_first(dataset: Dataset) -> Dataset:
    *others, count = dataset.shape
    unwritten = ((0, count),) if dataset.unwritten == ((0, dataset.rows),) else ()
    chunks = dataset.chunks and (dataset.chunks[-1], *dataset.chunks[:-1])
    return replace(dataset, shape=(count, *others), chunks=chunks, across=True, unwritten=unwritten, placed=None)
