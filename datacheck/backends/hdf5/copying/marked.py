"""Find the samples of a file to drop: those with a dropped record, or without a part that most other samples have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.paths import nearest
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.samples.samples import FEWEST
from datacheck.backends.hdf5.tables import Contents


def samples_of(contents: Contents, records: NDArray[np.int64]) -> set[bytes]:
    """Return the samples that contain the given single records of a file."""
    samples = frozenset() if contents.means is None else contents.means.samples
    found = set()
    for path in (contents.records[at].path for at in records.tolist()) if samples else ():
        found |= {nearest(path, samples)} - {b""}
    return found


def _paths_with_parents(contents: Contents) -> set[bytes]:
    """Return the paths of a file's datasets, and of the groups above them."""
    paths: set[bytes] = set()
    for path, _ in contents.shapes:
        while path and path not in paths:
            paths.add(path)
            path = path.rpartition(b"/")[0]
    return paths


def usual_paths(reader: Hdf5Reader, paths: Collection[bytes]) -> frozenset[bytes]:
    """Return the paths that at least half of the files of a folder have; none if there are fewer than FEWEST files."""
    files = len(reader.files)
    if not paths or not reader.names or files < FEWEST:
        return frozenset()
    count = Counter(
        it for number in range(files) for it in _paths_with_parents(reader.contents(number)).intersection(paths)
    )
    return frozenset(it for it in paths if 2 * count[it] >= files)


def marks_of(contents: Contents, paths: Collection[bytes], usual: Collection[bytes]) -> set[bytes]:
    """Return the samples that these damaged paths mark.

    A path below a sample marks the sample if at least half of the samples beside it have that part. A path that is
    `usual` marks the whole file, as an empty path. Any other path is returned as it is.
    """
    samples = frozenset() if contents.means is None else contents.means.samples
    present = _paths_with_parents(contents) if samples and paths else set()
    is_usual_part: dict[tuple[bytes, bytes], bool] = {}
    marks = set()
    for path in paths:
        sample = nearest(path, samples)
        part, above = path[len(sample) :], sample.rpartition(b"/")[0]
        if sample and part and (above, part) not in is_usual_part:
            alike = [it for it in samples if it.rpartition(b"/")[0] == above]
            is_usual_part[above, part] = 2 * sum(it + part in present for it in alike) >= len(alike)
        marks.add(sample if is_usual_part.get((above, part)) else b"" if path in usual else path)
    return marks
