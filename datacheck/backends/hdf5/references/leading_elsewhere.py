"""Describe row numbers that may lead into another file: `image_idxs` of questions, beside a file of features.

`folders.leading_files` compares them with the rows of that file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.names import FEATURES, words

THINGS = frozenset(
    b"image images img imgs picture pictures photo photos video videos vid clip clips scene scenes frame frames".split()
)
"""Words for what the numbers may be of, in their names and in those of the datasets that they lead to."""
NUMBERS = frozenset(b"idx idxs ix index indexes indices ind inds".split())
FEWEST, KEPT = 16, 64
"""Minimum number of row numbers, and how many of the largest ones are kept."""


class Leading(msgspec.Struct, frozen=True):
    """Row numbers that lead to none of the datasets of their file: how many there are, and the largest ones.

    `things` are the words for what they are of, and `at` is the place of the largest number.
    """

    path: bytes
    things: frozenset[bytes]
    distinct: int
    lowest: int
    largest: tuple[int, ...]
    at: int


def leading_elsewhere(datasets: Sequence[Dataset], values: Values) -> Iterator[Leading]:
    """Yield the row numbers among the datasets of a file that may lead to rows of another file."""
    own = [it for it in datasets if it.is_integer_vector and it.rows >= FEWEST]
    named = [it for it in own if words(it.name) & THINGS and words(it.name) & NUMBERS]
    if not named or any(len(it.shape) > 1 and words(it.name) & (THINGS | FEATURES) for it in datasets):
        return
    for it in named:
        stored = values(it)
        if stored is None:
            continue
        numbers = np.unique(stored[stored != np.iinfo(stored.dtype).max])  # the largest integer stands for none
        if numbers.size and int(numbers[0]) >= 0:
            largest = tuple(map(int, numbers[-KEPT:].tolist()))
            at = int((stored == numbers[-1]).argmax())
            yield Leading(it.path, words(it.name) & THINGS, len(numbers), int(numbers[0]), largest, at)
