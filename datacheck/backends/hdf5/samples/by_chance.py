"""Find datasets that have as many rows as their neighbours only by chance: five atoms beside five conformations.

Sibling groups with the same member names show this: in most of them the row count of such a dataset differs from that
of its neighbours.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.paths import Paths
from datacheck.backends.hdf5.samples.row_counts import PARTS
from datacheck.backends.hdf5.samples.samples import FEWEST, Family, Sample, Shape
from datacheck.model.sample_sets import SETS

APART = "by chance"
"""Stands for a separate table, so that such datasets are not put into the table of their neighbours."""
PIECE = re.compile(
    rb"(.*?)(batch|bucket|chunk|shard|part|split|block)e?s?[_-]?([0-9]{1,9})(.*)", re.DOTALL | re.IGNORECASE
)
"""Matches the names of datasets that are a numbered piece of a set of samples; group 3 is the number."""


def by_chance(families: Sequence[Family], groups: Mapping[bytes, Mapping[bytes, Shape]]) -> frozenset[bytes]:
    """Return the paths of such datasets in families of samples and in sibling `groups` (member shapes by name)."""
    all_families = [*families, *_sibling_families(groups, {it.path for family in families for it in family.samples})]
    return Paths(path for family in all_families for path in _paths_by_chance(family))


def _sibling_families(
    groups: Mapping[bytes, Mapping[bytes, Shape]], taken: Collection[bytes], fewest: int = FEWEST + 1
) -> Iterator[Family]:
    """Yield families of sibling groups whose members have the same names; samples (`taken`) are left out."""
    alike: dict[tuple[bytes, frozenset[bytes]], list[bytes]] = defaultdict(list)
    for path, members in groups.items():
        if path and path not in taken and len(members) > 1:
            alike[path.rpartition(b"/")[0], frozenset(members)].append(path)
    for paths in alike.values():
        if len(paths) >= fewest:
            yield Family([Sample(path, groups[path]) for path in paths])


def _paths_by_chance(family: Family) -> Iterator[bytes]:
    if len(family.samples) <= FEWEST or not family.counted:
        return
    lengths, steps = family.lengths, family.steps
    for place in sorted(set(range(len(family.names))) - set(family.counted)):
        present = (lengths[place] >= 0) & (steps >= 0)
        same = present & (lengths[place] == steps)
        if (present & ~same).sum() >= max(FEWEST, present.sum() / 2):
            for at in np.flatnonzero(same).tolist():
                yield family.samples[at].path + b"/" + family.names[place]


def pieces(datasets: Sequence[Dataset]) -> dict[bytes, str]:
    """Return the table of each dataset that is a piece of a set, by path: data_batch_1 and labels_batch_1 share one.

    Nothing is returned if another dataset beside them has as many rows as one of them, since it belongs to these rows.
    """
    matches = {it.path: PIECE.fullmatch(it.name) for it in datasets}
    tables = {
        it.path: f"piece {int(match[3])}" for it in datasets if (match := matches[it.path]) is not None and it.shape
    }
    deep = {tables[it.path] for it in datasets if it.path in tables and len(it.shape) > 1}
    heights = {it.rows for it in datasets if it.shape and it.path not in tables}
    if len(deep) < 2 or len(deep) < len(set(tables.values())):
        return {}
    return {} if any(it.rows in heights for it in datasets if it.path in tables) else tables


def by_themselves(shapes: Iterable[tuple[bytes, Shape]]) -> dict[bytes, bytes]:
    """Return the groups that have rows of their own (one molecule or one set each), with their parent group.

    Such siblings hold the same names, and either most of them differ in row count or all are named after sets. Groups
    of one parent with the same row count may be views of the same samples, such as frames and their flow.
    """
    groups: dict[bytes, dict[bytes, Shape]] = defaultdict(dict)
    for path, shape in shapes:
        if shape:
            groups[path.rpartition(b"/")[0]][path.rpartition(b"/")[2]] = shape
    parents: dict[bytes, bytes] = {}
    for family in _sibling_families(groups, (), fewest=2):
        paths = [it.path for it in family.samples]
        names = [set(PARTS.findall(path.rpartition(b"/")[2].lower())) for path in paths]
        several = len(set(map(tuple, family.lengths.T.tolist())))
        if all(name_words & SETS for name_words in names) or (len(paths) > FEWEST and 2 * several > len(paths)):
            parents.update((path, path.rpartition(b"/")[0]) for path in paths)
    return parents
