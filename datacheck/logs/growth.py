"""Detect whether numbers that end badly had been growing towards their end, and from where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

NEAR = 100
"""Number of values at the end that are searched for growth before the whole history is."""
FACTOR = 10.0
"""Minimum factor of growth; losses vary by smaller ones anyway."""
LAST = 5
"""If nothing ended the growth, the median of this many last values must show it: one spike is no explosion."""


class Growth(NamedTuple):
    """Growth from the value at position `start` to the one at position `stop`."""

    start: int
    stop: int


def growth(values: Sequence[float], *, ended: bool) -> Growth | None:
    """Return the growth at the end of finite, positive numbers, or None if they do not grow.

    `ended` says that something worse than these numbers follows, such as NaN.
    """
    if len(values) < 2:
        return None
    near = max(0, len(values) - NEAR)
    for since in dict.fromkeys((near, 0)):
        span = _growth(values[since:], ended)
        if span is not None and (ended or values[span.stop + since] > 2 * max(values[: span.start + since + 1])):
            return Growth(span.start + since, span.stop + since)
    return None


def _growth(values: Sequence[float], ended: bool) -> Growth | None:
    """Return the growth that starts at the last ordinary number, which is at most twice the lower quartile, or None.

    If most of the history is growth, the quartile is part of it. So the start moves further back as long as the number
    before is less than two thirds of the one at the start.
    """
    ordinary = 2 * sorted(values)[(len(values) - 1) // 4]
    start = max((place for place, value in enumerate(values) if value <= ordinary), default=0)
    while start and values[start - 1] < values[start] / 1.5:
        start -= 1
    stop = len(values) - 1
    peak = values[stop] if ended else median(values[max(start, stop - LAST + 1) :])
    least = max(values[start], 1e-30)
    if stop == start or not math.isfinite(peak) or peak < FACTOR * least:
        return None
    return Growth(start, stop) if peak > 2 * max(values[: start + 1]) else None
