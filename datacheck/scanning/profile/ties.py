"""Check that arrays of a record that belong together have equal lengths, as a molecule's numbers and positions do."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from datacheck.model.batch import Batch
from datacheck.model.distinct import distinct_numbers
from datacheck.model.finding import Finding, found
from datacheck.model.profile import NEARLY_ALL, Extent, FamilyProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXTENTS = 64
"""Maximum number of extents of a family that are compared with each other."""
AXES = 2
FEWEST = 16
"""Minimum number of records that must have both of two extents."""
SURE = 32
"""Minimum number of records for a deviation to be bad; in fewer, intended deviations are easily missed."""
STRAYS = 0.01
"""Share of the sampled records above which deviations, if there are several, are taken as intended."""
LEAST = 3
"""Minimum number of different extents that must agree; with fewer, the agreement may be chance."""
FEW_ROWS, LONG = 2, 20
"""Largest difference between two extents that is put down to rounding, and the smallest extents it applies to.

Frames of sound and video are rounded like that.
"""
UNITS = {
    word: unit
    for unit, its in {
        "token": ("token", "tokens", "subword", "subwords", "wordpiece", "wordpieces", "bpe"),
        "word": ("word", "words"),
        "letter": ("char", "chars", "character", "characters", "letter", "letters"),
        "phone": ("phone", "phones", "phoneme", "phonemes"),
        "syllable": ("syllable", "syllables"),
        "sentence": ("sentence", "sentences"),
        "frame": ("frame", "frames"),
        "node": ("node", "nodes", "atom", "atoms", "vertex", "vertices", "point", "points"),
        "edge": ("edge", "edges", "bond", "bonds"),
        "face": ("face", "faces", "triangle", "triangles"),
    }.items()
    for word in its
}
"""The things of which an array has one item each, such as atoms, by the words of its name."""
BETWEEN = frozenset({"edge", "face"})
"""Units that connect others: there need not be as many of them, whatever the others are called."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
Item = Batch | tuple[int, Finding]
Tied = tuple[tuple[Extent, ...], ...]


class Extents(msgspec.Struct):
    """The lengths of the arrays of the sampled records: for each extent, its value by the number of the record."""

    records: int = 0
    values: dict[Extent, dict[int, int]] = msgspec.field(default_factory=dict)

    def take(self, batch: Batch) -> None:
        """Add a batch of the records that come next."""
        for extent, size in _extents_of(batch):
            if extent in self.values or len(self.values) < EXTENTS:
                self.values.setdefault(extent, {}).update((self.records + row, size) for row in batch.rows)

    def add(self, other: Extents) -> None:
        for extent, sizes in other.values.items():
            if extent in self.values or len(self.values) < EXTENTS:
                self.values.setdefault(extent, {}).update((self.records + at, size) for at, size in sizes.items())
        self.records += other.records

    def tied(self) -> tuple[Tied, tuple[Extent, ...]]:
        """Return groups of extents that vary between records but are equal within nearly all, and the loose extents.

        Extents that agree best are grouped first, and all extents of a group agree with each other. Extents of the same
        array are not compared: if most pictures are square, others need not be.
        """
        varying = [it for it, by_record in sorted(self.values.items()) if len({*by_record.values()}) >= LEAST]
        records = 1 + max((max(self.values[it]) for it in varying), default=0)
        sizes = {it: np.full(records, -1) for it in varying}
        for it in varying:
            sizes[it][[*self.values[it]]] = [*self.values[it].values()]
        shares = {pair: share for pair in combinations(sizes, 2) if (share := _agreement(*pair, sizes)) is not None}
        groups: dict[Extent, tuple[Extent, ...]] = {it: (it,) for it in sizes}
        for one, other in sorted(shares, key=lambda pair: (-shares[pair], pair)):
            first, second = groups[one], groups[other]
            if first is not second and all((*sorted((a, b)),) in shares for a in first for b in second):
                groups.update(dict.fromkeys((*first, *second), (*sorted((*first, *second)),)))
        tied = tuple(sorted({it for it in groups.values() if len(it) > 1}))
        return tied, tuple(
            it for group in tied for it in _loose_extents(group, np.stack([sizes[extent] for extent in group]))
        )


