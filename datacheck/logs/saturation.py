"""Detect a saturated softmax loss.

SoftmaxWithLoss takes the logarithm of at least FLT_MIN (softmax_loss_layer.cpp), so no record costs more than
-ln(1.17549e-38) = 87.3365. Once the softmax outputs only zeros and ones, the loss is a multiple of that divided by the
number of records.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from datacheck.logs import events
from datacheck.logs.header import TEST, TRAIN
from datacheck.logs.run import Point, Run

WORST_LOSS = 87.3365
PRECISION = 6e-6
"""Relative precision of a printed loss: a stream prints six digits."""
FEWEST = 3
LARGEST_BATCH = 256
"""Largest batch size that is tried if the log does not give it."""
MOST_SHARES = 0.02 / PRECISION
"""Largest number of shares: with more, about every twentieth number passes for a multiple, by its six digits."""
STANDING, SMALL_BATCH, HIGH = 8, 64, 12.0
"""If the log does not give the batch size, a constant loss shows saturation: from this many points, up to this batch
size, and from this loss on, which is more than that of guessing among 100,000 classes."""
LEAST = 3.0
"""Smallest loss that counts as a multiple: smaller ones are common, and are multiples by chance."""


@dataclass(frozen=True)
class Saturation:
    """The points whose loss is a multiple of WORST_LOSS / `batch`."""

    batch: int
    points: Sequence[Point]

    def share(self, point: Point) -> float:
        """Return the share of the batch whose label has probability 0, or 0 if no loss of the point is a multiple."""
        return next((loss / WORST_LOSS for loss in component_losses(point) if is_saturated(loss, self.batch)), 0.0)


def component_losses(point: Point) -> Iterator[float]:
    """Yield the loss of a point, and each of the losses that add up to it, without their weights."""
    yield point.loss
    for output in point.outputs:
        match = events.OUTPUT.search(output.text)
        if match is not None and match[4]:
            yield events.number(match[3])


def is_saturated(loss: float, batch: int) -> bool:
    """Return whether a loss is a multiple of the worst loss of one record in a batch."""
    if not LEAST <= loss <= WORST_LOSS * (1 + PRECISION):
        return False
    share = loss * batch / WORST_LOSS
    if share > MOST_SHARES:
        return False  # the multiples lie so close together that any loss is one
    return abs(share - round(share)) <= PRECISION * share + 1e-9


def saturation(run: Run, points: Sequence[Point]) -> Saturation | None:
    """Return how a run is saturated, or None if it is not.

    At least FEWEST points must be multiples, and at least half of all finite ones from the first multiple on.
    """
    finite = [it for it in points if math.isfinite(it.loss)]
    high = [(it, [loss for loss in component_losses(it) if loss >= LEAST]) for it in finite]
    high = [(it, high_losses) for it, high_losses in high if high_losses]
    batches = {it for phase in (TRAIN, TEST) for it in run.header.batches.get(phase, ())}
    average = max(1, int(run.header.number("average_loss") or 1))
    known = sorted(batch * average for batch in batches)
    for batch in (known or range(1, LARGEST_BATCH + 1)) if len(high) >= FEWEST else ():
        multiples = [it for it, high_losses in high if any(is_saturated(loss, batch) for loss in high_losses)]
        if len(multiples) < FEWEST or 2 * len(multiples) < sum(it.nth >= multiples[0].nth for it in finite):
            continue
        if (
            known
            or len({it.loss for it in multiples}) >= FEWEST
            or all(any(is_saturated(loss, 1) for loss in component_losses(it)) for it in multiples)
            or _is_constant(multiples, batch)
        ):
            return Saturation(batch, multiples)
    return None


def _is_constant(points: Sequence[Point], batch: int) -> bool:
    """Return whether a high loss repeats to its last digit at many points: no coincidence if the batch is small."""
    same = {it.loss for it in points}
    return len(same) == 1 and len(points) >= STANDING and batch <= SMALL_BATCH and same.pop() >= HIGH
