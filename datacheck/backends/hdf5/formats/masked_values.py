"""Tell values that are NaN because a mask beside them says that they are missing from broken ones.

`X` with `missing_mask`, or `depth` with `valid`, of one shape: in nearly all sampled rows the mask is 0, or is not 0,
exactly where the value is NaN. A value that is NaN elsewhere is broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.tables import Masked, Table

MASKS = frozenset(
    b"mask masks masked missing missingness observed observation valid validity invalid available availability present "
    b"presence isnan nan notnan".split()
)
"""Words in the names of datasets that say which values are there."""
OBJECTS = frozenset({b"mask", b"masks"})
PICTURES = frozenset(
    b"image images img imgs picture photo rgb slice slices frame frames volume vol scan ct mri data".split()
)
"""Names of masks that may show the objects in pictures, and words in the names of these."""
AGREEING = 0.9
"""Minimum share of the sampled rows in which mask and values agree; the values of others may be broken."""
ROWS, BYTES = 64, 16 << 20
"""Maximum number of rows that are compared, and of bytes that are decoded for them."""


def with_masks(tables: Iterable[Table], look: Looking) -> Iterator[Table]:
    """Yield the tables, each with the columns whose missing values a mask in the table marks."""
    for table in tables:
        masks = [it for it in table.judged if it.dtype.kind in "biu" and it.shape and words(it.name) & MASKS]
        pairs = [(it, _mask_of(it, masks)) for it in table.judged if masks and it.dtype.kind == "f" and it.shape]
        known = tuple(it for values, mask in pairs if mask is not None and (it := _masked(values, mask, look)))
        yield msgspec.structs.replace(table, masked=known) if known and not table.each else table


def _mask_of(values: Dataset, masks: Sequence[Dataset]) -> Dataset | None:
    """Return the mask of values: the one named after them, or the only one of their shape."""
    alike = [it for it in masks if it.shape == values.shape]
    own = [it for it in alike if words(it.name) - MASKS == words(values.name)]
    if len(own) == 1 or len(alike) != 1:
        return own[0] if len(own) == 1 else None
    of_objects = words(alike[0].name) <= OBJECTS and words(values.name) & PICTURES
    return None if of_objects else alike[0]


def _masked(values: Dataset, mask: Dataset, look: Looking) -> Masked | None:
    """Return which values of a column are missing by its mask, or None if the sampled rows do not show it."""
    count = min(ROWS, BYTES // max(1, values.row_bytes, values.band_bytes), values.rows)
    rows = [at * values.rows // count for at in range(count)]
    some, flags = look.values_of_rows(values, rows), look.values_of_rows(mask, rows)
    if some is None or flags is None:
        return None
    gone, there = np.isnan(some), flags != 0
    name, mask_name = values.columns[0].name, mask.columns[0].name
    if not gone.any() or gone.all():
        return None
    for missing in (False, True):
        agreeing = (gone == (there == missing)).reshape(count, -1).all(axis=1)
        if agreeing.sum() >= AGREEING * count:
            return Masked(name, mask_name, flag=missing)
    return None


def masked_values(table: Table, columns: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield each column with a mask, and where that says that its values are missing."""
    for it in table.masked:
        if it.name in columns and it.mask in columns:
            yield it.name, (columns[it.mask] != 0) == it.flag
