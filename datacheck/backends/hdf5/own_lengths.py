"""Scalars of samples that say how long something of them is: `n_frames`, `n_steps`, `length`.

What each counts shows in the other samples: in nearly all of them it is the length of one axis of one dataset. Where
that is the least or the greatest length of all samples, they may be padded or cut to it; where the number is twice
or three times as large, one of so many rows may have been taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.samples import Family
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

COUNTING = frozenset(
    b"n num nb number len length lengths count steps frames nframes nsteps natoms nodes atoms tokens size".split()
)
"""Words in the names of scalars that may count."""
FEWEST, LENGTHS, NEARLY = 8, 4, 0.9
"""So many samples tell what a scalar counts, of so many lengths, and in so many of them it is that length."""
ODD, FEWEST_CERTAIN = 0.02, 16
"""A share of the samples that may be wrong, and how many samples there have to be if one is."""
MOST, UNKNOWN = 50_000, 1 << 62
"""So many scalars are read."""


Scalar = Callable[[Dataset], "int | None"]
"""Returns the whole number that a dataset without axes holds."""


class OwnLength(NamedTuple):
    """A scalar of the samples of a family, and the dataset and the axis that it is the length of."""

    name: bytes
    of: bytes
    axis: int


def own_lengths(
    family: Family, datasets: Mapping[bytes, Dataset], scalar: Scalar
) -> tuple[list[OwnLength], list[Finding]]:
    """Return the scalars that count something in each sample, and what of them is not true."""
    made: list[OwnLength] = []
    said: list[Finding] = []
    if len(family.samples) < FEWEST:
        return made, said
    scalars = [name for name in family.common if name not in family.names and _may_count(name, family, datasets)]
    for name in scalars if len(scalars) * len(family.samples) <= MOST else ():
        held = _held(name, family, datasets, scalar)
        best = max(_axes(family, held), key=lambda it: it[0], default=None)
        if best is None or best[0] < NEARLY:
            continue
        _, of, axis, lengths = best
        made.append(OwnLength(name, of, axis))
        said += _wrong(family, OwnLength(name, of, axis), held, lengths)
    return made, said


def _may_count(name: bytes, family: Family, datasets: Mapping[bytes, Dataset]) -> bool:
    if not words(name.rpartition(b"/")[2]) & COUNTING:
        return False
    first = next((it for it in family.samples if name in it.members), None)
    dataset = None if first is None else datasets.get(first.path + b"/" + name)
    return dataset is not None and dataset.shape == () and dataset.dtype.kind in "iu"


def _held(name: bytes, family: Family, datasets: Mapping[bytes, Dataset], scalar: Scalar) -> NDArray[np.int64]:
    """Return what a scalar is in each sample, -1 where that is not known."""
    made = np.full(len(family.samples), -1, np.int64)
    for at, sample in enumerate(family.samples):
        dataset = datasets.get(sample.path + b"/" + name)
        number = None if dataset is None else scalar(dataset)
        if number is not None and number >= 0:
            made[at] = min(number, UNKNOWN - 1)
    return made


def _axes(family: Family, held: NDArray[np.int64]) -> Iterator[tuple[float, bytes, int, NDArray[np.int64]]]:
    """Yield the axes that may be counted, the share of samples where they are, and their lengths (-1: not there)."""
    for name in family.names:
        shapes = [it.members.get(name, ()) for it in family.samples]
        for axis in range(min((len(it) for it in shapes if it), default=0)):
            lengths = np.array([it[axis] if len(it) > axis else -1 for it in shapes], np.int64)
            there = (lengths >= 0) & (held >= 0)
            same = there & (lengths == held)
            if there.sum() >= FEWEST and len(set(lengths[same].tolist())) >= LENGTHS:
                yield float(same.sum() / there.sum()), name, axis, lengths


def _wrong(family: Family, it: OwnLength, held: NDArray[np.int64], lengths: NDArray[np.int64]) -> Iterator[Finding]:
    there = (lengths >= 0) & (held >= 0)
    places = np.flatnonzero(there & (lengths != held)).tolist()
    few = len(places) <= max(ODD * there.sum(), 1 if there.sum() >= FEWEST_CERTAIN else 0)
    for at in places:
        sample, says, count = family.samples[at], int(held[at]), int(lengths[at])
        path = escape(sample.path + b"/" + it.name)
        what = "rows" if it.axis == 0 else f"values along axis {it.axis}"
        text = f"{path} says {says:,}, and {escape(it.of)} beside it has {count:,} {what}; in the others they agree"
        certain = few and lengths[there].min() < count < lengths[there].max() and not _thinned(says, count)
        yield found(
            "count", text, verdict=None if certain else "suspicious", sample=escape(sample.path), said=says, there=count
        )


def _thinned(says: int, count: int) -> bool:
    """Say whether there may be every second row, every third or so on of as many as a scalar says."""
    every = round(says / count)
    return every > 1 and count in (says // every, -(-says // every))
