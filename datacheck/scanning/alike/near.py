"""Find pictures whose prints differ in few bits.

Prints that differ in at most 15 of 256 bits share at least one of their 16 pieces of 16 bits, and nearly all of those
that differ in twice as many bits do. So only prints that share a piece are compared, piece by piece. A million pictures
take 20 seconds, and about 300 bytes of memory each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datacheck.scanning.alike.places import PLACE_BITS

PIECES = 16
MOST_PICTURES = 1 << 25
"""Maximum number of pictures that are compared; their prints are held in memory."""
MOST_PAIRS = 1 << 31
"""Maximum number of pairs with a common piece that are compared; the largest groups beyond that are left out."""
AT_ONCE = 1 << 20
"""Number of pairs that are compared at once."""

Numbers = NDArray[np.int64]
Words = NDArray[np.uint64]


class Near(NamedTuple):
    """A picture that looks like an earlier one: both places, and the number of bits in which they differ."""

    place: int
    first: int
    bits: int


class Nearness(NamedTuple):
    """The near pictures that were found, ordered by the place of the later one.

    `crowded` is the number of pictures that were not compared with all similar ones.
    """

    found: list[Near]
    crowded: int


def find_near(places: Sequence[Words], prints: Sequence[NDArray[np.uint8]], bits: int) -> Nearness:
    """Return, for each picture that looks like an earlier one, which earlier one it is reported with.

    A picture of an earlier store is preferred; among those, the one that differs least, and then the first.
    """
    if not places:
        return Nearness([], 0)
    at = np.concatenate(places)
    words = np.ascontiguousarray(np.concatenate(prints)).view(np.uint64)
    order = np.lexsort((at, *words.T))
    at, words = at[order], words[order]
    new = np.concatenate(([True], (words[1:] != words[:-1]).any(axis=1)))
    firsts = np.flatnonzero(new)
    best: dict[int, tuple[bool, int, int]] = {}
    again = np.flatnonzero(~new)
    for place, first in zip(at[again].tolist(), at[firsts[np.cumsum(new)[again] - 1]].tolist(), strict=True):
        _take(best, place, first, 0)
    # the first of several pictures with the same print stands for all of them; the others are reported with it
    own, prints_of_firsts, crowded = at[firsts], words[firsts], set[int]()
    for one, other, apart in _pairs(prints_of_firsts, bits, crowded) if bits else ():
        later, earlier = np.maximum(own[one], own[other]), np.minimum(own[one], own[other])
        for place, first, differ in zip(later.tolist(), earlier.tolist(), apart.tolist(), strict=True):
            _take(best, place, first, differ)
    # the others also look like its match in an earlier store: a copy of a leaked picture is a leak as well
    for place, first in zip(at[again].tolist(), at[firsts[np.cumsum(new)[again] - 1]].tolist(), strict=True):
        if first in best and not best[first][0]:
            _take(best, place, best[first][2], best[first][1])
    found = [Near(place, first, differ) for place, (_, differ, first) in sorted(best.items())]
    return Nearness(found, len(crowded))


def _take(best: dict[int, tuple[bool, int, int]], place: int, first: int, bits: int) -> None:
    candidate = place >> PLACE_BITS == first >> PLACE_BITS, bits, first
    known = best.get(place)
    if known is None or candidate < known:
        best[place] = candidate


def _pairs(prints: Words, bits: int, crowded: set[int]) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
    """Yield pairs of different prints that differ in at most `bits` bits, with this number; some repeatedly."""
    pieces = prints.view(np.uint16)
    for number in range(PIECES):
        piece = pieces[:, number]
        order = np.argsort(piece, kind="stable")
        starts = np.flatnonzero(np.concatenate(([True], np.diff(piece[order].astype(np.int32)) != 0)))
        sizes = np.diff(np.append(starts, len(order)))
        left = _too_many(sizes)
        for start, size in zip(starts[left].tolist(), sizes[left].tolist(), strict=True):
            crowded.update(order[start : start + size].tolist())
        # `behind` is the number of later members of the same group
        behind = np.repeat(starts + sizes, sizes) - np.arange(len(order)) - 1
        behind[np.repeat(left, sizes)] = 0
        rows, step = np.flatnonzero(behind), 1
        while len(rows):
            for start in range(0, len(rows), AT_ONCE):
                some = rows[start : start + AT_ONCE]
                one, other = order[some], order[some + step]
                apart = np.bitwise_count(prints[one] ^ prints[other]).sum(axis=1, dtype=np.int64)
                close = apart <= bits
                if close.any():
                    yield one[close], other[close], apart[close]
            step += 1
            rows = rows[behind[rows] >= step]


def _too_many(sizes: Numbers) -> NDArray[np.bool_]:
    """Return which groups, starting from the largest, to leave out so that at most MOST_PAIRS pairs remain."""
    pairs = sizes * (sizes - 1) // 2
    order = np.argsort(sizes, kind="stable")
    left = np.empty(len(sizes), bool)
    left[order] = np.cumsum(pairs[order]) > MOST_PAIRS
    return left
