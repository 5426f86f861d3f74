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


def drift_findings(
    path: str, first: Report, first_values: Mapping[str, Values], second: Report, second_values: Mapping[str, Values]
) -> Iterator[Finding]:
    """Yield how the second of two stores differs from the first, whose name is `path`, by field."""
    yield from _profile_drifts(path, first.profile, second.profile)
    first_statistics, second_statistics = first.tally.statistics, second.tally.statistics
    for name in sorted(first_statistics.keys() & second_statistics.keys()):
        one, two = first_statistics[name], second_statistics[name]
        if one.label and two.label and one.counts and two.counts:
            yield from _label_drifts(path, name, one.counts, two.counts)
        for axis, side in enumerate(SIDES):
            sizes = [_sizes_along(it.sides, axis) for it in (one, two)]
            yield from _share_drifts(path, name, f"the {side}s of pictures", *sizes)
    for name in sorted(first_values.keys() & second_values.keys()):
        yield from _value_drifts(path, name, first_values[name], second_values[name])


def _profile_drifts(path: str, one: Profile, other: Profile) -> Iterator[Finding]:
    """Yield the fields that have another dtype, or in which raw arrays have another shape."""
    first_fields, second_fields = (_fields(it) for it in (one, other))
    for name in sorted(first_fields.keys() & second_fields.keys()):
        first, second = first_fields[name], second_fields[name]
        for what, value, other_value in (("dtype", first.dtype, second.dtype), ("shape", first.shape, second.shape)):
            if (
                value
                and other_value
                and value != other_value
                and not (what == "shape" and _is_transposed(first, second))
            ):
                texts = [str(it) if isinstance(it, str) else "x".join(map(str, it)) for it in (other_value, value)]
                yield _drift(path, name, f"{texts[0]} here, {texts[1]} in {plain(path)}", what=what)


def _is_transposed(first: FieldProfile, second: FieldProfile) -> bool:
    """Check whether one profile is of encoded pictures, with channels first, and the other of arrays of the same size.

    Arrays may have their channels last, so such shapes do not contradict each other.
    """
    if first.shape is None or second.shape is None or (first.channels is None) == (second.channels is None):
        return False
    pictures, arrays = (first.shape, second.shape) if second.channels is None else (second.shape, first.shape)
    return arrays == (*pictures[1:], pictures[0])


def _fields(profile: Profile) -> dict[str, FieldProfile]:
    fields: dict[str, FieldProfile] = {}
    for family in profile.every:
        for name, field in family.fields.items():
            fields.setdefault(name, field)
    return fields


def _sizes_along(sides: Counter[tuple[int, int]], axis: int) -> dict[int, int]:
    return {size: count for (side, size), count in sides.items() if side == axis}


def _label_drifts(path: str, name: str, first: Mapping[int, int], second: Mapping[int, int]) -> Iterator[Finding]:
    """Yield how the shares of labels differ, or if they do not, which labels never occur in one of the stores."""
    drifted = list(_share_drifts(path, name, "the shares of labels", first, second))
    yield from drifted
    if drifted:
        return
    total = sum(first.values()), sum(second.values())
    for one, other, share, where in (
        (first, second, total[1] / total[0], "here"),
        (second, first, total[0] / total[1], path),
    ):
        never = sorted(label for label, count in one.items() if count * share >= NEVER and not other.get(label))
        if never:
            labels = ", ".join(map(str, never[:NAMED])) + ("..." if len(never) > NAMED else "")
            place = "here" if where == "here" else f"in {plain(path)}"
            yield _drift(path, name, f"never {labels} {place}, as would be expected", never=never[:100])


def _share_drifts(
    path: str, name: str, noun: str, first: Mapping[int, int], second: Mapping[int, int]
) -> Iterator[Finding]:
    kinds = sorted(first.keys() | second.keys())
    counts = np.array([[it.get(kind, 0) for kind in kinds] for it in (first, second)], np.float64)
    totals = counts.sum(axis=1)
    if len(kinds) < 2 or totals.min() < FEWEST:
        return
    shares = counts / totals[:, None]
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    if distance < FAR or normal_deviate(counts) < SIGMAS:
        return
    order = np.argsort(-np.abs(shares[0] - shares[1]), kind="stable")[:NAMED]
    examples = ", ".join(f"{kinds[at]}: {shares[1, at]:.1%}, and {shares[0, at]:.1%} there" for at in order.tolist())
    message = f"{noun} differ from those in {plain(path)} by {distance:.1%} ({examples})"
    yield _drift(path, name, message, distance=round(distance, 4))


def normal_deviate(counts: NDArray[np.float64]) -> float:
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


def _value_drifts(path: str, name: str, first: Values, second: Values) -> Iterator[Finding]:
    """Yield the measure in which the records of two stores differ most, if they differ."""
    worst: tuple[float, int] | None = None
    for at in range(len(MEASURES)):
        one, other = (it.measures[:, at][np.isfinite(it.measures[:, at])] for it in (first, second))
        if min(len(one), len(other)) < FEWEST:
            continue
        distance = cdf_distance(one, other)
        needed = math.sqrt(-math.log(CERTAIN / 2) / 2 * (1 / len(one) + 1 / len(other)))
        if distance >= max(FAR_VALUES, needed) and (worst is None or distance > worst[0]):
            worst = distance, at
    if worst is not None:
        distance, at = worst
        medians = [float(np.nanmedian(it.measures[:, at])) for it in (second, first)]
        message = (
            f"the {MEASURES[at]} of records is {medians[0]:.4g} in the middle, and {medians[1]:.4g} in {plain(path)}"
        )
        yield _drift(path, name, message, distance=round(distance, 4), measure=MEASURES[at])


def cdf_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the maximum distance between the distribution functions of two samples."""
    values = np.concatenate((one, other))
    below = [np.searchsorted(np.sort(it), values, "right") / len(it) for it in (one, other)]
    return float(np.abs(below[0] - below[1]).max())


def _drift(path: str, name: str, message: str, **details: Any) -> Finding:
    return found("drift", message, field=name, store=path, **details)
