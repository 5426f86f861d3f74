"""A file of a source and the changes to make to it: the rows to drop, and the dropped datasets that are records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.copying.digest import FilePlan
from datacheck.backends.hdf5.copying.objects import renamed_path
from datacheck.backends.hdf5.copying.row_selection import Change, Kept
from datacheck.backends.hdf5.paths import with_groups_above
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.model.escaping import escape
from datacheck.model.replacing import replace


@dataclass(frozen=True)
class Part:
    """A file of a source with its plan; `name` is the copy's in the target folder, `was` its name without new numbers.

    `first` is the index of the file's first record in the source.
    """

    file: Path
    name: str
    was: str
    number: int
    first: int
    plan: FilePlan
    drops: NDArray[Any]
    samples: frozenset[str] = frozenset()
    """The escaped paths of the groups that are dropped as a whole."""
    whole: bool = False
    """Whether the file is dropped as a whole."""

    @property
    def tables(self) -> Iterator[tuple[Table, int]]:
        """The tables, and the index of the first record of each."""
        first = self.first
        for table in self.plan.contents.tables:
            yield table, first
            first += table.rows

    def place(self, path: bytes) -> bytes | None:
        """Return the path in the copy of a dataset of the source, or None if it or its group is dropped."""
        if self.plan.called and any(escape(it) in self.plan.skip for it in with_groups_above(path)):
            return None
        return renamed_path(path, self.plan.called)

    @cached_property
    def records(self) -> int:
        """The number of records of the file, which is asked for after each piece of a copy."""
        return sum(table.rows for table in self.plan.contents.tables) + len(self.plan.contents.records)

    def shares(self) -> dict[bytes, float]:
        """Return how many records each dataset of a table counts for, so that together they count for all."""
        return {it.path: table.rows / len(table.datasets) for table, _ in self.tables for it in table.datasets}


@dataclass(frozen=True)
class Changes:
    """The changes to the datasets of a file, by path, and the new heights of tables, by name.

    `left_out` are the escaped paths of dropped datasets, `records` is the number of records in the file.
    """

    changes: dict[bytes, Change]
    heights: dict[str, int]
    left_out: frozenset[str]
    records: int


def changes_of_table(table: Table, change: Change) -> Iterator[tuple[bytes, Change]]:
    """Yield the change to each dataset of a table, by its path."""
    for dataset in table.datasets:
        yield dataset.path, replace(change, across=True) if dataset.across else change


def changes_of(contents: Contents, first: int, drops: NDArray[Any], fills: NDArray[Any], fill: float | None) -> Changes:
    """Return the changes to a file whose first record has the index `first`."""
    changes: dict[bytes, Change] = {}
    heights: dict[str, int] = {}
    left_out: set[str] = set()
    start = first
    for table in contents.tables:
        bounds = [first, first + table.rows]
        dropped = drops[slice(*np.searchsorted(drops, bounds))]
        filled = fills[slice(*np.searchsorted(fills, bounds))]
        if table.each:
            left_out |= {escape(table.judged[int(at) - first].path) for at in dropped}
            for dataset in (table.judged[int(at) - first] for at in filled):
                all_rows = np.arange(dataset.rows)
                flags = np.zeros(dataset.rows, bool)
                changes[dataset.path] = Change(Kept(dataset.rows), fill, all_rows, 0, flags, whole=True)
        elif len(dropped) or len(filled):
            rows = Kept(table.rows, dropped, first)
            heights |= {table.name: len(rows)} if len(dropped) else {}
            change = Change(rows, fill if len(filled) else None, filled, first, np.zeros(len(filled), bool))
            changes.update(changes_of_table(table, change))
        first += table.rows
    single = drops[slice(*np.searchsorted(drops, [first, first + len(contents.records)]))] - first
    left_out |= {escape(contents.records[at].path) for at in single.tolist()}
    return Changes(changes, heights, frozenset(left_out), first + len(contents.records) - start)
