"""Files of a folder that are one recording each: a sound with its features, frames beside the samples of a sensor.

Their datasets have other lengths in each file, and in all files the same ratio: a row of one is so many of the other.
What goes with a row that is bad is the recording, since the others would be out of step with what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from datacheck.backends.hdf5.file_families import families_of_files
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.samples import PIECES, Family, Shape

FEWEST, DISTINCT = 4, 1 / 2
"""So many files tell, of which this share have a length of their own."""
APART, EQUAL = 0.05, 1.5
"""How far the ratios may be from each other, and how far from one: what is nearly as long has its rows in common."""
SHORTEST = 8


def recordings(names: Sequence[bytes], shapes: Mapping[int, Mapping[bytes, Shape]]) -> frozenset[bytes]:
    """Return the names of these files, by what each number of a file holds."""
    made: set[bytes] = set()
    for family in families_of_files(names, shapes):
        called = words(family.samples[0].path.rpartition(b"/")[2])
        if PIECES.isdisjoint(called) and family.compared and _in_step(family):
            made.update(it.path for it in family.samples)
    return frozenset(made)


def _in_step(family: Family) -> bool:
    """Say whether two datasets of all files have lengths of one ratio."""
    whole = family.lengths[:, (family.lengths > 0).all(axis=0)].astype(np.float64)
    count = whole.shape[1]
    varying = [its for its in whole if len(set(its.tolist())) >= DISTINCT * count and its.min() >= SHORTEST]
    if count < FEWEST:
        return False
    for at, some in enumerate(varying):
        for other in varying[:at]:
            ratios = some / other
            far = max(ratios.min(), 1 / ratios.max()) >= EQUAL
            if far and ratios.max() <= ratios.min() * (1 + APART) and np.corrcoef(some, other)[0, 1] > 1 - APART:
                return True
    return False
