"""Check scalars and attributes that state the length of something in their sample: `n_frames`, `n_steps`, `length`.

The other samples show what a scalar counts: in nearly all of them it equals the length of one axis of one dataset. If
a sample differs and its axis has the smallest or largest length of all samples, it may have been padded or cut to that
length. If the scalar is twice or three times the length, only every second or third row may have been kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.samples.samples import Family
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

COUNTING = frozenset(
    b"n num nb number len length lengths count steps frames nframes nsteps natoms nodes atoms tokens size duration "
    b"samples npts".split()
)
"""Words in the names of scalars that may state a length."""
FEWEST, LENGTHS, NEARLY = 8, 4, 0.9
"""Minimum number of samples and of different lengths to decide what a scalar counts, and the share that must agree."""
ODD, FEWEST_CERTAIN = 0.02, 16
"""Maximum share of samples that can be wrong for certain. With at least FEWEST_CERTAIN samples, one always can."""
MOST, UNKNOWN, FEW = 50_000, 1 << 62, 8
"""Maximum number of scalars in all samples (if there are more, none is read), the bound that caps their values, and the
maximum number of groups within a sample whose attributes may state a length."""


Scalar = Callable[[Dataset], "int | None"]
"""A function that returns the integer in a scalar dataset, or None."""


Names = Callable[[bytes], Sequence[bytes]]
Number = Callable[[bytes, bytes], "int | None"]
"""Functions that return the names of the attributes of an object, and the integer in one of them, or None."""


class OwnLength(NamedTuple):
    """A scalar or attribute in the samples of a family, with the dataset and axis whose length it states."""

    name: bytes
    of: bytes
    axis: int


def own_lengths(
    family: Family, datasets: Mapping[bytes, Dataset], scalar: Scalar
) -> tuple[list[OwnLength], list[Finding]]:
    """Return the scalars that state a length in each sample, and the findings for those that are wrong."""
    stated: list[OwnLength] = []
    findings: list[Finding] = []
    if len(family.samples) < FEWEST:
        return stated, findings
    scalars = [name for name in family.common if name not in family.names and _may_count(name, family, datasets)]
    for name in scalars if len(scalars) * len(family.samples) <= MOST else ():
        own = (datasets.get(it.path + b"/" + name) for it in family.samples)
        values = _values(None if it is None else scalar(it) for it in own)
        for it, lengths in _stated(family, name, values):
            stated.append(it)
            findings += _wrong_findings(family, it, values, lengths)
    return stated, findings


def lengths_in_attributes(family: Family, names: Names, number: Number, known: Collection[bytes]) -> Iterator[Finding]:
    """Yield findings for attributes of samples, except the `known` ones, that state a length and are wrong."""
    if len(family.samples) < FEWEST or not family.names:
        return
    inside = dict.fromkeys(it.rpartition(b"/")[0] for it in family.names)
    for below in (b"", *(b"/" + it for it in inside if it)) if len(inside) <= FEW else (b"",):
        counting = [it for it in names(family.samples[0].path + below) if words(it) & COUNTING and it not in known]
        for name in counting if len(counting) * len(family.samples) <= MOST else ():
            values = _values(number(it.path + below, name) for it in family.samples)
            for it, lengths in _stated(family, name, values):
                yield from _wrong_findings(family, it, values, lengths, attribute=True)


def _may_count(name: bytes, family: Family, datasets: Mapping[bytes, Dataset]) -> bool:
    if not words(name.rpartition(b"/")[2]) & COUNTING:
        return False
    first = next((it for it in family.samples if name in it.members), None)
    dataset = None if first is None else datasets.get(first.path + b"/" + name)
    return dataset is not None and dataset.shape == () and dataset.dtype.kind in "iu"


def _values(numbers: Iterable[int | None]) -> NDArray[np.int64]:
    """Return the numbers of all samples as an array, -1 for those that are unknown or negative."""
    return np.array([-1 if it is None else min(max(it, -1), UNKNOWN - 1) for it in numbers], np.int64)


def _stated(family: Family, name: bytes, values: NDArray[np.int64]) -> Iterator[tuple[OwnLength, NDArray[np.int64]]]:
    """Yield the axis whose length these values state in nearly all samples, if there is one, and its lengths."""
    best = max(_axes(family, values), key=lambda it: it[0], default=None)
    if best is not None:
        share, member, axis, lengths = best
        known = int(((lengths >= 0) & (values >= 0)).sum())
        if share >= min(NEARLY, 1 - 1 / known):  # one of few samples may always be wrong
            yield OwnLength(name, member, axis), lengths


def _axes(family: Family, values: NDArray[np.int64]) -> Iterator[tuple[float, bytes, int, NDArray[np.int64]]]:
    """Yield the axes that the scalar may count.

    With each comes the share of the samples in which its length equals the scalar, the name of its dataset, its number,
    and its length in each sample, -1 if it is missing.
    """
    for name in family.names:
        shapes = [it.members.get(name, ()) for it in family.samples]
        for axis in range(min((len(it) for it in shapes if it), default=0)):
            lengths = np.array([it[axis] if len(it) > axis else -1 for it in shapes], np.int64)
            known = (lengths >= 0) & (values >= 0)
            equal = known & (lengths == values)
            if known.sum() >= FEWEST and len(set(lengths[equal].tolist())) >= LENGTHS:
                yield float(equal.sum() / known.sum()), name, axis, lengths


def _wrong_findings(
    family: Family,
    it: OwnLength,
    values: NDArray[np.int64],
    lengths: NDArray[np.int64],
    *,
    attribute: bool = False,
) -> Iterator[Finding]:
    known = (lengths >= 0) & (values >= 0)
    places = np.flatnonzero(known & (lengths != values)).tolist()
    few = len(places) <= max(ODD * known.sum(), 1 if known.sum() >= FEWEST_CERTAIN else 0)
    for at in places:
        sample, declared, count = family.samples[at], int(values[at]), int(lengths[at])
        path = f"{escape(sample.path)}: {escape(it.name)}" if attribute else escape(sample.path + b"/" + it.name)
        unit = "rows" if it.axis == 0 else f"values along axis {it.axis}"
        text = f"{path} says {declared:,}, and {escape(it.of)} beside it has {count:,} {unit}; in the others they agree"
        certain = few and lengths[known].min() < count < lengths[known].max() and not _may_be_thinned(declared, count)
        yield found(
            "count",
            text,
            verdict=None if certain else "suspicious",
            sample=escape(sample.path),
            said=declared,
            there=count,
        )


def _may_be_thinned(declared: int, count: int) -> bool:
    """Check whether the rows may be every second, third and so on of the rows that a scalar states."""
    step = round(declared / count)
    return step > 1 and count in (declared // step, -(-declared // step))
