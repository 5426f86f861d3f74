"""Whether a softmax loss is saturated.

SoftmaxWithLoss takes the logarithm of at least FLT_MIN (softmax_loss_layer.cpp), so no record costs more than
-ln(1.17549e-38) = 87.3365. Once the softmax puts out zeros and ones only, the loss is a multiple of that by the number
of records.
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
"""Relative: a stream prints six digits."""
FEWEST = 3
LARGEST_BATCH = 256
"""Where the log does not tell the batch: it is looked for up to here."""
MOST_SHARES = 0.02 / PRECISION
"""More shares than this and every twentieth number is a multiple of one, by its six digits."""
STANDING, SMALL_BATCH, HIGH = 8, 64, 12.0
"""Where the log does not tell the batch: a loss above that of guessing among 100,000 classes that does not move."""
LEAST = 3.0
"""Losses below this are common, and multiples by chance."""


@dataclass(frozen=True)
class Saturation:
    """The points whose loss is a multiple, of a batch of that size; `losses` are by the points' places."""

    batch: int
    points: Sequence[Point]

    def share(self, point: Point) -> float:
        """The share of the batch whose label has probability 0."""
        return next((loss / WORST_LOSS for loss in losses(point) if fits(loss, self.batch)), 0.0)


def losses(point: Point) -> Iterator[float]:
    """Yield the loss of a point, and each of the losses that it is the sum of, without their weights."""
    yield point.loss
    for output in point.outputs:
        match = events.OUTPUT.search(output.text)
        if match is not None and match[4]:
            yield events.number(match[3])


def fits(loss: float, batch: int) -> bool:
    """Whether a loss is a multiple of the worst loss of one record in a batch."""
    if not LEAST <= loss <= WORST_LOSS * (1 + PRECISION):
        return False
    share = loss * batch / WORST_LOSS
    if share > MOST_SHARES:
        return False  # the multiples lie so close together that any loss is one
    return abs(share - round(share)) <= PRECISION * share + 1e-9


def saturation(run: Run, points: Sequence[Point]) -> Saturation | None:
    """Return how a run is saturated: at least FEWEST points, and half of all from the first of them on."""
    finite = [it for it in points if math.isfinite(it.loss)]
    high = [(it, [loss for loss in losses(it) if loss >= LEAST]) for it in finite]
    high = [(it, some) for it, some in high if some]
    batches = {it for phase in (TRAIN, TEST) for it in run.header.batches.get(phase, ())}
    average = max(1, int(run.header.number("average_loss") or 1))
    known = sorted(batch * average for batch in batches)
    for batch in (known or range(1, LARGEST_BATCH + 1)) if len(high) >= FEWEST else ():
        seen = [it for it, some in high if any(fits(loss, batch) for loss in some)]
        if len(seen) < FEWEST or 2 * len(seen) < sum(it.nth >= seen[0].nth for it in finite):
            continue
        if (
            known
            or len({it.loss for it in seen}) >= FEWEST
            or all(any(fits(loss, 1) for loss in losses(it)) for it in seen)
            or _stands(seen, batch)
        ):
            return Saturation(batch, seen)
    return None


def _stands(points: Sequence[Point], batch: int) -> bool:
    """Say whether a high loss is the same to its last digit again and again: that is no chance of so small a batch."""
    same = {it.loss for it in points}
    return len(same) == 1 and len(points) >= STANDING and batch <= SMALL_BATCH and same.pop() >= HIGH
