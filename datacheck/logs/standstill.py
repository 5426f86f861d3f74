"""Failure modes of a loss that is 0, and of one that jumps away from its first value and never comes back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from datacheck.logs.evidence import is_explained, lint_command, run_finding, scan_command
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
        if run.kind == "test" or is_explained(found_before) or len(points) <= FEWEST_AFTER:
            return None
        first, after = points[0], points[1:]
        if not all(math.isfinite(it.loss) for it in points) or first.loss < LEAST_FIRST or run.restored is not None:
            return None
        if min(it.loss for it in after) < JUMP * first.loss:
            return None
        rate = "" if first.rate is None else f"; learning rate {first.rate.lr:g} is too high"
        message = (
            f"the loss jumped from {first.loss:g} at iteration {first.iteration} to {after[0].loss:g} at iteration "
            f"{after[0].iteration}, and has stayed above {JUMP * first.loss:g}: training diverged between the first "
            f"two displays{rate}"
        )
        evidence = [first.evidence, after[0].evidence, after[-1].evidence]
        return run_finding(run, "exploding", message, evidence, at=after[0].evidence, next_step=lint_command(run),
                    first=first.loss, last=after[-1].loss)  # fmt: skip
