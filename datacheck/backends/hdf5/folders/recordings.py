"""Recognise files of a folder that are one recording each: a sound with its features, frames with sensor samples.

The lengths of their datasets differ from file to file, but their ratio is the same in all files: one row of one dataset
corresponds to a fixed number of rows of the other. A bad row removes the whole recording, since otherwise the other
datasets would be out of step with what is left. So it does if nearly every file has nothing but one square dataset,
which is a picture, or a matrix of something with itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from datacheck.backends.hdf5.folders.file_families import are_square, families_of_files
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.samples.samples import PIECES, Family, Shape

FEWEST, DISTINCT = 4, 1 / 2
"""Minimum number of files, and minimum share of distinct lengths among them, for a comparison to be conclusive."""
APART, EQUAL = 0.05, 1.5
"""Maximum relative spread of the ratios between files, and minimum ratio of the two lengths. Datasets of nearly the
same length share their rows instead."""
SHORTEST = 8


def recordings(names: Sequence[bytes], shapes: Mapping[int, Mapping[bytes, Shape]]) -> frozenset[bytes]:
    """Return the names of the files that are recordings; `shapes` has the datasets of each file by its number."""
    paths: set[bytes] = set()
    for family in families_of_files(names, shapes):
        called = words(family.samples[0].path.rpartition(b"/")[2])
        if PIECES.isdisjoint(called) and (are_square(family) or (family.compared and _in_step(family))):
            paths.update(it.path for it in family.samples)
    return frozenset(paths)


def _in_step(family: Family) -> bool:
    """Check whether there are two datasets whose lengths have the same ratio in all files."""
    filled = family.lengths[(family.lengths > 0).any(axis=1)]
    complete = filled[:, (filled > 0).all(axis=0)].astype(np.float64)
    count = complete.shape[1]
    if count < FEWEST:
        return False
    varying = [
        lengths for lengths in complete if len(set(lengths.tolist())) >= DISTINCT * count and lengths.min() >= SHORTEST
    ]
    for at, some in enumerate(varying):
        for other in varying[:at]:
            ratios = some / other
            far = max(ratios.min(), 1 / ratios.max()) >= EQUAL
            if far and ratios.max() <= ratios.min() * (1 + APART) and np.corrcoef(some, other)[0, 1] > 1 - APART:
                return True
    return False
