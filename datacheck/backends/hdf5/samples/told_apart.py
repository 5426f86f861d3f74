"""Check by more than names whether two datasets of a group are meant to have equal numbers of rows.

Names alone are unreliable: there may be more captions than pictures, and a target may be a domain, a goal or a label of
the whole file. Two lengths that are close to each other suggest a fault, two that are far apart suggest different
things.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.names import FEATURES, words

NEAR = 3 / 4
"""If the shorter dataset has less than this share of the rows of the longer one, they may hold different things."""
SPREAD = 2
"""Row numbers reach beyond the first 1/SPREAD of the rows; numbers of classes rarely do."""
FEWEST, CLOSE = 3, 1e-2
"""Minimum number of features, and how near to the mean or maximum of the others one must be, as a share of their
spread."""
CORNERS, END = 4, 0.05
"""Maximum number of corners of a face or cell, and how near to both ends of the nodes these must reach, as a share."""
LEADING = frozenset(b"idx idxs ind inds index indexes indices id ids row rows of map ref refs pairs".split())


def near(some: Dataset, other: Dataset, share: float = NEAR) -> bool:
    """Check whether two datasets have equally many rows, or nearly so."""
    return min(some.rows, other.rows) >= share * max(some.rows, other.rows)


def are_of_one_kind(some: Dataset, other: Dataset) -> bool:
    """Check whether a row of one could be a row of the other; two sets of the same things may have any two sizes."""
    return some.shape[1:] == other.shape[1:] and some.dtype == other.dtype


def told_apart(some: Dataset, other: Dataset, datasets: Iterable[Dataset], values: Values) -> bool:
    """Check whether another dataset shows that each of the two has rows of its own.

    This may be a matrix with a row for each row of one and a column for each row of the other (scores, weights, a field
    on two axes), or integers that by name and values map the rows of one to rows of the other. The values themselves
    may show it, too: the first or last of the features of a picture's boxes may be that of the whole picture.
    """
    shorter, longer = sorted((some, other), key=lambda it: it.rows)
    if _begins_or_ends_with_mean(shorter, longer, values):
        return True
    if _connects(some, other, values) or _connects(other, some, values):
        return True
    sizes = {some.rows, other.rows}
    beside = [it for it in datasets if it.path not in (some.path, other.path)]
    if any(len(it.shape) > 1 and sizes <= set(it.shape) for it in beside):
        return True
    return any(_leads_into(it, some, other, values) or _leads_into(it, other, some, values) for it in beside)


def _connects(numbers: Dataset, nodes: Dataset, values: Values) -> bool:
    """Check whether each row of `numbers` is an edge, a face or the like: a few rows of `nodes`, from first to last."""
    if numbers.dtype.kind not in "iu" or numbers.dtype.itemsize < 2 or not numbers.readable:
        return False
    if len(numbers.shape) != 2 or not 2 <= numbers.shape[1] <= CORNERS:
        return False
    stored = values(numbers)
    if stored is None or not stored.size or not _are_row_numbers(stored, nodes.rows):
        return False
    return int(stored.min()) <= END * nodes.rows and int(stored.max()) >= (1 - END) * nodes.rows


def _leads_into(numbers: Dataset, source: Dataset, into: Dataset, values: Values) -> bool:
    """Check whether `numbers` hold, for each row of the dataset `source`, a row of `into`, or pairs of rows of both."""
    if numbers.dtype.kind not in "iu" or not numbers.readable or not numbers.rows:
        return False
    name_words = words(numbers.name)
    if name_words.isdisjoint(LEADING) and name_words.isdisjoint(_stems(into)):
        return False
    if len(numbers.shape) == 2 and numbers.shape[1] == 2:
        stored = values(numbers)
        return (
            stored is not None
            and _are_row_numbers(stored[:, 0], source.rows)
            and _are_row_numbers(stored[:, 1], into.rows)
        )
    if len(numbers.shape) != 1 or numbers.rows != source.rows:
        return False
    stored = values(numbers)
    return stored is not None and _are_row_numbers(stored, into.rows) and not _count_up(stored)


def _begins_or_ends_with_mean(shorter: Dataset, longer: Dataset, values: Values) -> bool:
    """Check whether features are one row longer than what they belong to since one is the mean or maximum of all."""
    if longer.rows - shorter.rows != 1 or len(longer.shape) != 2 or longer.dtype.kind != "f" or longer.rows < FEWEST:
        return False
    stored = values(longer) if words(longer.name) & FEATURES else None
    if stored is None or not stored.size or not np.isfinite(stored).all():
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        spread = float(np.std(stored, dtype=np.promote_types(stored.dtype, np.float32)))  # of float16, it may overflow
        ends = ((stored[0], stored[1:]), (stored[-1], stored[:-1]))
        pooled = ((one, of) for one, rest in ends for of in (rest.mean(axis=0, dtype=np.float64), rest.max(axis=0)))
        alike = (bool(np.allclose(one, of, rtol=CLOSE, atol=CLOSE * spread)) for one, of in pooled)
        return math.isfinite(spread) and any(alike)


def _stems(dataset: Dataset) -> set[bytes]:
    """Return the words of a dataset's name, each in the singular and the plural."""
    stems = {it.removesuffix(b"s") for it in words(dataset.name)}
    return stems | {it + b"s" for it in stems}


def _count_up(numbers: NDArray[Any]) -> bool:
    """Check whether numbers only count up by one: they number their own rows and refer to no others."""
    return bool((np.diff(numbers.astype(np.int64)) == 1).all())


def _are_row_numbers(numbers: NDArray[Any], rows: int) -> bool:
    """Check whether numbers are row numbers, counted from 0 or 1, that reach far enough through the rows."""
    low, high = int(numbers.min()), int(numbers.max())
    return low >= 0 and rows <= SPREAD * (high + 1) and high <= rows - (low == 0)
