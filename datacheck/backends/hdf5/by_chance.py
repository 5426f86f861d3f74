"""Datasets that have as many rows as the others of their group by chance alone: five atoms beside five conformations.

Groups of one parent that hold the same names tell so, whatever they are called themselves: in the others these
datasets have another number of rows than those beside them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np

from datacheck.backends.hdf5.row_counts import PARTS
from datacheck.backends.hdf5.samples import FEWEST, Family, Sample, Shape
from datacheck.backends.hdf5.set_counts import SETS

APART = "by chance"
"""What stands for the table of such datasets."""


def by_chance(families: Sequence[Family], groups: Mapping[bytes, Mapping[bytes, Shape]]) -> frozenset[bytes]:
    """Return the paths of those datasets, in samples and in other `groups` that hold the same (shapes by names)."""
    its = [*families, *_siblings(groups, {it.path for family in families for it in family.samples})]
    return frozenset(path for family in its for path in _strangers(family))


def _siblings(
    groups: Mapping[bytes, Mapping[bytes, Shape]], taken: Collection[bytes], fewest: int = FEWEST + 1
) -> Iterator[Family]:
    """Yield the groups of one parent that hold the same names, of those that are not samples."""
    alike: dict[tuple[bytes, frozenset[bytes]], list[bytes]] = defaultdict(list)
    for path, members in groups.items():
        if path and path not in taken and len(members) > 1:
            alike[path.rpartition(b"/")[0], frozenset(members)].append(path)
    for paths in alike.values():
        if len(paths) >= fewest:
            yield Family([Sample(path, groups[path]) for path in paths])


def _strangers(family: Family) -> Iterator[bytes]:
    if len(family.samples) <= FEWEST or not family.counted:
        return
    lengths, steps = family.lengths, family.steps
    for place in sorted(set(range(len(family.names))) - set(family.counted)):
        there = (lengths[place] >= 0) & (steps >= 0)
        same = there & (lengths[place] == steps)
        if (there & ~same).sum() >= max(FEWEST, there.sum() / 2):
            for at in np.flatnonzero(same).tolist():
                yield family.samples[at].path + b"/" + family.names[place]


def by_themselves(shapes: Iterable[tuple[bytes, Shape]]) -> dict[bytes, bytes]:
    """Return the groups of which each has its own rows, with the group above them: a molecule each, a set each.

    They hold the same names, and most of them another number of rows than the others, or are called by sets. Groups of
    one parent and one number of rows may be views of the same samples: frames and their flow.
    """
    groups: dict[bytes, dict[bytes, Shape]] = defaultdict(dict)
    for path, shape in shapes:
        if shape:
            groups[path.rpartition(b"/")[0]][path.rpartition(b"/")[2]] = shape
    made: dict[bytes, bytes] = {}
    for family in _siblings(groups, (), fewest=2):
        paths = [it.path for it in family.samples]
        names = [set(PARTS.findall(path.rpartition(b"/")[2].lower())) for path in paths]
        several = len(set(map(tuple, family.lengths.T.tolist())))
        if all(its & SETS for its in names) or (len(paths) > FEWEST and 2 * several > len(paths)):
            made.update((path, path.rpartition(b"/")[0]) for path in paths)
    return made
