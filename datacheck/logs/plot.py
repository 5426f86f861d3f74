"""Draw a log: loss, learning rate and gradient norms over the iterations, with what went wrong marked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from datacheck.errors import UsageError
from datacheck.files.output import Output
from datacheck.logs.diagnosis import LogReport
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.reporting.log_series import SeriesPoint
from datacheck.reporting.plots import new_figure, plain_words, write

PANELS = (
    ("loss", (("loss", "loss"),)),
    ("learning rate", (("lr", "learning rate"),)),
    ("gradient norm", (("diff_l2", "L2 of all gradients"), ("diff_l1", "L1"), ("clip_norm", "L2 before clipping"))),
)
"""The title of each panel, and the fields of the series that it draws, with their names."""
RUNS = 6
"""Maximum number of runs that are drawn; those with findings take precedence."""
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b", "#17becf")
STYLES = ("-", "--", ":")
TROUBLE = "#c62828"
NAMED = 8
"""Maximum number of findings whose code is written above their line."""
LARGEST = 1e60
"""Largest number that is drawn: beyond any float32, and far from where the arithmetic of scales overflows."""
WIDE = 50.0
"""Positive numbers that differ by more than this factor are drawn on a logarithmic scale."""


def plotting(path: Path) -> Callable[[LogReport, Output | Path], None]:
    """Return a function that draws a report into an output of this name. Raises UsageError if that is not possible."""
    if path.suffix != ".png":
        raise UsageError(f"{path}: a plot's name ends in .png")
    figure = new_figure(10, 7.5)

    def draw(report: LogReport, output: Output | Path) -> None:
        _draw(figure, report)
        write(figure, output)

    return draw


def _draw(figure: Any, report: LogReport) -> None:
    rows = _rows_by_run(report)
    panels = [(title, fields) for title, fields in PANELS if title == "loss" or _has_values(rows, fields)]
    heights = [3 if title == "loss" else 1.6 for title, _ in panels]
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (title, fields) in zip(axes, panels, strict=True):
        _draw_panel(axis, title, fields, rows, several=report.run_count > 1)
        for finding in _marked_findings(report, rows):
            axis.axvline(finding.details["iteration"], color=TROUBLE, linewidth=1, alpha=0.8)
    _label_findings(axes[0], list(_marked_findings(report, rows)), several=report.run_count > 1)
    axes[-1].set_xlabel("batch" if report.runs and all(run.kind == "test" for run in report.runs) else "iteration")
    name = plain(Path(report.source.path).name)
    state = {0: "healthy", 1: "trouble", 3: "undecided"}.get(report.status, "interrupted")
    figure.suptitle(plain_words(f"{name}: {state}"), fontsize=12)


def _rows_by_run(report: LogReport) -> dict[int, list[SeriesPoint]]:
    """Return the points of the runs that are drawn, by run."""
    troubled = {finding.details["run"] for finding in report.findings}
    order = sorted(report.runs, key=lambda run: (run.run not in troubled, run.run))
    numbers = sorted(run.run for run in order[:RUNS])
    return {number: [it for it in report.series if it.run == number] for number in numbers}


def _has_values(rows: dict[int, list[SeriesPoint]], fields: Sequence[tuple[str, str]]) -> bool:
    return any(getattr(point, name) is not None for points in rows.values() for point in points for name, _ in fields)


def _draw_panel(
    axis: Any, title: str, fields: Sequence[tuple[str, str]], rows: dict[int, list[SeriesPoint]], *, several: bool
) -> None:
    finite: list[float] = []
    legend = 0
    for index, (number, points) in enumerate(rows.items()):
        for style, (name, label) in zip(STYLES, fields, strict=False):
            line = [(it.iteration, _drawable(getattr(it, name))) for it in points if getattr(it, name) is not None]
            if not line:
                continue
            legend += 1
            finite += [value for _, value in line if math.isfinite(value)]
            marker = "." if len(line) <= 100 else None
            axis.plot(
                *zip(*line, strict=True),
                style,
                color=COLOURS[index % len(COLOURS)],
                marker=marker,
                markersize=4,
                linewidth=1.3,
                label=f"run {number}: {label}" if several else label,
            )
    values = [(it.iteration, getattr(it, name)) for series in rows.values() for it in series for name, _ in fields]
    _mark_not_finite(axis, [(iteration, value) for iteration, value in values if isinstance(value, str)])
    _set_scale(axis, finite)
    axis.set_ylabel(title)
    axis.grid(visible=True, alpha=0.25)
    axis.margins(x=0.02)
    if legend > 1:
        axis.legend(fontsize=8, loc="best", framealpha=0.8)


def _drawable(value: float | str) -> float:
    """Return a number limited to what a scale can show, or NaN for a word such as "inf"."""
    if isinstance(value, str):
        return math.nan
    return math.copysign(min(abs(value), LARGEST), value) if abs(value) > 1 / LARGEST else 0.0


def _mark_not_finite(axis: Any, points: Sequence[tuple[int, str]]) -> None:
    """Mark points that are NaN or infinite along the upper edge: they have no place on the scale."""
    if not points:
        return
    iterations = sorted({iteration for iteration, _ in points})
    transform = axis.get_xaxis_transform()
    axis.plot(iterations, [0.97] * len(iterations), "x", color=TROUBLE, markersize=4, transform=transform)
    values = {value.removeprefix("-") for _, value in points}
    words = " or ".join(word for value, word in (("nan", "NaN"), ("inf", "infinite")) if value in values)
    axis.annotate(f"x: {words}", (0.99, 0.9), xycoords="axes fraction", ha="right", va="top", fontsize=8, color=TROUBLE)


def _set_scale(axis: Any, drawn: Sequence[float]) -> None:
    if not drawn:
        axis.set_yticks([])
    positive = [value for value in drawn if value > 0]
    if positive and len(positive) == len(drawn) and max(positive) > WIDE * min(positive):
        axis.set_yscale("log")
    elif drawn and min(drawn) == max(drawn):  # a single number needs some room around it
        room = abs(drawn[0]) / 2 or 1.0
        axis.set_ylim(drawn[0] - room, drawn[0] + room)


def _marked_findings(report: LogReport, rows: dict[int, list[SeriesPoint]]) -> Iterator[Finding]:
    for finding in report.findings:
        if finding.details["run"] in rows and finding.details["iteration"] is not None:
            yield finding


def _label_findings(axis: Any, findings: Sequence[Finding], *, several: bool) -> None:
    """Write the code of each finding above its line, one per row, so that no curve is covered."""
    left, right = axis.get_xlim()
    shown = findings[:NAMED]
    for index, finding in enumerate(shown):
        iteration = finding.details["iteration"]
        after = iteration > (left + right) / 2
        run = f"run {finding.details['run']}: " if several else ""
        axis.annotate(
            f"{run}{finding.code}, iteration {iteration:,}",
            (iteration, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4 if after else -4, 4 + 13 * (len(shown) - 1 - index)),
            textcoords="offset points",
            ha="right" if after else "left",
            va="bottom",
            fontsize=9,
            color=TROUBLE,
        )
