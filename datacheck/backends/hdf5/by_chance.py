"""Datasets that have as many rows as their neighbours only by chance: five atoms beside five conformations.

Sibling groups with the same member names show it: in most of them these datasets have another number of rows than
their neighbours.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.paths import Paths
from datacheck.backends.hdf5.row_counts import PARTS
from datacheck.backends.hdf5.samples import FEWEST, Family, Sample, Shape
from datacheck.model.sample_sets import SETS

APART = "by chance"
"""Stands for a table of their own, so that they are not put into that of their neighbours."""
PIECE = re.compile(
    rb"(.*?)(batch|bucket|chunk|shard|part|split|block)e?s?[_-]?([0-9]{1,9})(.*)", re.DOTALL | re.IGNORECASE
)
"""The names of datasets that are a piece of a set of samples, and its number."""


def by_chance(families: Sequence[Family], groups: Mapping[bytes, Mapping[bytes, Shape]]) -> frozenset[bytes]:
    """Return the paths of these datasets, in samples and in `groups` of like members (shapes by names)."""
    its = [*families, *_siblings(groups, {it.path for family in families for it in family.samples})]
    return Paths(path for family in its for path in _strangers(family))


def _siblings(
    groups: Mapping[bytes, Mapping[bytes, Shape]], taken: Collection[bytes], fewest: int = FEWEST + 1
) -> Iterator[Family]:
    """Yield the groups of one parent whose members have the same names, except for samples (`taken`)."""
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


def pieces(datasets: Sequence[Dataset]) -> dict[bytes, str]:
    """Return the tables that datasets are in which are pieces of a set: data_batch_1 with labels_batch_1.

    They are none where something beside them has as many rows, which is of those rows.
    """
    found = {it.path: PIECE.fullmatch(it.name) for it in datasets}
    named = {it.path: f"piece {int(of[3])}" for it in datasets if (of := found[it.path]) is not None and it.shape}
    deep = {named[it.path] for it in datasets if it.path in named and len(it.shape) > 1}
    heights = {it.rows for it in datasets if it.shape and it.path not in named}
    if len(deep) < 2 or len(deep) < len(set(named.values())):
        return {}
    return {} if any(it.rows in heights for it in datasets if it.path in named) else named


def by_themselves(shapes: Iterable[tuple[bytes, Shape]]) -> dict[bytes, bytes]:
    """Return the groups that have rows of their own (a molecule each, a set each), with the group above them.

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
