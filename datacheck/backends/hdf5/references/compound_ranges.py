"""Check the first row and the number of rows of each part where both are members of one compound type.

LArCV has extents (n, first) of the voxels of each event beside these. A part that leads beyond the last voxel is read
as a shorter one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

FIRST = frozenset({"first", "start", "begin", "offset"})
COUNT, STOP = frozenset({"n", "count", "num", "size", "length"}), frozenset({"stop", "end"})
"""Names of members for the first row of a part, the number of its rows, and the row behind the last one."""
FEWEST, FOLLOWING, NEAR = 4, 0.9, 2 / 3
"""Minimum number of parts, minimum share of them that have to begin where the part before ends, and minimum share of
their rows that has to be there: otherwise they are parts of something else, or of the same at twice the rate."""


def compound_ranges(datasets: Sequence[Dataset], values: Values) -> Iterator[Finding]:
    """Yield a finding for parts that lead beyond the only dataset beside them."""
    ranges = [it for it in datasets if it.dtype.names and len(it.shape) == 1 and _members(it) is not None]
    if len(ranges) != 1 or ranges[0].rows < FEWEST:
        return
    (parts,) = ranges
    others = [it for it in datasets if it is not parts and it.shape]
    members = _members(parts) if len(others) == 1 else None
    if members is None:
        return
    (target,) = others
    stored = values(parts)
    if stored is None:
        return
    first, last = (stored[it].astype(np.int64) for it in members)
    ends = last if members[1] in STOP else first + last
    if first[0] != 0 or float(np.mean(first[1:] == ends[:-1])) < FOLLOWING:
        return
    if len(np.unique(ends - first)) == 1:  # windows, of which the last one may be cut short
        return
    at = int(ends.argmax())
    if target.rows < int(ends[at]) <= target.rows / NEAR:
        path = escape(parts.path)
        text = f"{path}[{at}] leads to row {int(ends[at]):,} of {escape(target.path)}, which has {target.rows:,}"
        yield found("dangling", text, field=parts.title, dataset=path, row=at, number=int(ends[at]))


def _members(dataset: Dataset) -> tuple[str, str] | None:
    """Return the members of a compound type for the first row of a part, and for its number of rows or its end."""
    names = [it for it in dataset.dtype.names or () if dataset.dtype[it].kind in "iu"]
    first = [it for it in names if it in FIRST]
    rest = [it for it in names if it in COUNT | STOP]
    return (first[0], rest[0]) if len(first) == len(rest) == 1 else None
