"""Exclude samples of which a file holds many, one dataset or group each, from the comparison between files.

If shard_4.h5 has pictures 0 to 56 and each earlier shard has 0 to 99, the last shard is just shorter and lacks nothing.
A few numbered groups, such as the cameras of an episode, are parts of the one sample that the file is. So are
those of the one picture that a file holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from datacheck.backends.hdf5.samples.one_picture import at_top
from datacheck.backends.hdf5.samples.samples import Shape, called_a_sample
from datacheck.backends.hdf5.tables import Contents

FEW = 8
"""Maximum number of datasets or groups that are taken for parts of one sample.

They are parts if the file also holds something else or is itself named as a sample. Groups that are named as samples,
such as demo_3, are never parts.
"""


def without_own_samples(contents: Contents, name: bytes) -> Sequence[tuple[bytes, Shape]]:
    """Return the shapes in a file of this name without those of samples of their own."""
    of_datasets = {it.path for table in contents.tables if table.each and not at_top(table) for it in table.judged}
    of_groups = frozenset() if contents.means is None else contents.means.samples
    count = len(of_datasets) + len(of_groups)
    if not count:
        return contents.shapes
    rest = [it for it in contents.shapes if it[0] not in of_datasets and not _within(it[0], of_groups)]
    parts = count <= FEW and (len(rest) > 0 or called_a_sample(name)) and not any(map(called_a_sample, of_groups))
    return contents.shapes if parts else rest


def _within(path: bytes, groups: frozenset[bytes]) -> bool:
    while path and groups:
        path = path.rpartition(b"/")[0]
        if path in groups:
            return True
    return False
