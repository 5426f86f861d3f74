"""Series of a training log as lines to draw: the loss, the learning rate and the gradients of each run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from datacheck.reporting.log_series import SeriesPoint

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

WIDTH, HEIGHT = 1000, 220
STEPS = 1200
"""Maximum number of points of a line that are all drawn; of more, the least and greatest of each stretch are drawn."""
RUNS = 8
"""Maximum number of runs that are drawn: the last ones."""
MARKS = 12
GAPS = 200
DECADES = 2
"""Values that span more powers of ten than this are drawn on a logarithmic scale."""


@dataclass(frozen=True)
class Line:
    """A line of a panel: its name, and the path that draws it."""

    name: str
    path: str


@dataclass(frozen=True)
class Event:
    """A vertical line where something happened."""

    at: float
    verdict: str
    words: str


@dataclass
class Panel:
    """One of the drawings, which are below each other."""

    name: str
    run: str
    lines: list[Line]
    low: str
    high: str
    first: str
    last: str
    logarithmic: bool
    events: list[Event] = field(default_factory=list)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """Where values are NaN or infinite: the start and the width."""


VALUES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("loss", (("loss", "loss"),)),
    ("learning rate", (("lr", "learning rate"),)),
    ("gradients (L2 norm)", (("diff_l2", "all gradients"), ("clip_norm", "before clipping"))),
)


def panels_of(report: Report) -> list[Panel]:
    """Return the drawings of a log's runs, with the findings marked."""
    series: Iterable[Any] = report.long_lists.get("series", ())
    runs: dict[int, list[SeriesPoint]] = {}
    for point in series:
        runs.setdefault(point.run, []).append(point)
    panels = []
    for number in sorted(runs)[-RUNS:]:
        events = [it for it in report.findings if it.details.get("run") == number][:MARKS]
        for name, fields in VALUES:
            panel = _panel(name, f"run {number}" if len(runs) > 1 else "", runs[number], fields)
            if panel is not None:
                first, last = runs[number][0].iteration, runs[number][-1].iteration
                panel.events = [
                    Event(_x_of(at, first, last), it.verdict, f"{it.code} at iteration {at:,}")
                    for it in events
                    if isinstance(at := it.details.get("iteration"), int) and first <= at <= max(last, at)
                ]
                panels.append(panel)
    return panels


def _panel(name: str, run: str, points: Sequence[SeriesPoint], fields: Sequence[tuple[str, str]]) -> Panel | None:
    lines = {
        title: [(it.iteration, from_json_number(value)) for it in points if (value := getattr(it, at)) is not None]
        for at, title in fields
    }
    lines = {title: values for title, values in lines.items() if values}
    finite = [value for values in lines.values() for _, value in values if math.isfinite(value)]
    if not lines:
        return None
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    logarithmic = low > 0 and high / low > 10**DECADES
    scale: Callable[[float], float] = math.log10 if logarithmic else float
    first, last = points[0].iteration, points[-1].iteration
    scaled = {
        title: [
            (_x_of(at, first, last), _y_of(scale(value), scale(low), scale(high)) if math.isfinite(value) else None)
            for at, value in values
        ]
        for title, values in lines.items()
    }
    return Panel(
        name,
        run,
        [Line(title, _path(_thinned(values))) for title, values in scaled.items()],
        f"{low:.4g}" if finite else "",
        f"{high:.4g}" if finite else "",
        f"{first:,}",
        f"{last:,}",
        logarithmic,
        gaps=[it for values in scaled.values() for it in _gaps(values)][:GAPS],
    )


def from_json_number(value: float | str) -> float:
    """Return a number that JSON may hold as a word, such as "nan"."""
    return float(value)


def _x_of(at: int, first: int, last: int) -> float:
    return min(1000.0, max(0.0, WIDTH * (at - first) / max(1, last - first)))


def _y_of(value: float, low: float, high: float) -> float:
    if high <= low:
        return HEIGHT / 2
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return HEIGHT - share * HEIGHT


Point = tuple[float, float | None]


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Return at most STEPS points unchanged; of more, the first, least, greatest and first missing of each stretch."""
    if len(points) <= STEPS:
        return list(points)
    size = -(-len(points) // (STEPS // 3))
    kept: list[Point] = []
    for at in range(0, len(points), size):
        piece = points[at : at + size]
        values = [it for it in piece if it[1] is not None]
        chosen = {0: piece[0]}
        for it in (min(values, key=_second, default=None), max(values, key=_second, default=None)):
            if it is not None:
                chosen[piece.index(it)] = it
        gap = next((at for at, it in enumerate(piece) if it[1] is None), None)
        if gap is not None:
            chosen[gap] = piece[gap]
        kept += [chosen[place] for place in sorted(chosen)]
    return kept


def _gaps(points: Sequence[Point]) -> Iterator[tuple[float, float]]:
    """Yield the start and the width of each stretch without finite values."""
    for missing, group in groupby(points, key=lambda it: it[1] is None):
        if missing:
            places = [x for x, _ in group]
            yield round(max(0.0, min(places[0], 997.5)), 1), round(max(2.5, places[-1] - places[0]), 1)


def _second(point: Point) -> float:
    assert point[1] is not None
    return point[1]


def _path(points: Sequence[Point]) -> str:
    """Return the path that draws a line; values that are not finite leave gaps."""
    parts, pen = [], "M"
    for x, y in points:
        if y is None:
            pen = "M"
            continue
        parts.append(f"{pen}{x:.1f} {y:.1f}")
        if pen == "M":
            parts.append("h0.1")  # so that a single point is visible
        pen = "L"
    return "".join(parts)
