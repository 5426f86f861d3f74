"""Compute the learning rate at every iteration of a run as Caffe does (SGDSolver::GetLearningRate).

Caffe holds its settings as float32, multiplies in double if the exponent of C++'s `pow` is an integer, and stores the
rate as float32, so that a rate outside its range becomes infinite or 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

POLICIES = ("fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid")
AT_ONCE = 1 << 18
"""Number of iterations whose rates are computed and held in memory at once."""

Trouble = Literal["NaN", "infinite", "negative", "zero"]


@dataclass(frozen=True)
class Schedule:
    """The solver settings that determine the learning rate; unset ones are 0.

    `stepvalue` need not be sorted: Caffe takes at most one step per iteration, in the given order.
    """

    policy: str
    base_lr: float = 0.0
    gamma: float = 0.0
    power: float = 0.0
    stepsize: int = 0
    stepvalue: tuple[int, ...] = ()
    max_iter: int = 0

    @classmethod
    def of(cls, solver: Any) -> Schedule:
        """Return the schedule of a SolverParameter."""
        return cls(
            solver.lr_policy,
            solver.base_lr,
            solver.gamma,
            solver.power,
            solver.stepsize,
            tuple(solver.stepvalue),
            solver.max_iter,
        )

    @property
    def refusal(self) -> str | None:
        """The message with which Caffe aborts when it first computes the rate, or None if it does not abort."""
        if self.policy not in POLICIES:
            return f"Unknown learning rate policy: {self.policy}"
        if self.policy in ("step", "sigmoid") and self.stepsize <= 0:
            return f"Check failed: stepsize > 0 ({self.stepsize} vs. 0)"
        if self.policy not in ("fixed", "poly") and not self.gamma >= 0:
            return f"Check failed: gamma >= 0 ({self.gamma:g} vs. 0)"
        return None

    def rates(self, start: int, stop: int) -> NDArray[Any]:
        """Return the rates of the iterations from `start` up to, not including, `stop`, as float32.

        Must not be called on a schedule with a `refusal`.
        """
        import numpy as np

        rates: NDArray[Any]
        single = np.float32
        iterations = np.arange(start, stop, dtype=np.int64)
        base, gamma, power = single(self.base_lr), single(self.gamma), single(self.power)
        with np.errstate(all="ignore"):
            if self.policy == "step":
                rates = base * np.float64(gamma) ** (iterations // self.stepsize)
            elif self.policy == "exp":
                rates = base * np.float64(gamma) ** iterations
            elif self.policy == "multistep":
                rates = base * np.float64(gamma) ** np.searchsorted(self._steps, iterations, "right")
            elif self.policy == "inv":
                rates = base * _pow(single(1) + gamma * iterations.astype(single), -power)
            elif self.policy == "poly":
                rates = base * _pow(single(1) - iterations.astype(single) / single(self.max_iter), power)
            elif self.policy == "sigmoid":
                distance = iterations.astype(single) - single(self.stepsize)
                rates = base * (single(1) / (single(1) + np.exp(-gamma * distance)))
            else:
                rates = np.full(len(iterations), base)
            return rates.astype(single)

    @cached_property
    def _steps(self) -> NDArray[Any]:
        """The iteration at which each step of `multistep` is taken: at most one per iteration, in the given order."""
        import numpy as np

        order = np.arange(len(self.stepvalue))
        values = np.array(self.stepvalue, dtype=np.int64)
        return np.maximum.accumulate(np.maximum(values, 0) - order) + order

    def pieces(self, iterations: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield the rates of a run in pieces of at most AT_ONCE iterations, each with its first iteration."""
        for start in range(0, iterations, AT_ONCE):
            yield start, self.rates(start, min(start + AT_ONCE, iterations))

    def first_trouble(self, iterations: int) -> tuple[int, Trouble] | None:
        """Return the first iteration whose rate is NaN, infinite, negative or 0, and which of these it is, or None.

        Except for two policies, the rate is monotonic, so that it remains wrong once it is wrong, and a binary search
        finds the first such iteration. `sigmoid` only rises, so that it is wrong from the start or never. `poly`
        reaches 0 at max_iter and may recover afterwards, so that the search ends there.
        """
        low, high = 0, iterations - 1
        if iterations < 1:
            return None
        if self.policy == "sigmoid":
            high = 0
        elif self.policy == "poly" and 0 < self.max_iter < high:
            high = self.max_iter
        if trouble(self.rate(high)) is None:
            return None
        while low < high:
            middle = (low + high) // 2
            if trouble(self.rate(middle)) is None:
                low = middle + 1
            else:
                high = middle
        what = trouble(self.rate(low))
        return None if what is None else (low, what)

    def rate(self, iteration: int) -> float:
        """Return the rate of one iteration."""
        return float(self.rates(iteration, iteration + 1)[0])


def _pow(values: NDArray[Any], exponent: Any) -> NDArray[Any]:
    """Return what C's pow returns.

    For a scalar exponent of 0.5, NumPy computes a square root, which is NaN at -inf rather than infinite; an array of
    exponents avoids this.
    """
    import numpy as np

    powers: NDArray[Any] = np.power(values, np.full_like(values, exponent))
    return powers


def trouble(rate: float) -> Trouble | None:
    """Return what is wrong with a rate, or None if it is positive and finite."""
    if math.isnan(rate):
        return "NaN"
    if math.isinf(rate):
        return "infinite"
    return "zero" if rate == 0 else "negative" if rate < 0 else None
