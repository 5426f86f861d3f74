"""Find samples in which two datasets do not differ in rows by the number by which they differ in the others.

An episode may have one more observation than actions, and the features of a picture one more row than the coordinates,
for a class token.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.names import ACTIONS, FEATURES, PLACES, words
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

if TYPE_CHECKING:
    from datacheck.backends.hdf5.samples.samples import Family, Sample

FEWEST, LENGTHS, NEARLY, ODD = 8, 4, 0.9, 0.02
"""Minimum number of samples, minimum number of different lengths unless the names belong together, minimum share of
samples in which two datasets differ by the same number, and maximum share of others that are bad; one always is."""
MOST = 8
"""Maximum number by which they may differ."""
SETS = 16
"""Maximum number of datasets, or sets of equally long ones, that are compared with each other."""


def odd_differences(family: Family) -> Iterator[tuple[Sample, Finding]]:
    """Yield each sample in which two datasets differ by another number, with a finding.

    One of them may have been cut to the largest length.
    """
    sets = sets_of(family)
    rows = [agreed_rows(family.lengths[its]) for its in sets]
    for one, other in itertools.combinations(range(len(sets)), 2):
        known = (rows[one] > 0) & (rows[other] > 0)
        differences = rows[one] - rows[other]
        usual = int(np.median(differences[known])) if known.any() else 0
        alike = known & (differences == usual)
        odd = np.flatnonzero(known & ~alike).tolist()
        if not 0 < abs(usual) <= MOST or alike.sum() < max(FEWEST - 1, NEARLY * known.sum()):
            continue
        names = family.names[sets[one][0]], family.names[sets[other][0]]
        together = _belong_together(*names)
        if not together and len(set(rows[other][alike].tolist())) < LENGTHS:
            continue
        sure = together and len(odd) <= max(1, ODD * known.sum())
        largest = int(rows[one].max()), int(rows[other].max())
        for at in odd:
            counts = int(rows[one][at]), int(rows[other][at])
            excess = counts[0] - counts[1] - usual
            may_be_cut = abs(excess) > MOST and counts[excess > 0] == largest[excess > 0]
            certain = sure and not may_be_cut
            yield family.samples[at], _finding(family.samples[at], names, counts, usual, sure=certain)


def sets_of(family: Family) -> list[Sequence[int]]:
    """Return the sets of datasets that are equally long in each sample; none if they are too many."""
    if len(family.samples) < FEWEST or not family.compared:
        return []
    aligned = {it for alike in family.aligned for it in alike}
    alone = ([it] for it in range(len(family.names)) if it not in aligned)
    sets: list[Sequence[int]] = [*family.aligned, *alone]
    return sets if len(sets) <= SETS else []


def _belong_together(one: bytes, other: bytes) -> bool:
    """Check whether two datasets belong together by name: actions and anything else, or features and their places."""
    some, others = (words(it.rpartition(b"/")[2]) for it in (one, other))
    placed = (some & FEATURES and others & PLACES) or (some & PLACES and others & FEATURES)
    return bool(placed or (some | others) & ACTIONS)


def agreed_rows(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of rows that all of several datasets have in each sample, or -1 where they have not."""
    agreed: NDArray[np.int64] = np.where((lengths == lengths[0]).all(axis=0), lengths[0], -1)
    return agreed


def _finding(sample: Sample, names: tuple[bytes, bytes], counts: tuple[int, int], usual: int, *, sure: bool) -> Finding:
    one, other = map(escape, names)
    more, less = (one, other) if usual > 0 else (other, one)
    text = (
        f"{escape(sample.path)}: {one} has {counted(counts[0], 'row')} and {other} {counts[1]:,}; "
        f"in the others {more} has {abs(usual)} more than {less}"
    )
    verdict: Verdict | None = None if sure else "suspicious"
    rows = dict(zip((one, other), counts, strict=True))
    return found("row-count", text, verdict=verdict, sample=escape(sample.path), rows=rows)
