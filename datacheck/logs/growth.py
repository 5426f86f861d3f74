"""Whether numbers that end badly had been growing towards it, and from where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

NEAR = 100
"""Numbers before the end that are looked at first, before the whole history is."""
FACTOR = 10.0
"""Growth below this is what losses do anyway."""
LAST = 5
"""Where nothing ended the growth, the median of so many numbers must be beyond it: one spike is no explosion."""


class Growth(NamedTuple):
    """From the number at `start` to the one at `stop`, both positions in what was looked at."""

    start: int
    stop: int


def growth(values: Sequence[float], *, ended: bool) -> Growth | None:
    """Return the growth that finite, positive numbers end in; None where they do not.

    `ended` says that something worse than these numbers follows, such as NaN.
    """
    if len(values) < 2:
        return None
    near = max(0, len(values) - NEAR)
    for since in dict.fromkeys((near, 0)):
        found = _growth(values[since:], ended)
        if found is not None and (ended or values[found.stop + since] > 2 * max(values[: found.start + since + 1])):
            return Growth(found.start + since, found.stop + since)
    return None


def _growth(values: Sequence[float], ended: bool) -> Growth | None:
    """Walk back from the end to the last ordinary number: at most twice the lower quartile.

    Where most of the history is growth, the quartile is part of it, so it goes on back while the numbers still shrink.
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
