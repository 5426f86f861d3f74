"""Detect observations that include the last one, so that there is one more of them than of the actions between them.

The same rows then cannot be dropped from both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.samples.row_counts import SEEN, STEPS
from datacheck.backends.hdf5.tables import Table
from datacheck.model.escaping import escape


def beside(table: Table, other: Dataset) -> bool:
    return other.path.rpartition(b"/")[0] == table.datasets[0].path.rpartition(b"/")[0]


def is_one_more(table: Table, other: Dataset) -> bool:
    """Return whether one of these holds observations, including the last, and the other the actions between them."""
    if not beside(table, other):
        return False
    names = {it.name for it in table.datasets}
    if names & SEEN and other.name in STEPS:
        return table.rows == other.rows + 1
    return bool(names & STEPS) and other.name in SEEN and other.rows == table.rows + 1


def losses_of_episode(tables: Sequence[Table], rows: Mapping[str, Collection[int]]) -> Iterator[str]:
    """Yield a sentence for each table of an episode that is one row longer or shorter than one that loses rows.

    Tables that lose as many rows are left out. The episode is not dropped as a whole.
    """
    for table in tables:
        dropped = rows.get(table.name, ())
        for other in tables if len(dropped) else ():
            if abs(table.rows - other.rows) == 1 and len(rows.get(other.name, ())) != len(dropped):
                path = escape(other.datasets[0].path)
                yield f"{path} has a row for each step of {table.name}, which has one more or less"
