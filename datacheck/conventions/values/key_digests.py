"""Compare lists of millions of keys by 64-bit digests: eight bytes each, where a set takes more than a hundred."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from datacheck.digests.hashing import short_digest
from datacheck.model.distinct import distinct_numbers

Digests = NDArray[np.uint64]


def digests_of(keys: Iterable[bytes]) -> Digests:
    """Return the digests of keys, in their order."""
    return np.fromiter(map(short_digest, keys), np.uint64)


def distinct_count(keys: Iterable[bytes]) -> int:
    """Return the number of different keys."""
    return len(distinct_numbers(digests_of(keys)))


class KeyDigests:
    """The different keys of a list, and which of them were found in a database."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._digests = distinct_numbers(digests_of(keys))
        self._found = np.zeros(len(self._digests), bool)

    def __len__(self) -> int:
        return len(self._digests)

    def find(self, digests: Digests) -> NDArray[np.bool_]:
        """Return which of these keys of a database are in the list, and note them as found."""
        if not len(self._digests):
            return np.zeros(len(digests), bool)
        places = np.minimum(np.searchsorted(self._digests, digests), len(self._digests) - 1)
        listed: NDArray[np.bool_] = self._digests[places] == digests
        self._found[places[listed]] = True
        return listed

    @property
    def are_all_found(self) -> bool:
        return bool(self._found.all())

    def missing(self, keys: Iterable[bytes], own: Collection[bytes]) -> tuple[bytes, ...]:
        """Return those of the listed keys that were not found, in order, without the `own` ones of a convention."""
        lost = frozenset(self._digests[~self._found].tolist())
        return tuple(sorted({key for key in keys if short_digest(key) in lost and key not in own}))
