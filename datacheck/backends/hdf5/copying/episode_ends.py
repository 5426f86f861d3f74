"""Detect that the flag which ends an episode goes with its row, so that the rows before it run on into the next one.

The flat layout of D4RL has no other mark between two episodes than `terminals` and `timeouts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.samples.row_counts import ENDINGS
from datacheck.backends.hdf5.tables import Table
from datacheck.model.escaping import escape


def are_flags(dataset: Dataset) -> bool:
    """Check whether a dataset may say of each step whether it is the last one of its episode."""
    flat = len(dataset.shape) == 1 or dataset.shape[1:] == (1,)
    return dataset.name in ENDINGS and dataset.dtype.kind in "biuf" and flat


def losses_of_ends(table: Table, rows: NDArray[np.int64], read: Mapping[bytes, NDArray[Any]]) -> Iterator[str]:
    """Yield a sentence if one of the dropped `rows` ends an episode of which others stay."""
    flags = [it for it in table.datasets if are_flags(it) and it.path in read]
    if not flags:
        return
    is_end = np.logical_or.reduce([read[it.path].reshape(-1) == 1 for it in flags])
    ends = np.flatnonzero(is_end)
    kept = np.ones(table.rows + 1, bool)
    kept[rows] = False
    kept_before = np.cumsum(kept) - kept
    left = np.diff(kept_before[ends], prepend=0) - np.concatenate([[0], kept[ends[:-1]]])
    lost = ends[~kept[ends] & (left > 0) & (ends < table.rows - 1)]
    if len(lost):
        names = " and ".join(escape(it.path) for it in flags)
        yield f"row {lost[0]:,} of {names} ends an episode, whose other rows would run on into the next one"
