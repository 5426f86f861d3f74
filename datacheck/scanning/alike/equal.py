"""Find digests that occur more than once in sorted digests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.digests.sorting import Rows, Sorter
from datacheck.reporting.compared import FIRST
from datacheck.scanning.alike.places import PLACE_BITS

Numbers = NDArray[np.int64]


@dataclass
class Equals:
    """The result of comparing digests.

    `pairs` has a row for each record that has the value of an earlier one: its place, and the place of the first record
    with that value. For each store, `different` is the number of distinct values, `shared` the number of records whose
    value another store has too, `alone` the number of records whose value no other store has, and `first_alone` the
    first places of the latter.
    """

    pairs: Sorter
    different: list[int]
    shared: list[int]
    alone: list[int]
    first_alone: list[list[int]] = field(default_factory=list)


class _Last:
    """The last group of a piece of sorted rows, which may continue in the next piece."""

    def __init__(self, stores: int) -> None:
        self.digest: tuple[Any, Any] | None = None
        self.first = np.uint64(0)
        self.counts: Numbers = np.zeros(stores, np.int64)


def find_equal(sorter: Sorter, stores: int, pairs: Sorter) -> Equals:
    """Compare sorted digests and return the result; records that equal an earlier one go to `pairs`."""
    equals = Equals(pairs, [0] * stores, [0] * stores, [0] * stores, [[] for _ in range(stores)])
    last = _Last(stores)
    for rows in sorter.sorted():
        _take(rows, last, equals)
    _finish(last.counts[:, None], np.array([last.first]), equals)
    return equals


def _take(rows: Rows, last: _Last, equals: Equals) -> None:
    places = rows[:, 2]
    new = np.empty(len(rows), bool)
    new[1:] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
    new[0] = last.digest != tuple(rows[0, :2])
    groups = np.cumsum(new)
    firsts = np.concatenate(([last.first], places[new]))
    again = places != firsts[groups]
    if again.any():
        found = np.zeros((int(again.sum()), 3), np.uint64)
        found[:, 0], found[:, 1] = places[again], firsts[groups[again]]
        equals.pairs.add(found)
    whose = (places >> np.uint64(PLACE_BITS)).astype(np.int64)
    stores, count = len(equals.different), len(firsts)
    counts = np.bincount(whose * count + groups, minlength=stores * count).reshape(stores, count)
    counts[:, 0] += last.counts
    _finish(counts[:, :-1], firsts[:-1], equals)
    last.digest, last.first, last.counts = tuple(rows[-1, :2]), firsts[-1], counts[:, -1].copy()


def _finish(counts: Numbers, firsts: NDArray[np.uint64], equals: Equals) -> None:
    """Count complete groups; `counts` has shape (stores, groups)."""
    present = counts > 0
    in_one = present.sum(axis=0) == 1
    for store in range(len(counts)):
        equals.different[store] += int(present[store].sum())
        alone = present[store] & in_one
        equals.alone[store] += int(counts[store, alone].sum())
        equals.shared[store] += int(counts[store, ~alone].sum())
        candidates = np.concatenate((np.array(equals.first_alone[store], np.uint64), firsts[alone]))
        equals.first_alone[store] = (
            np.sort(candidates)[:FIRST].tolist() if len(candidates) <= 4 * FIRST else _least(candidates)
        )


def _least(places: NDArray[np.uint64]) -> list[int]:
    least: list[int] = np.sort(np.partition(places, FIRST)[:FIRST]).tolist()
    return least
