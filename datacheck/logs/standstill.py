"""Failure modes of a loss that is 0, and of one that leaves its first value upwards and never comes back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import median, quantiles

from datacheck.logs.evidence import is_explained, lint_command, run_finding, scan_command
from datacheck.logs.header import TRAIN
from datacheck.logs.run import Point, Run
from datacheck.model.finding import Finding

FEWEST = 5
FEWEST_LATER = 10
TINY = 1e-6
"""Largest loss that counts as 0."""
JUMP = 10.0
LEAST_FIRST = 0.1
"""Minimum first loss for a jump: a lower one is that of a trained network, and ten times as much is still little."""
FEWEST_AFTER = 3
FEWEST_WORSE = 10
"""Minimum number of points in the second half of a run that is worse than guessing."""
WORSE = 1.5
"""Minimum factor by which their median exceeds the cost of guessing."""
AT_CHANCE = (0.8, 1.3)
"""Range of a first loss, relative to the cost of guessing, that shows that it is the plain loss of a classifier."""


@dataclass(frozen=True)
class NoLoss:
    """The loss is 0: from the first display on, there is nothing to learn; later, everything may have been learnt."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        finite = [it for it in points if math.isfinite(it.loss)]
        if run.kind == "test" or not finite or is_explained(found_before):
            return None
        if len(finite) >= FEWEST and all(it.loss == 0 for it in finite):
            message = (
                f"the loss is 0 from iteration {finite[0].iteration} to {finite[-1].iteration}, in all that is shown: "
                "there is nothing to learn from; the labels do not come through, the loss weight is 0, or the softmax "
                "is over one class"
            )
            return run_finding(run, "dead-network", message, [finite[0].evidence, finite[-1].evidence],
                        next_step=lint_command(run))  # fmt: skip
        last = list(takewhile(lambda it: abs(it.loss) <= TINY, reversed(finite)))[::-1]
        if FEWEST_LATER <= len(last) < len(finite):
            message = (
                f"the loss is {'0' if last[-1].loss == 0 else f'{last[-1].loss:g}'} from iteration "
                f"{last[0].iteration} on: a hinge or triplet loss may have converged, or the features have collapsed"
            )
            return run_finding(run, "dead-network", message, [last[0].evidence, last[-1].evidence],
                        next_step=scan_command(run), verdict="suspicious")  # fmt: skip
        return None


@dataclass(frozen=True)
class Jumped:
    """The loss is many times its first one from the second display on: training diverged between the two."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        if len(points) <= FEWEST_AFTER or not _may_have_diverged(run, points, found_before):
            return None
        first, after = points[0], points[1:]
        if first.loss < LEAST_FIRST or min(it.loss for it in after) < JUMP * first.loss:
            return None
        message = (
            f"the loss jumped from {first.loss:g} at iteration {first.iteration} to {after[0].loss:g} at iteration "
            f"{after[0].iteration}, and has stayed above {JUMP * first.loss:g}: training diverged between the first "
            "two displays"
        )
        return _diverged(run, message, first, after)


@dataclass(frozen=True)
class WorseThanChance:
    """The loss of a classifier stays far above that of guessing: training diverged, though no loss is NaN.

    The number of classes is the width of some layer; of those that the first loss fits, the largest counts.
    """

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        later = points[(len(points) + 1) // 2 :]
        if len(later) < FEWEST_WORSE or not _may_have_diverged(run, points, found_before) or not _is_softmax_alone(run):
            return None
        first, losses = points[0], [it.loss for it in later]
        costs = [math.log(it) for it in run.header.widths if it > 1]
        low, high = AT_CHANCE
        cost = max((it for it in costs if low <= first.loss / it <= high), default=math.inf)
        if median(losses) < WORSE * cost or quantiles(losses, n=20)[0] < cost:
            return None
        message = (
            f"the loss was {first.loss:g} at iteration {first.iteration}, and from iteration {later[0].iteration} to "
            f"{later[-1].iteration} it is about {median(losses):.3g}, which is worse than guessing: training "
            "diverged"
        )
        return _diverged(run, message, first, later)


def _may_have_diverged(run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> bool:
    """Check that the run trains from the start, that all its losses are finite, and that no finding explains them."""
    explained = run.kind == "test" or run.restored is not None or is_explained(found_before)
    return not explained and all(math.isfinite(it.loss) for it in points)


def _diverged(run: Run, message: str, first: Point, later: Sequence[Point]) -> Finding:
    """Return the finding about a loss that has left its `first` value and is far above it in the `later` points."""
    rate = "" if first.rate is None else f"; learning rate {first.rate.lr:g} is too high"
    evidence = [first.evidence, later[0].evidence, later[-1].evidence]
    return run_finding(run, "exploding", f"{message}{rate}", evidence, at=later[0].evidence,
                next_step=lint_command(run), first=first.loss, last=later[-1].loss)  # fmt: skip


def _is_softmax_alone(run: Run) -> bool:
    """Check that the network has a single loss, which is the softmax loss of a classifier."""
    kinds = [kind.replace("_", "").lower() for (phase, _), kind in run.header.layers.items() if phase == TRAIN]
    return [it for it in kinds if it.endswith("loss")] in (["softmaxwithloss"], ["softmaxloss"])
