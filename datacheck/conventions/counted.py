"""A number of records under a name of its own: `length`, `num_examples`, `total_num`, `__len__` and their like."""

from __future__ import annotations

from datacheck.conventions.interface import Convention, Count, StoreView
from datacheck.conventions.stored_values import stored

NAMES = (b"num-samples", b"num_samples", b"length", b"num_examples", b"total_num", b"__len__", b"len", b"size")


def recognise(store: StoreView) -> Convention | None:
    """Return the convention where a whole number lies under such a name."""
    counts = []
    for name in NAMES:
        raw = store.value(name)
        count = None if raw is None else Count(name, stored(raw), raw)
        if count is not None and count.number is not None:
            counts.append(count)
    if not counts:
        return None
    return Convention("count", store.frequent, tuple(counts), own=frozenset(it.key for it in counts), named=False)
