"""Find datasets of which one has several rows for each row of the other: captions of pictures, scans of objects."""

from __future__ import annotations

from datacheck.backends.hdf5.copying.last_observations import beside
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.samples.side_by_side import is_pair
from datacheck.backends.hdf5.samples.told_apart import are_of_one_kind
from datacheck.backends.hdf5.tables import Table
from datacheck.model.sample_sets import SETS

FEWEST, MOST = 8, 20
"""Minimum number of pictures (fewer may fit a number of captions by chance) and maximum captions of one picture."""
SIGNALS = frozenset(b"wave wav waveform audio sound signal speech".split())


def has_several_rows(table: Table, other: Dataset) -> bool:
    """Check whether, by name, one has several rows per row of the other: captions of pictures, a sound and features."""
    few, many = sorted((table.rows, other.rows))
    if few < FEWEST or few == many or many % few or not beside(table, other):
        return False
    if any(_are_versions(it, other) for it in table.datasets):
        return True
    long = table.datasets if table.rows == many else [other]
    if any(
        SIGNALS & words(it.name) and len(it.shape) == 1 for it in long
    ):  # a sound beside its features, each frame of which covers many of its samples
        return True
    return many // few <= MOST and any(is_pair(it.name, other.name) for it in table.datasets)


def _are_versions(some: Dataset, other: Dataset) -> bool:
    """Check whether two arrays are of one kind by shape and name: `incomplete_pcds`, 26 for each of `complete_pcds`."""
    own, others = words(some.name), words(other.name)
    return len(some.shape) > 2 and are_of_one_kind(some, other) and bool(own & others) and not (own | others) & SETS
