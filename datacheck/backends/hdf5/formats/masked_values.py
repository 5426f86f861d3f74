"""Tell values that are NaN because a mask beside them says that they are missing from broken ones.

`X` with `missing_mask`, or `depth` with `valid`, of one shape: in nearly all compared rows, and in most of those with
NaN, the mask is 0, or is not 0, exactly where the value is NaN. A mask may be of points: `visible` of `part`. A value
that is NaN elsewhere is broken.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import LARGEST, Looking
from datacheck.backends.hdf5.names import DIGITS, words
from datacheck.backends.hdf5.samples.samples import Shape
from datacheck.backends.hdf5.tables import Masked, Table
from datacheck.model.cells import NUMBERS

MASKS = frozenset(
    b"mask masks masked missing missingness observed observation valid validity invalid available availability present "
    b"presence isnan nan notnan visible visibility".split()
)
"""Words in the names of datasets that say which values are there."""
OBJECTS = frozenset({b"mask", b"masks"})
PICTURES = frozenset(
    b"image images img imgs picture photo rgb slice slices frame frames volume vol scan ct mri data".split()
)
"""Names of masks that may show the objects in pictures, and words in the names of these."""
AGREEING = 0.9
"""Minimum share of the compared rows in which mask and values agree, and of the values 0 and 1 in a mask of floats; the
others may be broken."""
ROWS, BYTES, MOST = 64, 16 << 20, 4
"""Maximum number of rows of a dataset larger than BYTES that are compared, maximum number of bytes that are decoded for
them, and of masks that are tried."""
FEWEST = 4
"""Minimum number of rows that are compared, or of parts of them if a row and its chunks are larger than LARGEST."""
PART, SPREAD = 1 << 20, 0.8191725134
"""Maximum size in bytes of such a part, and a number by whose powers, as shares of the axes, one part lies behind the
other: they spread over all axes if it is the inverse of the root of x**4 = x + 1."""


def with_masks(tables: Iterable[Table], look: Looking) -> Iterator[Table]:
    """Yield the tables, each with the columns whose missing values a mask in the table marks."""
    for table in tables:
        known = () if table.each else tuple(_masked_columns(table, look))
        yield msgspec.structs.replace(table, masked=known) if known else table


class _Masks:
    """The datasets of a table that may be masks by their names."""

    def __init__(self, table: Table) -> None:
        self._of_shape: dict[Shape, list[Dataset]] = defaultdict(list)
        self._named: dict[tuple[Shape, frozenset[bytes], Sequence[bytes] | None], list[Dataset]] = defaultdict(list)
        for it in table.judged:
            if it.dtype.kind in "biuf" and it.shape and words(it.name) & MASKS:
                self._of_shape[it.shape].append(it)
                for numbers in (tuple(DIGITS.findall(it.name)), None):
                    self._named[it.shape, words(it.name) - MASKS, numbers].append(it)

    def of(self, values: Dataset) -> list[Dataset]:
        """Return the masks that may be those of values: the one named after them, or those of their shape or points.

        The numbers in the names count only if several have the same words: `sensor_7_valid` of `sensor_7`.
        """
        points = values.shape[:-1]
        for shape in (values.shape, points) if len(points) > 1 else (values.shape,):
            alike = self._of_shape.get(shape, [])
            if all(it is values for it in alike):
                continue
            for numbers in (tuple(DIGITS.findall(values.name)), None):
                own = self._named.get((shape, words(values.name), numbers), [])
                if len(own) == 1:
                    return own
            of_picture = words(values.name) & PICTURES
            others = (it for it in alike if not (it is values or (of_picture and words(it.name) <= OBJECTS)))
            return list(islice(others, MOST))
        return []


def _masked_columns(table: Table, look: Looking) -> Iterator[Masked]:
    """Yield which values of the columns of a table are missing by a mask in it."""
    masks = _Masks(table)
    for dataset in table.judged:
        if dataset.dtype.names:
            yield from _masked_members(dataset, look)
        elif dataset.dtype.kind == "f" and dataset.shape:
            it = _masked(dataset, masks.of(dataset), look)
            yield from () if it is None else (it,)


def _masked(values: Dataset, masks: Sequence[Dataset], look: Looking) -> Masked | None:
    """Return which values of a column are missing by the first mask that agrees, or None if none does."""
    sample = _sample(values, masks) if masks and values.rows else None
    some = None if sample is None else sample.of(values, look)
    if sample is None or some is None or not np.isnan(some).any():
        return None
    for mask in masks:
        flags = sample.of(mask, look)
        flag = None if flags is None else _flag_of_missing(some, flags)
        if flag is not None:
            return Masked(values.columns[0].name, mask.columns[0].name, flag)
    return None


def _masked_members(dataset: Dataset, look: Looking) -> Iterator[Masked]:
    """Yield which values of a compound dataset are missing by its only member that is a mask: `valid` of the tracks.

    A row has to be several items, some of which may be missing; one that is missing as a whole is no record.
    """
    if len(dataset.shape) < 2:
        return
    masks = [it for it in dataset.columns if it.holds == NUMBERS and words(it.name.rpartition(".")[2].encode()) & MASKS]
    if len(masks) != 1 or len(dataset.columns) != len(dataset.dtype.names or ()):
        return
    members = dict(zip((it.name for it in dataset.columns), dataset.dtype.names or (), strict=True))
    mask = members[masks[0].name]
    floats = [name for name, member in members.items() if dataset.dtype[member].base.kind == "f"]
    if dataset.dtype[mask].base.kind not in "biu" or not floats:
        return
    values = _sample(dataset).of(dataset, look)
    if values is None:
        return
    for name in floats:
        some = values[members[name]]
        flag = _flag_of_missing(some, values[mask]) if some.shape == values[mask].shape else None
        if flag is not None:
            yield Masked(name, masks[0].name, flag)


class _Sample(NamedTuple):
    """Parts of the same shape that are compared of datasets with equally many rows; `whole` if these are all rows."""

    starts: Sequence[tuple[int, ...]]
    shape: tuple[int, ...]
    whole: bool = False

    def of(self, dataset: Dataset, look: Looking) -> NDArray[Any] | None:
        """Return the values of these parts, or None if they cannot be read."""
        if self.whole:
            return look.values(dataset)
        axes = len(dataset.shape)  # those of a mask of points are one fewer
        return look.values_of_parts(dataset, [it[:axes] for it in self.starts], self.shape[:axes])


def _sample(values: Dataset, masks: Sequence[Dataset] = ()) -> _Sample:
    """Return what is compared: all rows of small datasets, some of large ones, and parts of rows that are too large."""
    datasets = [values, *masks]
    if all(it.bytes <= BYTES for it in datasets):
        return _Sample((), values.shape, whole=True)
    size = max(1, *(max(it.row_bytes, it.band_bytes) for it in datasets))
    if size > LARGEST:
        return _parts(values, max(it.chunk_bytes for it in datasets))
    count = min(values.rows, ROWS, max(BYTES // size, FEWEST))
    rows, first = [at * values.rows // count for at in range(count)], (0,) * (len(values.shape) - 1)
    return _Sample([(row, *first) for row in rows], (1, *values.shape[1:]))


def _parts(values: Dataset, chunk_bytes: int) -> _Sample:
    """Return parts of rows of a dataset, none of which reaches beyond one of its chunks, spread over its extent.

    All of a chunk is decoded for each part, so of large chunks there are few. There are none if a single value is
    larger than PART.
    """
    chunks = values.chunks or values.shape
    shape = [1, *map(min, values.shape[1:], chunks[1:])]
    if values.dtype.itemsize > PART:
        return _Sample((), tuple(shape))
    while math.prod(shape) * values.dtype.itemsize > PART:
        axis = shape.index(max(shape))
        shape[axis] //= 2
    count = min(ROWS, max(LARGEST // max(1, chunk_bytes), FEWEST))
    starts = []
    for at in range(count):
        places = [at * values.rows // count]
        for axis in range(1, len(shape)):
            place = int((at + 1 / 2) * SPREAD**axis % 1 * values.shape[axis])
            end = min((place // chunks[axis] + 1) * chunks[axis], values.shape[axis])
            places.append(max(0, min(place, end - shape[axis])))
        starts.append(tuple(places))
    return _Sample(starts, tuple(shape))


def _flag_of_missing(values: NDArray[Any], mask: NDArray[Any]) -> bool | None:
    """Return whether the mask is not 0 where a value is missing (True) or is 0 there (False); None if it is neither."""
    if mask.dtype.kind == "f" and np.isin(mask, (0, 1)).mean() < AGREEING:
        return None
    gone, flagged = np.isnan(values), _as_wide(mask, values) != 0
    if not gone.any() or gone.all():
        return None
    some = gone.reshape(len(gone), -1).any(axis=1)
    for flag in (False, True):
        agreeing = (gone == (flagged == flag)).reshape(len(gone), -1).all(axis=1)
        if agreeing.sum() >= AGREEING * len(gone) and 2 * agreeing[some].sum() > some.sum():
            return flag
    return None


def masked_values(table: Table, columns: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield each column with a mask, and where that says that its values are missing."""
    for it in table.masked:
        if it.name in columns and it.mask in columns:
            values = columns[it.name]
            yield it.name, np.broadcast_to((_as_wide(columns[it.mask], values) != 0) == it.flag, values.shape)


def _as_wide(mask: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    """Return a mask of values, or of their points, with as many axes as the values."""
    return mask[..., np.newaxis] if mask.ndim < values.ndim else mask
