"""Tell properties of molecules that were not computed at a level of theory from broken ones.

ANI-1x and the like have a group for each molecule, with the `coordinates` of its conformations and datasets called
LEVEL.PROPERTY: `wb97x_dz.energy`, `wb97x_dz.forces`, `ccsd(t)_cbs.energy`. Expensive levels were computed for some of
the conformations only; for the others, all properties of the level are NaN. Such a row is missing by design if its
level is missing in many rows of most molecules, and another level in hardly any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.backends.hdf5.tables import Table
from datacheck.model.replacing import replace

COORDINATES = b"coordinates"
SHARE, MOST, COMPLETE = 0.05, 0.5, 0.01
"""Minimum share of all rows, and of the molecules, in which a level is missing, and maximum share of rows in which one
is broken that was computed for all."""
FEWEST = 3
"""Minimum number of molecules."""


def with_levels(tables: Sequence[Table], look: Looking) -> list[Table]:
    """Return the tables, each with the columns of every level of theory that is missing by design."""
    levels = {it.name: its for it in tables if len(its := _levels(it)) > 1}
    if len(levels) < FEWEST:
        return list(tables)
    absent = _missing_by_design(levels.values(), look)
    return [
        _with_absent(it, [levels[it.name][level] for level in absent if level in levels[it.name]])
        if it.name in levels
        else it
        for it in tables
    ]


def _with_absent(table: Table, levels: Sequence[Sequence[Dataset]]) -> Table:
    return (
        replace(table, absent=tuple(tuple(it.columns[0].name for it in level) for level in levels)) if levels else table
    )


def _levels(table: Table) -> dict[bytes, list[Dataset]]:
    """Return the properties of a molecule by their level of theory; none if the table is not of a molecule."""
    levels: dict[bytes, list[Dataset]] = defaultdict(list)
    places = [it for it in table.judged if it.name == COORDINATES and len(it.shape) == 3 and it.shape[2] == 3]
    for it in table.judged if places and not table.each else ():
        level, _, name = it.name.rpartition(b".")
        if level and name and it.dtype.kind == "f" and len(it.columns) == 1:
            levels[level].append(it)
    return levels


def _missing_by_design(molecules: Iterable[Mapping[bytes, Sequence[Dataset]]], look: Looking) -> list[bytes]:
    shares: dict[bytes, list[tuple[int, int]]] = defaultdict(list)
    for levels in molecules:
        for level, datasets in levels.items():
            energies = next((it for it in datasets if len(it.shape) == 1), None)
            values = None if energies is None else look.values(energies)
            if values is not None:
                shares[level].append((int(np.isnan(values).sum()), values.size))
    if not any(_share(its) <= COMPLETE for its in shares.values()):
        return []
    return [level for level, its in sorted(shares.items()) if _share(its) >= SHARE and _is_widespread(its)]


def _share(shares: Sequence[tuple[int, int]]) -> float:
    return sum(missing for missing, _ in shares) / max(1, sum(count for _, count in shares))


def _is_widespread(shares: Sequence[tuple[int, int]]) -> bool:
    return sum(missing > 0 for missing, _ in shares) >= MOST * len(shares)


def absent_values(table: Table, columns: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield each column of a missing level with the mask of the rows in which all of the level is NaN."""
    for names in table.absent:
        its = {name: columns[name] for name in names if name in columns}
        rows = [np.isnan(values.reshape(len(values), -1)).all(axis=1) for values in its.values()]
        gone = np.logical_and.reduce(rows) if rows else np.empty(0, np.bool_)
        for name, values in its.items() if gone.any() else ():
            mask = np.zeros(values.shape, np.bool_)
            mask[gone] = True
            yield name, mask
