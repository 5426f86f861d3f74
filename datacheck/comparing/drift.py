"""Detect whether two stores differ more than two random halves of one store would.

A difference is reported if it is both certain and large. Certain: if the two stores were random samples of one set of
records, it would occur less than once in a million comparisons. Large: the shares or the distributions differ by at
least a twentieth (labels, sizes) or a tenth (values). Labels and the sides of pictures are compared by a chi-square
test in which rare values are counted together. Values have an unknown distribution, so they are compared by the test of
Kolmogorov and Smirnov, over the mean, the standard deviation, the least and the greatest value of single records.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.model.escaping import plain
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FieldProfile, Profile
from datacheck.reporting.report import Report
from datacheck.scanning.alike.looking import MEASURES, Values

CERTAIN = 1e-6
SIGMAS = 4.75
"""Number of standard deviations beyond which less than CERTAIN of a normal distribution lies."""
FAR, FAR_VALUES = 0.05, 0.1
FEWEST = 30
"""Nothing is reported if one of the stores has fewer records than this."""
RARE = 5
"""Values with a lower expected count than this are counted together."""
NEVER = 25
"""A value with at least this expected count that never occurs is reported, however small its share: by chance that
happens once in 10**10."""
NAMED = 3
SIDES = ("height", "width")


def drifts(
    path: str, first: Report, its_values: Mapping[str, Values], other: Report, values: Mapping[str, Values]
) -> Iterator[Finding]:
    """Yield how the second of two stores differs from the first, whose name is `path`, by field."""
    yield from _of_profiles(path, first.profile, other.profile)
    there, here = first.tally.statistics, other.tally.statistics
    for name in sorted(there.keys() & here.keys()):
        one, two = there[name], here[name]
        if one.label and two.label and one.counts and two.counts:
            yield from _of_labels(path, name, one.counts, two.counts)
        for axis, side in enumerate(SIDES):
            sizes = [_of_axis(it.sides, axis) for it in (one, two)]
            yield from _of_shares(path, name, f"the {side}s of pictures", *sizes)
    for name in sorted(its_values.keys() & values.keys()):
        yield from _of_values(path, name, its_values[name], values[name])


def _of_profiles(path: str, one: Profile, other: Profile) -> Iterator[Finding]:
    """Yield the fields that have another dtype, or in which raw arrays have another shape."""
    there, here = (_fields(it) for it in (one, other))
    for name in sorted(there.keys() & here.keys()):
        first, second = there[name], here[name]
        for what, its, own in (("dtype", first.dtype, second.dtype), ("shape", first.shape, second.shape)):
            if its and own and its != own and not (what == "shape" and _turned(first, second)):
                said = [str(it) if isinstance(it, str) else "x".join(map(str, it)) for it in (own, its)]
                yield _drift(path, name, f"{said[0]} here, {said[1]} in {plain(path)}", what=what)


def _turned(first: FieldProfile, second: FieldProfile) -> bool:
    """Check whether one profile is of encoded pictures, with channels first, and the other of arrays of the same size.

    Arrays may have their channels last, so such shapes do not contradict each other.
    """
    if first.shape is None or second.shape is None or (first.channels is None) == (second.channels is None):
        return False
    pictures, arrays = (first.shape, second.shape) if second.channels is None else (second.shape, first.shape)
    return arrays == (*pictures[1:], pictures[0])


def _fields(profile: Profile) -> dict[str, FieldProfile]:
    made: dict[str, FieldProfile] = {}
    for family in profile.every:
        for name, field in family.fields.items():
            made.setdefault(name, field)
    return made


def _of_axis(sides: Counter[tuple[int, int]], axis: int) -> dict[int, int]:
    return {size: count for (of, size), count in sides.items() if of == axis}


def _of_labels(path: str, name: str, there: Mapping[int, int], here: Mapping[int, int]) -> Iterator[Finding]:
    """Yield how the shares of labels differ, or if they do not, which labels never occur in one of the stores."""
    told = list(_of_shares(path, name, "the shares of labels", there, here))
    yield from told
    if told:
        return
    total = sum(there.values()), sum(here.values())
    for one, other, share, where in (
        (there, here, total[1] / total[0], "here"),
        (here, there, total[0] / total[1], path),
    ):
        never = sorted(label for label, count in one.items() if count * share >= NEVER and not other.get(label))
        if never:
            said = ", ".join(map(str, never[:NAMED])) + ("..." if len(never) > NAMED else "")
            place = "here" if where == "here" else f"in {plain(path)}"
            yield _drift(path, name, f"never {said} {place}, as would be expected", never=never[:100])


def _of_shares(path: str, name: str, what: str, there: Mapping[int, int], here: Mapping[int, int]) -> Iterator[Finding]:
    kinds = sorted(there.keys() | here.keys())
    counts = np.array([[it.get(kind, 0) for kind in kinds] for it in (there, here)], np.float64)
    totals = counts.sum(axis=1)
    if len(kinds) < 2 or totals.min() < FEWEST:
        return
    shares = counts / totals[:, None]
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    if distance < FAR or sigmas(counts) < SIGMAS:
        return
    order = np.argsort(-np.abs(shares[0] - shares[1]), kind="stable")[:NAMED]
    most = ", ".join(f"{kinds[at]}: {shares[1, at]:.1%}, and {shares[0, at]:.1%} there" for at in order.tolist())
    said = f"{what} differ from those in {plain(path)} by {distance:.1%} ({most})"
    yield _drift(path, name, said, distance=round(distance, 4))


def sigmas(counts: NDArray[np.float64]) -> float:
    """Return the chi-square of two rows of counts as a normal deviate: its distance from the expected value."""
    totals, of_kinds = counts.sum(axis=1), counts.sum(axis=0)
    expected = totals[:, None] * of_kinds / totals.sum()
    rare = expected.min(axis=0) < RARE
    if rare.any():
        counts = np.column_stack((counts[:, ~rare], counts[:, rare].sum(axis=1)))
        expected = np.column_stack((expected[:, ~rare], expected[:, rare].sum(axis=1)))
    free = counts.shape[1] - 1
    if free < 1 or expected.min() < 1:
        return 0.0
    chi = float(((counts - expected) ** 2 / expected).sum())
    spread = 2 / (9 * free)  # Wilson and Hilferty
    return float(((chi / free) ** (1 / 3) - (1 - spread)) / math.sqrt(spread))


def _of_values(path: str, name: str, there: Values, here: Values) -> Iterator[Finding]:
    """Yield the measure in which the records of two stores differ most, if they differ."""
    worst: tuple[float, int] | None = None
    for at in range(len(MEASURES)):
        one, other = (it.measures[:, at][np.isfinite(it.measures[:, at])] for it in (there, here))
        if min(len(one), len(other)) < FEWEST:
            continue
        far = apart(one, other)
        needed = math.sqrt(-math.log(CERTAIN / 2) / 2 * (1 / len(one) + 1 / len(other)))
        if far >= max(FAR_VALUES, needed) and (worst is None or far > worst[0]):
            worst = far, at
    if worst is not None:
        far, at = worst
        middle = [float(np.nanmedian(it.measures[:, at])) for it in (here, there)]
        said = f"the {MEASURES[at]} of records is {middle[0]:.4g} in the middle, and {middle[1]:.4g} in {plain(path)}"
        yield _drift(path, name, said, distance=round(far, 4), measure=MEASURES[at])


def apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the maximum distance between the distribution functions of two samples."""
    values = np.concatenate((one, other))
    below = [np.searchsorted(np.sort(it), values, "right") / len(it) for it in (one, other)]
    return float(np.abs(below[0] - below[1]).max())


def _drift(path: str, name: str, said: str, **details: Any) -> Finding:
    return found("drift", said, field=name, store=path, **details)
