"""Detect grid coordinates next to samples on that grid, such as `x-coordinate` beside a `tensor`.

The axes of the tensor are samples, times and places. Coordinates have one value per position of an axis other than the
first axis of the data. Even if there are as many positions as samples, coordinates are not a column of the samples.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.samples.row_counts import PARTS

PLACES = frozenset(b"x y z lat latitude lon longitude lev level depth height freq frequency".split())
"""Names of grid axes."""
CALLED = frozenset(b"coordinate coordinates coord coords grid axis".split())
"""Words in the names of coordinates. Plain times are not recognised, since they may be a column of a series."""
LONGEST = 1 << 16
"""Maximum number of values of a coordinate."""


def grid_axes(datasets: Sequence[Dataset], values: Values) -> frozenset[bytes]:
    """Return the paths of the coordinates among the datasets of a group.

    Each coordinate belongs to its own axis of the data, which have one more axis for the samples. There may be one
    coordinate more than positions, if coordinates mark the ends of steps.
    """
    named = [it for it in datasets if _may_be_coordinate(it)]
    if len(named) == 1 and len(named[0].name) == 1:  # a lone y is a label
        return frozenset()
    data = [it for it in datasets if len(it.shape) > len(named) and it.columns]
    if not named or not data:
        return frozenset()
    heights = {it.rows for it in data}
    if not any(it.rows in heights for it in named) or not all(_have_own_axes(named, it.shape[1:]) for it in data):
        return frozenset()
    return frozenset(it.path for it in named) if all(_are_monotonic(it, values) for it in named) else frozenset()


def _may_be_coordinate(dataset: Dataset) -> bool:
    if len(dataset.shape) != 1 or not 1 < dataset.rows <= LONGEST or dataset.dtype.kind not in "iuf":
        return False
    name_words = {it.lower() for it in PARTS.findall(dataset.name)}
    return bool(name_words & CALLED and len(name_words) > 1) or (len(name_words) == 1 and bool(name_words & PLACES))


def _have_own_axes(named: Collection[Dataset], axes: Sequence[int]) -> bool:
    """Check whether each of the coordinates has an axis of its own."""
    left = list(axes)
    for rows in sorted((it.rows for it in named), reverse=True):
        fitting = next((it for it in (rows, rows - 1) if it in left), None)
        if fitting is None:
            return False
        left.remove(fitting)
    return True


def _are_monotonic(dataset: Dataset, values: Values) -> bool:
    positions = values(dataset) if dataset.readable else None
    if positions is None or not np.isfinite(positions).all():
        return False
    steps = np.diff(positions.astype(np.float64))
    return bool((steps > 0).all() or (steps < 0).all())
