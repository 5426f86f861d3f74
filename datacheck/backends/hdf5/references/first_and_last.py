"""Check the first and last rows of the parts of several datasets, such as the boxes and relations of each picture.

Nearly every part begins behind the part before, and the last one ends with the last row of some datasets: these have
the rows. Parts without rows have -1. Relations are pairs of rows, such as two boxes of the picture that they are of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.library.looking import LARGEST
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.references.boundaries import BEGINS, ENDS, UNITS
from datacheck.backends.hdf5.references.row_numbers import too_large
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

FEWEST, NEARLY, FEW = 8, 0.9, 0.1
"""Minimum number of parts, minimum share of parts that begin behind the part before, and maximum share that overlap."""
LAST = frozenset({b"last"})
"""The word for ends that are the last rows of the parts; other ends may be the rows behind them."""
LACKING, SHARE = 3, 0.01
"""Maximum number of rows, or maximum share of them, that a dataset may lack of the rows of the parts."""
RELATIONS = frozenset(b"relationship relationships relation relations rel rels triplet triplets triples".split())
"""Words in the names of datasets whose rows are two rows of another dataset, or two rows and a kind."""


@dataclass(frozen=True)
class Parts:
    """The parts that the rows of some datasets have, by their first and last rows; -1 for parts without rows.

    `first` and `last` count from 0, and the datasets from `base`.
    """

    begins: Dataset
    ends: Dataset
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    base: int

    @cached_property
    def places(self) -> NDArray[np.intp]:
        """The positions of the parts with rows."""
        return np.flatnonzero((self.first >= 0) & (self.last >= 0) & (self.last != self.first - 1))

    @cached_property
    def adjoin(self) -> bool:
        """Whether nearly all parts begin at the row behind the part before."""
        steps = self.first[self.places[1:]] - self.last[self.places[:-1]]
        return len(steps) >= FEWEST and float(np.mean(steps == 1)) >= NEARLY and int(self.first[self.places[0]]) == 0

    def of_rows(self, rows: int) -> NDArray[np.int64]:
        """Return the position of the part of each row, or -1 for rows between the parts."""
        part_of = np.full(rows, -1, np.int64)
        for at in self.places.tolist():
            part_of[self.first[at] : self.last[at] + 1] = at
        return part_of

    def may_have_gaps(self, rows: int) -> bool:
        """Check whether the ends may be the rows behind the last ones, with a row between any two parts."""
        odd = np.flatnonzero(self.last[self.places] >= rows)
        named = words(self.ends.name)
        return not named & LAST and odd.size == 1 and int(self.last[self.places[-1]]) == rows

    def rows(self, heights: Sequence[int]) -> int | None:
        """Return which of these numbers of rows the parts are of, or None if that is unknown."""
        last = int(self.places[-1])
        ends = [int(self.last[it]) + 1 for it in self.places[:-1]]
        reached = int(np.sort(ends)[int(NEARLY * len(ends))])
        if int(self.last[last]) + 1 in heights:
            return int(self.last[last]) + 1
        longest = int(np.sort(self.last[self.places] - self.first[self.places])[int(NEARLY * len(ends))]) + 1
        near = [it for it in heights if max(reached, int(self.first[last])) < it <= int(self.first[last]) + 2 * longest]
        return near[0] if len(near) == 1 else None


def first_and_last(
    datasets: Sequence[Dataset], values: Values, known: Collection[str | None] = ()
) -> Iterator[Finding]:
    """Yield findings about the parts of a group, the datasets that they are of, and the relations between these.

    Parts are left out if something is `known` to be wrong with their first or last rows, which are escaped paths.
    """
    adjoining = [it for it in _parts(datasets, values) if it.adjoin]
    all_parts = [it for it in adjoining if not {escape(it.begins.path), escape(it.ends.path)} & {*known}]
    numbers = {it.path for parts in all_parts for it in (parts.begins, parts.ends)}
    others = [it for it in datasets if it.path not in numbers and it.shape and it.columns]
    heights = sorted({it.rows for it in others} - {it.begins.rows for it in all_parts})
    rows = {parts.ends.path: count for parts in all_parts if (count := parts.rows(heights)) is not None}
    for parts in all_parts:
        if parts.ends.path in rows:
            count = rows[parts.ends.path]
            target = next(it for it in others if it.rows == count)
            if parts.may_have_gaps(count):
                del rows[parts.ends.path]
                yield _end_finding(parts, target)
                continue
            yield from _parts_findings(parts, target)
            yield from _lacking_findings(target, others, {*rows.values(), parts.begins.rows})
            for column in (it for it in others if it.rows == count and it.is_integer_vector):
                yield from _column_findings(column, values(column), parts)
    sized = [it for it in all_parts if it.ends.path in rows]
    for relations in (it for it in others if are_relations(it)):
        own = [it for it in sized if rows[it.ends.path] == relations.rows]
        targets = [it for it in sized if rows[it.ends.path] != relations.rows]
        if len(own) == len(targets) == 1 and own[0].begins.rows == targets[0].begins.rows:
            yield from _relation_findings(relations, values(relations), own[0], targets[0])


def _parts(datasets: Sequence[Dataset], values: Values) -> Iterator[Parts]:
    vectors = [it for it in datasets if it.is_integer_vector and it.rows >= FEWEST]
    for begins in vectors:
        stem = words(begins.name) - BEGINS
        if not words(begins.name) & BEGINS or stem & UNITS:
            continue
        ends = [it for it in vectors if words(it.name) & ENDS and words(it.name) - ENDS == stem]
        if len(ends) == 1 and ends[0].rows == begins.rows:
            first, last = values(begins), values(ends[0])
            if first is not None and last is not None:
                base = int(len(first) > 1 and first[0] == 1 and first[1] == last[0] + 1)
                yield Parts(begins, ends[0], first.astype(np.int64) - base, last.astype(np.int64) - base, base)


def _parts_findings(parts: Parts, target: Dataset) -> Iterator[Finding]:
    """Yield a finding for the first part that leads beyond the rows, or that overlaps the part before."""
    places, rows = parts.places, target.rows
    first, last = parts.first[places], parts.last[places]
    overlaps = np.r_[False, first[1:] <= last[:-1]] | (last < first)
    wrong = [
        (parts.begins, np.flatnonzero(first >= rows), first),
        (parts.ends, np.flatnonzero(last >= rows), last),
    ]
    for dataset, odd, numbers in wrong:
        if 0 < odd.size <= max(1, FEW * len(places)):
            at = int(odd[0])
            more = f", and so do {odd.size - 1:,} more beyond it" if odd.size > 1 else ""
            number = int(numbers[at]) + parts.base
            text = f"leads to row {number:,}{more}; {escape(target.path)} has {counted(rows, 'row')}"
            yield _dangling_finding(dataset, int(places[at]), number, text)
            return
    odd = np.flatnonzero(overlaps)
    if 0 < odd.size <= max(1, FEW * len(places)):
        at = int(odd[0])
        number, end = int(first[at]) + parts.base, int(last[at]) + parts.base
        text = f"is {number:,}, and the part ends at row {end:,}"
        if last[at] >= first[at]:
            text = f"is {number:,}, and the part before ends at row {int(last[at - 1]) + parts.base:,}"
        yield _dangling_finding(parts.begins, int(places[at]), number, f"{text} of {escape(target.path)}")


def _end_finding(parts: Parts, target: Dataset) -> Finding:
    """Return a finding for an end behind the last row, where the others may be that of a row between two parts."""
    at, number = int(parts.places[-1]), target.rows + parts.base
    text = f"leads to row {number:,}; {escape(target.path)} has {counted(target.rows, 'row')}"
    return _dangling_finding(parts.ends, at, number, text, verdict="suspicious")


def _dangling_finding(dataset: Dataset, at: int, number: int, text: str, *, verdict: Verdict | None = None) -> Finding:
    path = escape(dataset.path)
    message = f"{path}[{at}] {text}"
    return found("dangling", message, field=dataset.title, verdict=verdict, dataset=path, row=at, number=number)


def _lacking_findings(target: Dataset, others: Sequence[Dataset], known: set[int]) -> Iterator[Finding]:
    """Yield a finding for each dataset with nearly as many rows as those whose parts are known."""
    for it in others:
        difference = abs(it.rows - target.rows)
        if (
            it.rows not in known
            and 0 < difference <= max(LACKING, SHARE * target.rows)
            and 2 * difference < target.rows
        ):
            rows = {escape(one.path): one.rows for one in (target, it)}
            text = f"{escape(target.path)} has {counted(target.rows, 'row')}, and {escape(it.path)} has {it.rows:,}"
            yield found("row-count", f"{text}; they have the same parts", dataset=escape(it.path), rows=rows)


def _column_findings(column: Dataset, values: NDArray[np.int64] | None, parts: Parts) -> Iterator[Finding]:
    """Yield a finding for rows of another part than a column says, if it has the number of the part of each row."""
    if values is None:
        return
    part_of = parts.of_rows(len(values))
    for base in (0, 1):
        odd = np.flatnonzero((values.astype(np.int64) != part_of + base) & (part_of >= 0))
        if 0 < odd.size <= FEW * len(values):
            at = int(odd[0])
            more = f", and {odd.size - 1:,} more differ too" if odd.size > 1 else ""
            text = f"is {int(values[at]):,}, and the row is of part {int(part_of[at]) + base:,}{more}"
            yield _dangling_finding(column, at, int(values[at]), text)


def are_relations(dataset: Dataset) -> bool:
    """Check whether the rows of a dataset are relations, by its name, shape and type."""
    pairs = len(dataset.shape) == 2 and dataset.shape[1] in (2, 3) and dataset.dtype.kind in "iu" and dataset.readable
    return pairs and bool(words(dataset.name) & RELATIONS)


def _relation_findings(
    dataset: Dataset, pairs: NDArray[np.int64] | None, own: Parts, targets: Parts
) -> Iterator[Finding]:
    """Yield a finding for relations to rows of another part. Rows count from the begin of all, or of the part."""
    if pairs is None and dataset.bytes > LARGEST:
        yield too_large(dataset)
    if pairs is None or not len(pairs):
        return
    part_of = own.of_rows(len(pairs))
    low, high = targets.first[part_of], targets.last[part_of]
    ends = pairs[:, :2].astype(np.int64)
    some = (part_of >= 0) & (low >= 0)
    within = ((ends >= low[:, None]) & (ends <= high[:, None])).all(axis=1) | ~some
    inside = ((ends >= 0) & (ends <= (high - low)[:, None])).all(axis=1) | ~some
    is_right = within if within.mean() >= inside.mean() else inside
    odd = np.flatnonzero(~is_right)
    if 0 < odd.size <= max(1, FEW * len(pairs)):
        at = int(odd[0])
        part, more = int(part_of[at]), f", and {odd.size - 1:,} more do so" if odd.size > 1 else ""
        text = f"is between rows {int(ends[at, 0]):,} and {int(ends[at, 1]):,}, not in its part {part}{more}"
        yield _dangling_finding(dataset, at, int(ends[at].max()), text)
