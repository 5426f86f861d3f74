"""Add up the pages and records of an environment, range by range."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.shared.key_arrays import Numbers

WORD = 1 << 64


def are_of_commit(sums: Mapping[str, int], commit: int) -> bool:
    """Return whether all ranges in the sums were read as of one commit."""
    ranges = sums.get("ranges", 0)
    first = (ranges * commit - sums.get("commits", 0)) % WORD
    return not first and not (ranges * commit * commit - sums.get("squared commits", 0)) % WORD


@dataclass
class Account:
    """Sums over an environment: its pages, and the records of a database.

    The sums of page numbers and of their squares, modulo 2**64, tell whether every page is used once.
    """

    sums: Counter[str] = field(default_factory=Counter)

    def add_range(self, number: int) -> None:
        """Count a range that is read as of a commit."""
        self.sums["ranges"] += 1
        self.sums["commits"] += number
        self.sums["squared commits"] += number * number % WORD

    def add_extents(self, first: NDArray[np.uint64], count: NDArray[np.uint64]) -> None:
        """Count extents of `count` pages each."""
        one, two, six = np.uint64(1), np.uint64(2), np.uint64(6)
        pairs = count * (count - one) // two
        self.sums["pages"] += int(count.sum())
        self.sums["first"] += int((count * first + pairs).sum())
        squares = (count - one) * count * (two * count - one) // six
        self.sums["second"] += int((count * first * first + two * first * pairs + squares).sum())

    def add_pages(self, numbers: Numbers) -> None:
        self.add_extents(numbers.astype(np.uint64), np.ones(len(numbers), np.uint64))
