"""Which samples of a file are marked to go: those with a record that goes, or that have lost what others have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.samples import FEWEST
from datacheck.backends.hdf5.tables import Contents


def samples_of(contents: Contents, records: NDArray[np.int64]) -> set[bytes]:
    """Return the samples that have these of a file's single records in them."""
    samples = frozenset() if contents.means is None else contents.means.samples
    made = set()
    for path in (contents.records[at].path for at in records.tolist()) if samples else ():
        while path and path not in samples:
            path = path.rpartition(b"/")[0]
        made |= {path} - {b""}
    return made


def _there(contents: Contents) -> set[bytes]:
    """Return the paths of a file's datasets, and of the groups above them."""
    made: set[bytes] = set()
    for path, _ in contents.shapes:
        while path and path not in made:
            made.add(path)
            path = path.rpartition(b"/")[0]
    return made


def usual_of(reader: Hdf5Reader, paths: Collection[bytes]) -> frozenset[bytes]:
    """Return those of the paths that at least half of the files of a folder have."""
    files = len(reader.files)
    if not paths or not reader.names or files < FEWEST:
        return frozenset()
    count = Counter(it for number in range(files) for it in _there(reader.contents(number)).intersection(paths))
    return frozenset(it for it in paths if 2 * count[it] >= files)


def marks_of(contents: Contents, paths: Collection[bytes], usual: Collection[bytes]) -> set[bytes]:
    """Return the samples among these paths, and those that have lost what was there, and most of the others have.

    A file is marked (by an empty path) that has lost what is `usual`.
    """
    samples = frozenset() if contents.means is None else contents.means.samples
    there = _there(contents) if samples and paths else set()
    held: dict[tuple[bytes, bytes], bool] = {}
    made = set()
    for path in paths:
        sample = path
        while sample and sample not in samples:
            sample = sample.rpartition(b"/")[0]
        part, above = path[len(sample) :], sample.rpartition(b"/")[0]
        if sample and part and (above, part) not in held:
            alike = [it for it in samples if it.rpartition(b"/")[0] == above]
            held[above, part] = 2 * sum(it + part in there for it in alike) >= len(alike)
        made.add(sample if held.get((above, part)) else b"" if path in usual else path)
    return made
