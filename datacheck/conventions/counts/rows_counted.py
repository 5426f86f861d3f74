"""Counts of the rows in records that are batches or episodes: `num_samples` is 1,280 beside `batch_0` to `batch_39`."""

from __future__ import annotations

from collections.abc import Iterable

from datacheck.conventions.interface import Convention, Count, Known
from datacheck.conventions.keys.groups import words

_OF_ROWS = "batch batches chunk chunks block blocks bucket buckets traj trajectory episode ep demo rollout seq sequence"
OF_ROWS = frozenset(_OF_ROWS.split())
"""Words in the names of records that hold many samples each."""
MANY_TIMES = 2
"""Smallest ratio between a number of rows and that of records; a smaller one is taken for a loss of records."""


def may_count_rows(count: Count, convention: Convention, true_counts: Iterable[int]) -> bool:
    """Check whether a count may be that of the rows of all records: their names say that they have rows."""
    declared = count.number
    if convention.named or declared is None or count.next or declared < MANY_TIMES * max(true_counts, default=0):
        return False
    names = (words((it.before + it.after).decode("latin1")) for it in convention.parts)
    return any(not OF_ROWS.isdisjoint(it) for it in names)


def counts_rows(count: Count, known: Known) -> bool:
    """Check whether a count is the number of rows of a list, such as one of windows of neighbouring frames."""
    return any(it.count is not None and it.count == count for it in known.within)