def _agreement(one: Extent, other: Extent, sizes: dict[Extent, NDArray[Any]]) -> float | None:
    """Return the share of the records in which two extents are equal, or None if they are not tied."""
    if one[0] == other[0] or _differ_in_things(one[0], other[0]):
        return None
    first, second = sizes[one], sizes[other]
    both, same = (first >= 0) & (second >= 0), (first == second) & (first >= 0)
    count, agreeing = int(both.sum()), int(same.sum())
    if count < FEWEST or agreeing < NEARLY_ALL * count or len(distinct_numbers(first[same])) < LEAST:
        return None
    return agreeing / count


def _differ_in_things(one: str, other: str) -> bool:
    """Return whether the names of two arrays imply items for different things, such as words and tokens."""
    mine, theirs = _units(one), _units(other)
    return mine.isdisjoint(theirs) and (bool(mine and theirs) or not BETWEEN.isdisjoint(mine | theirs))


def _units(name: str) -> frozenset[str]:
    words = (it.lower() for it in _WORD.findall(name))
    return frozenset(UNITS[it] for it in words if it in UNITS)


def _loose_extents(group: tuple[Extent, ...], sizes: NDArray[Any]) -> Iterator[Extent]:
    """Yield the extents of a group that deviate in so many records that it may be intended."""
    strays: Counter[Extent] = Counter()
    for _, by_size, usual in _differing_records(group, sizes):
        for size, extents in by_size.items():
            if size != usual and not _is_slight(size, usual):
                strays.update(extents)
    count = int(((sizes >= 0).sum(axis=0) > 1).sum())
    for extent in group:
        if count < SURE or strays[extent] > max(1, STRAYS * count):
            yield extent


def _extents_of(batch: Batch) -> Iterator[tuple[Extent, int]]:
    """Yield the extents of the arrays of a batch, if it has parts of trees."""
    if batch.leaf and not batch.encoded and not batch.label and not batch.pixels_skipped:
        for axis, size in enumerate(batch.shape[:AXES]):
            yield (batch.field, axis), size


def with_tie_findings(items: Iterable[Item], family: FamilyProfile, count: int) -> Iterator[Item]:
    """Yield what a decoder made of some of `count` records, then findings for arrays that differ from tied ones.

    An empty array may be one that the record does not have, so that is only suspicious.
    """
    if not family.tied:
        yield from items
        return
    wanted = {extent for group in family.tied for extent in group}
    sizes = {extent: np.full(count, -1) for extent in wanted}
    for item in items:
        yield item
        if isinstance(item, Batch) and len(item.rows):
            for extent, size in _extents_of(item):
                if extent in wanted:
                    sizes[extent][item.rows] = size
    for group in family.tied:
        for row, by_size, usual in _differing_records(group, np.stack([sizes[extent] for extent in group])):
            for size, extents in by_size.items():
                if size != usual:
                    loose = _is_slight(size, usual) or not set(family.loose).isdisjoint(extents)
                    yield row, _finding(extents, size, by_size[usual][0], usual, loose=loose)


def _differing_records(
    group: tuple[Extent, ...], sizes: NDArray[Any]
) -> Iterator[tuple[int, dict[int, list[Extent]], int]]:
    """Yield each record whose extents in a group differ: its row, the extents by size, and the usual size.

    An extent that a record does not have is -1 in `sizes`, and is ignored.
    """
    longest = sizes.max(axis=0)
    for row in np.flatnonzero(((sizes != longest) & (sizes >= 0)).any(axis=0)).tolist():
        by_size: dict[int, list[Extent]] = defaultdict(list)
        for extent, size in zip(group, sizes[:, row].tolist(), strict=True):
            if size >= 0:
                by_size[size].append(extent)
        usual = max(by_size, key=lambda size: (len(by_size[size]), by_size[size][0] == group[0]))
        yield row, by_size, usual


def _is_slight(size: int, usual: int) -> bool:
    """Return whether a difference is harmless: due to rounding, or to an array that the record does not have."""
    return not size or not usual or (min(size, usual) >= LONG and abs(size - usual) <= FEW_ROWS)


def _finding(extents: Sequence[Extent], size: int, other: Extent, usual: int, *, loose: bool) -> Finding:
    names = ", ".join(_extent_text(it) for it in extents)
    message = (
        f"{names} {'has' if len(extents) == 1 else 'have'} {size:,}, {_extent_text(other)} has {usual:,}: in nearly "
    )
    return found(
        "shape",
        f"{message}all other records they are as long",
        field=extents[0][0],
        verdict="suspicious" if loose else None,
        found=size,
        expected=usual,
    )


def _extent_text(extent: Extent) -> str:
    name, axis = extent
    return f"axis {axis} of {name}" if axis else name
