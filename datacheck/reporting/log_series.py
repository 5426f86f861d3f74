"""The content of a training log that its report repeats: the runs, and the series of each."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

Number = float | Literal["nan", "inf", "-inf"]
"""A number in JSON, which has no NaN and no infinity: they are strings."""


class SeriesPoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """One iteration in a log. What the log does not show is left out.

    `line` is the line with the loss. The norms are those of all parameters (`data`) and of their gradients (`diff`),
    from debug_info. `clipped` is how many gradients were clipped from here to the next point, `clip_norm` the last L2
    norm before clipping.
    """

    run: int
    iteration: int
    line: int
    loss: Number | None = None
    lr: Number | None = None
    data_l1: Number | None = None
    diff_l1: Number | None = None
    data_l2: Number | None = None
    diff_l2: Number | None = None
    clipped: int = 0
    clip_norm: Number | None = None


class RunSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run in a log: its lines, its iterations, how it ended, and what its head says that it read and solved.

    `shown` is the number of points in the log, `kept` the number of them in the report's series. `ended` is "done",
    "stopped", "aborted" or "cut" (the log ends first, or another run begins).
    """

    run: int
    kind: str
    thread: str
    first_line: int
    last_line: int
    shown: int
    kept: int
    ended: str
    first_iteration: int | None = None
    last_iteration: int | None = None
    net: str | None = None
    sources: dict[str, list[str]] = {}
    batch_sizes: dict[str, list[int]] = {}
    solver: dict[str, str] = {}


def json_number(value: float | None) -> Number | None:
    """Return a number as JSON can represent it.

    >>> json_number(0.5), json_number(float("-inf")), json_number(None)
    (0.5, '-inf', None)
    """
    if value is None or math.isfinite(value):
        return value
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"
