"""Arrays of one record that are as long as each other: a molecule's numbers and positions, genes and expressions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from datacheck.model.batch import Batch
from datacheck.model.finding import Finding, found
from datacheck.model.profile import NEARLY_ALL, Extent, FamilyProfile

EXTENTS = 64
"""So many extents of a family are compared with each other."""
AXES = 2
FEWEST = 16
"""So many records have to have both extents."""
LEAST = 3
"""So many different extents are to agree: of few, or of one, it may be chance."""
FEW_ROWS, LONG = 2, 20
"""Two extents above this may differ by so few because one of them was rounded, as frames of sound and video are."""
Item = Batch | tuple[int, Finding]


class Extents(msgspec.Struct):
    """How long the arrays of the sampled records are: for each extent, its value by the number of the record."""

    records: int = 0
    values: dict[Extent, dict[int, int]] = msgspec.field(default_factory=dict)

    def take(self, batch: Batch) -> None:
        """Add a batch of the records that come next."""
        for extent, size in _of(batch):
            if extent in self.values or len(self.values) < EXTENTS:
                self.values.setdefault(extent, {}).update((self.records + row, size) for row in batch.rows)

    def add(self, other: Extents) -> None:
        for extent, sizes in other.values.items():
            if extent in self.values or len(self.values) < EXTENTS:
                self.values.setdefault(extent, {}).update((self.records + at, size) for at, size in sizes.items())
        self.records += other.records

    def tied(self) -> tuple[tuple[Extent, ...], ...]:
        """Return the extents that differ between records, and are the same in nearly all of them.

        Those of one array are not compared with each other: most pictures being square, others need not be.
        """
        groups: list[list[Extent]] = []
        for extent in sorted(self.values):
            others = [it for it in groups if all(name != extent[0] for name, _ in it)]
            group = next((it for it in others if self._agree(it[0], extent)), None)
            if group is not None:
                group.append(extent)
            elif len(set(self.values[extent].values())) >= LEAST:
                groups.append([extent])
        return tuple(tuple(group) for group in groups if len(group) > 1)

    def _agree(self, one: Extent, other: Extent) -> bool:
        first, second = self.values[one], self.values[other]
        both = first.keys() & second.keys()
        same = [first[at] for at in both if first[at] == second[at]]
        return len(both) >= FEWEST and len(same) >= NEARLY_ALL * len(both) and len(set(same)) >= LEAST


def _of(batch: Batch) -> Iterator[tuple[Extent, int]]:
    """Yield the extents of the arrays of a batch of parts of trees."""
    if batch.leaf and not batch.encoded and not batch.label and not batch.pixels_skipped:
        for axis, size in enumerate(batch.shape[:AXES]):
            yield (batch.field, axis), size


def untied(items: Iterable[Item], family: FamilyProfile, count: int) -> Iterator[Item]:
    """Yield what a decoder made of some of `count` records, and then which of their arrays are not as long as others.

    An array of nothing may be one that the record does not have: that is suspicious.
    """
    if not family.tied:
        yield from items
        return
    wanted = {extent for group in family.tied for extent in group}
    sizes = {extent: np.full(count, -1) for extent in wanted}
    for item in items:
        yield item
        if isinstance(item, Batch) and len(item.rows):
            for extent, size in _of(item):
                if extent in wanted:
                    sizes[extent][item.rows] = size
    for group in family.tied:
        yield from _differing(group, np.stack([sizes[extent] for extent in group]))


def _differing(group: tuple[Extent, ...], sizes: np.ndarray) -> Iterator[tuple[int, Finding]]:
    """Yield a finding for each record whose extents of a group, -1 where it has none, are not the same."""
    longest = sizes.max(axis=0)
    for row in np.flatnonzero(((sizes != longest) & (sizes >= 0)).any(axis=0)).tolist():
        by_size: dict[int, list[Extent]] = defaultdict(list)
        for extent, size in zip(group, sizes[:, row].tolist(), strict=True):
            if size >= 0:
                by_size[size].append(extent)
        usual = max(by_size, key=lambda size: (len(by_size[size]), by_size[size][0] == group[0]))
        for size, extents in by_size.items():
            if size != usual:
                yield row, _finding(extents, size, by_size[usual][0], usual)


def _finding(extents: list[Extent], size: int, other: Extent, usual: int) -> Finding:
    names = ", ".join(_called(it) for it in extents)
    few = min(size, usual) >= LONG and abs(size - usual) <= FEW_ROWS
    message = f"{names} {'has' if len(extents) == 1 else 'have'} {size:,}, {_called(other)} has {usual:,}: in nearly "
    return found(
        "shape",
        f"{message}all other records they are as long",
        field=extents[0][0],
        verdict="suspicious" if few or not size or not usual else None,
        found=size,
        expected=usual,
    )


def _called(extent: Extent) -> str:
    name, axis = extent
    return f"axis {axis} of {name}" if axis else name
