"""Detect a network that does far worse in the test phase than in training, and for long.

Losses of the two phases are compared by name and without their weights, which may differ in the test phase.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from datacheck.logs.evidence import run_finding, scan_command
from datacheck.logs.header import TEST
from datacheck.logs.run import Point, Run, Tested, TestSeries
from datacheck.model.finding import Finding

FEWEST = 5
"""Minimum number of tests at the end that must all be bad."""
FAR = 5.0
"""Ratio to the training loss above which a test loss is bad: networks that fit their records have a smaller one."""
LEARNT = 0.9
"""A test loss that never fell below this share of the first one shows that nothing was learnt for the test."""
RISEN = 2.0
"""Ratio to its own least value above which a test loss is bad if it was learnt once."""
LEAST = 0.1
"""Largest test loss that is small, whatever that of training is."""


@dataclass(frozen=True)
class TestLoss:
    """The test loss stays far above that of training: no better than at first, or risen again."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        if run.kind == "test" or found_before:
            return None
        findings = (_test_finding(run, name.decode("utf-8", "replace"), series) for name, series in run.tests.items())
        return next((it for it in findings if it is not None), None)


def _test_finding(run: Run, name: str, series: TestSeries) -> Finding | None:
    bad = list(takewhile(_is_far, reversed(series.last)))[::-1]
    if len(bad) < FEWEST:
        return None
    last, first, least = bad[-1], series.first.evidence, series.least.evidence
    comparison = (
        f"in the last {len(bad)} tests, {last.evidence.value:g} at iteration {last.evidence.iteration} beside "
        f"{last.train:g} in training"
    )
    if least.value > LEARNT * first.value:
        message = (
            f"the test loss {name!r} is far above that of training {comparison}, and is no better than the "
            f"{first.value:g} that it began with: the test phase reads other data or labels, has another mean, scale "
            "or crop, or BatchNorm has no statistics there"
        )
    elif min(it.evidence.value for it in bad) > RISEN * least.value:
        message = (
            f"the test loss {name!r} is far above that of training {comparison}, and has risen since it was "
            f"{least.value:g} at iteration {least.iteration}: the network learns its records by heart; "
            "take the snapshot from then, or more data"
        )
    else:
        return None
    evidence = [first, least, bad[0].evidence, last.evidence]
    return run_finding(run, "test-loss", message, evidence, at=bad[0].evidence, next_step=scan_command(run, TEST))


def _is_far(test: Tested) -> bool:
    value = test.evidence.value
    trained = test.train is not None and math.isfinite(test.train) and test.train >= 0
    return trained and bool(test.evidence.iteration) and value > LEAST and value > FAR * (test.train or 0.0)
