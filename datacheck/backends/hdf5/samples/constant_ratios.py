"""Find samples in which one dataset does not have the multiple of the rows of another that it has in the others.

A sound may have 256 samples for each frame of its features: vocoders stop where a sound has fewer. The multiple is by
design if it is exact in nearly all samples while their lengths differ. What is left behind the last whole multiple does
no harm.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from datacheck.backends.hdf5.samples.constant_differences import FEWEST, LENGTHS, NEARLY, agreed_rows, sets_of
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

if TYPE_CHECKING:
    from datacheck.backends.hdf5.samples.samples import Family, Sample

SMALLEST, NEAR = 8, 0.5
"""Minimum multiple, and how near to it the other samples must be: another sample may lack all of something."""


def odd_ratios(family: Family) -> Iterator[tuple[Sample, Finding]]:
    """Yield each sample in which one dataset is not the exact multiple of another, with a finding."""
    sets = sets_of(family)
    rows = [agreed_rows(family.lengths[its]) for its in sets]
    for one, other in itertools.permutations(range(len(sets)), 2):
        known = (rows[one] > 0) & (rows[other] > 0)
        if known.sum() < FEWEST:
            continue
        ratios = rows[one][known] / rows[other][known]
        usual = int(np.median(ratios))
        alike = known & (rows[one] == usual * rows[other])
        odd = np.flatnonzero(known & ~alike)
        if usual < SMALLEST or not odd.size or alike.sum() < NEARLY * known.sum():
            continue
        if len(set(rows[other][alike].tolist())) < LENGTHS:
            continue
        names = escape(family.names[sets[one][0]]), escape(family.names[sets[other][0]])
        for at in odd.tolist():
            counts = int(rows[one][at]), int(rows[other][at])
            is_left = 0 < counts[0] - usual * counts[1] < usual
            if not is_left and abs(counts[0] / counts[1] - usual) <= NEAR * usual:
                sample = family.samples[at]
                text = f"{escape(sample.path)}: {names[0]} has {counted(counts[0], 'row')} and {names[1]} {counts[1]:,}"
                finding = found("row-count", f"{text}; in the others it has {usual:,} for each", verdict="suspicious",
                                sample=escape(sample.path), rows=dict(zip(names, counts, strict=True)))  # fmt: skip
                yield sample, finding
