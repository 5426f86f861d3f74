"""Parameters of tests: pairwise combinations instead of all combinations, and seeds for random tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import combinations, product
from typing import Any


def pairwise(*choices: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return combinations of one value from each of `choices` that together contain every pair of values.

    Each step greedily takes the combination with the most uncovered pairs; the first one in order wins a tie. If the
    variable COMBINATIONS is "all", return all combinations.
    """
    if os.environ.get("COMBINATIONS") == "all":
        return [*product(*choices)]
    indexes = list(product(*(range(len(values)) for values in choices)))
    missing = {pair for combination in indexes for pair in _pairs(combination)}
    chosen = []
    while missing:
        best = max(indexes, key=lambda it: len(missing & _pairs(it)))
        chosen.append(best)
        missing -= _pairs(best)
    return [tuple(values[at] for values, at in zip(choices, it, strict=True)) for it in chosen]


def seeds(usual: int) -> range:
    """Return the seeds of a random test: `usual` of them, unless the variable SEEDS gives another number."""
    return range(int(os.environ.get("SEEDS", usual)))


def _pairs(combination: tuple[int, ...]) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    return set(combinations(enumerate(combination), 2))
