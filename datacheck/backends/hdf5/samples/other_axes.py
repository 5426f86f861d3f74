"""Find samples in which an axis is not as long as another one that it equals in nearly all others.

The second axis of the velocities of a mesh has its nodes, which are the rows of their positions; a picture and its mask
are as wide as each other. Only axes whose length varies between samples are compared, since others may be equal by
chance, and at least one of the two is no first axis: those are compared elsewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.samples.constant_differences import agreed_rows, sets_of
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

if TYPE_CHECKING:
    from datacheck.backends.hdf5.samples.samples import Family, Sample

FEWEST, LENGTHS, ODD, CERTAIN = 8, 4, 0.02, 16
"""Minimum number of samples and of different lengths, maximum share of odd samples (one always may be), and minimum
number of samples for the odd ones to be bad."""
MOST = 32
"""Maximum number of axes that are compared with each other."""
Axis = tuple[bytes, int, NDArray[np.int64]]
"""The name of a dataset, the number of one of its axes, and the length of that in each sample, or -1."""


def odd_other_axes(family: Family) -> Iterator[tuple[Sample, Finding]]:
    """Yield each sample in which two axes are not equally long that are so in the others, with one finding."""
    others = _varying_axes(family) if len(family.samples) >= FEWEST and family.compared else []
    if not others:
        return
    # two datasets of those with equally many rows, since one of them may have the other axis, too
    firsts = [
        (family.names[at], 0, rows)
        for its in sets_of(family)
        if _varies(rows := agreed_rows(family.lengths[its]))
        for at in its[:2]
    ]
    axes = [*firsts, *others]
    told: set[int] = set()
    for one, other in itertools.combinations(axes if len(axes) <= MOST else (), 2):
        if one[0] == other[0] or not one[1] | other[1]:
            continue
        known = (one[2] > 0) & (other[2] > 0)
        alike = one[2][known & (one[2] == other[2])]
        if not _varies(alike) or len(alike) < FEWEST - 1:
            continue
        most = max(1, int(ODD * known.sum()))
        unequal = np.flatnonzero(known & (one[2] != other[2])).tolist()
        are_odd = (at for at in unequal if not _are_no_square(family.samples[at], one, other))
        odd = [*itertools.islice(are_odd, most + 1)]
        if len(odd) > most:
            continue
        for at in odd:
            if at not in told:
                told.add(at)
                yield family.samples[at], _finding(family.samples[at], one, other, at, sure=len(alike) >= CERTAIN - 1)


def _are_no_square(sample: Sample, one: Axis, other: Axis) -> bool:
    """Check whether two datasets agree in the axes that are compared, if those of one are moved along.

    A picture and its mask have the same height and width also if they are not square as in the other samples.
    """
    some, others = sample.members[one[0]], sample.members[other[0]]
    for moved in range(-len(some), len(others)):
        first, second = one[1] + moved, other[1] - moved
        within = 0 <= first < len(others) and 0 <= second < len(some)
        if within and first != other[1] and (some[one[1]], some[second]) == (others[first], others[other[1]]):
            return True
    return False


def without_told(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings without those about two axes of which another one says the same, as of edges do."""
    every = list(findings)
    counts = ((it.details.get("sample"), it.details.get("rows")) for it in every)
    told = {(sample, frozenset(rows)) for sample, rows in counts if isinstance(rows, dict)}

    def is_told(finding: Finding) -> bool:
        sample, names = finding.details.get("sample"), finding.details.get("axes", ())
        return (sample, frozenset(f"{sample}/{name}" for name in names)) in told

    return [it for it in every if not is_told(it)]


def _varying_axes(family: Family) -> list[Axis]:
    """Return the axes except the first ones of the common datasets that are not equally long in all samples."""
    axes: list[Axis] = []
    for name in family.names:
        shapes = [it.members.get(name, ()) for it in family.samples]
        if len({it[1:] for it in shapes}) < LENGTHS:
            continue
        for axis in range(1, min(filter(None, map(len, shapes)), default=0)):
            lengths = np.array([it[axis] if it else -1 for it in shapes], np.int64)
            axes += [(name, axis, lengths)] if _varies(lengths) else []
    return axes


def _varies(lengths: NDArray[np.int64]) -> bool:
    return len(set(lengths[lengths > 0].tolist())) >= LENGTHS


def _finding(sample: Sample, one: Axis, other: Axis, at: int, *, sure: bool) -> Finding:
    """Return the finding for a sample; what is as long as the longest one of all samples may be padded to that."""
    sides = [f"{_ordinal(axis)} of {escape(name)} is {int(lengths[at]):,} long" for name, axis, lengths in (one, other)]
    padded = any(it[2][at] == it[2].max() and it[2][at] > rest[2][at] for it, rest in ((one, other), (other, one)))
    verdict: Verdict | None = None if sure and not padded else "suspicious"
    text = f"{escape(sample.path)}: {' and '.join(sides)}; in the others they agree"
    names = [escape(it[0]) for it in (one, other)]
    return found("row-count", text, verdict=verdict, sample=escape(sample.path), axes=names)


def _ordinal(axis: int) -> str:
    return "the first axis" if not axis else f"axis {axis}"
