"""Parametrisations: every pair of values rather than every combination, and seeds of random tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import combinations, product
from typing import Any


def pairwise(*choices: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return combinations of one value of each of `choices`, in which any two values of different choices meet.

    Each step takes the combination with the most pairs that no earlier one has, the first in order of several.
    """
    indexes = list(product(*(range(len(values)) for values in choices)))
    missing = {pair for combination in indexes for pair in _pairs(combination)}
    chosen = []
    while missing:
        best = max(indexes, key=lambda it: len(missing & _pairs(it)))
        chosen.append(best)
        missing -= _pairs(best)
    return [tuple(values[at] for values, at in zip(choices, it, strict=True)) for it in chosen]


def seeds(usual: int) -> range:
    """Return the seeds of a random test, `usual` many; the environment's SEEDS asks for another number."""
    return range(int(os.environ.get("SEEDS", usual)))


def _pairs(combination: tuple[int, ...]) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    return set(combinations(enumerate(combination), 2))
