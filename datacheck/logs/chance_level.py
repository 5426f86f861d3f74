"""Detect a loss that stands still at ln(classes), the cost of guessing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from datacheck.logs.run import Point, Run

FROZEN = 1.2e-5
"""Relative tolerance within which losses are equal: only the last of six digits may differ."""
FEWEST_FROZEN = 5
FROZEN_ELSEWHERE = 20
"""Minimum number of equal points if the loss is not ln of a number of classes."""
COUNTABLE = 4000
"""Largest number of classes whose logarithm six digits tell apart from those of its neighbours."""
NEAR = 0.015
"""Relative tolerance around ln(classes): a network that learnt only the frequencies of the classes wavers about it."""
FEWEST_NEAR = 10
FROM_THE_START = 50
JUMP = 1.5
LEARNT = 0.8


@dataclass(frozen=True)
class Chance:
    """The last points of a run, all at the loss of guessing among `classes`.

    `classes` is 0 if their loss is not the logarithm of a number of classes. `frozen` is whether the losses are equal.
    `jump` is the point at which training diverged before them, or None. `from_the_start` means that the loss was never
    any better, which is usual for some networks over a long time.
    """

    points: Sequence[Point]
    classes: int
    frozen: bool
    jump: Point | None = None
    from_the_start: bool = False


def chance(run: Run, points: Sequence[Point]) -> Chance | None:
    """Return how a run ends at chance, or None if it does not."""
    finite = [it for it in points if math.isfinite(it.loss)]
    if not finite or not 0.6 < finite[-1].loss < 15:
        return None
    return _constant_loss(run, finite) or _loss_near_chance(run, finite)


def _ending(points: Sequence[Point], centre: float, width: float) -> list[Point]:
    """Return the points at the end whose losses are all within `width` of `centre`, relative to it."""
    return list(takewhile(lambda it: abs(it.loss - centre) <= width * centre, reversed(points)))[::-1]


def _constant_loss(run: Run, points: Sequence[Point]) -> Chance | None:
    last = points[-1].loss
    same = _ending(points, last, FROZEN)
    classes = round(math.exp(last))
    countable = classes <= COUNTABLE or classes in run.header.widths
    at_chance = countable and abs(math.log(classes) - last) <= FROZEN * last
    if len(same) < (FEWEST_FROZEN if at_chance else FROZEN_ELSEWHERE):
        return None
    return Chance(same, classes if at_chance else 0, True, _jump(points, same, last))


def _loss_near_chance(run: Run, points: Sequence[Point]) -> Chance | None:
    """Return how a run ends near chance, or None if it does not.

    A loss may be near ln of many numbers, so only the widths of the network's layers are tried as numbers of classes.
    """
    if run.kind == "test":
        return None
    for classes in sorted(width for width in run.header.widths if 1 < width < 1_000_000):
        cost = math.log(classes)
        same = _ending(points, cost, NEAR)
        if len(same) < FEWEST_NEAR or len(same) < len(points) / 4:
            continue
        before = [it for it in points if it.nth < same[0].nth]
        jump = _jump(points, same, cost)
        learnt = any(it.loss < LEARNT * cost for it in before)
        if jump is not None or learnt:
            return Chance(same, classes, False, jump)
        if len(before) == 1 and len(same) >= FROM_THE_START:
            return Chance(same, classes, False)
        if run.done is not None and len(same) >= FROM_THE_START and min(it.loss for it in points) > 0.97 * cost:
            return Chance(same, classes, False, from_the_start=True)
    return None


def _jump(points: Sequence[Point], same: Sequence[Point], cost: float) -> Point | None:
    """Return the first point before the standstill whose loss is well above the cost of guessing, or None.

    None too if the run begins with such a loss.
    """
    before = [it for it in points if it.nth < same[0].nth]
    if not before or before[0].loss > JUMP * cost:
        return None
    return next((it for it in before if it.loss > JUMP * cost), None)
