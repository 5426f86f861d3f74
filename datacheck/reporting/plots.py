"""Draw series over the iterations of a run as a PNG file. matplotlib, the extra `plot`, is imported only here."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacheck.errors import UsageError
from datacheck.files.output import Output, writing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

INK, ALARM, GRID = "#1f4e79", "#b3261e", "#d9d9d9"
COLOURS = (INK, "#c77700", "#3a7d44", "#6a4c93")


@dataclass(frozen=True)
class Line:
    """A series: its name in the legend ("" for none), the iterations, and the values; those not finite leave gaps."""

    name: str
    iterations: ArrayLike
    values: ArrayLike


@dataclass(frozen=True)
class Mark:
    """An event at an iteration, drawn as a vertical line with its words."""

    iteration: float
    words: str


@dataclass(frozen=True)
class Panel:
    """One of the charts drawn below each other: the name of its axis, its lines, its marks."""

    name: str
    lines: Sequence[Line]
    marks: Sequence[Mark] = ()
    logarithmic: bool = False


def save(output: Output | Path, title: str, panels: Sequence[Panel]) -> None:
    """Draw the panels below each other into a PNG file.

    Raises UsageError if matplotlib is not installed, ReportFailed if the file cannot be written.
    """
    figure = new_figure(9, 1.2 + 2.8 * len(panels))
    figure.suptitle(plain_words(title), fontsize=11)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)
    for axis, panel in zip(axes[:, 0], panels, strict=True):
        _draw(axis, panel)
    axes[-1, 0].set_xlabel("iteration")
    write(figure, output)


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of a size in inches. Raises UsageError if matplotlib is not installed.

    matplotlib reads its settings from a `matplotlibrc` in the working directory, which may be a dataset's, so it is
    imported from another working directory.
    """
    try:
        with contextlib.chdir(_folder_of("matplotlib")):
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
    except ImportError as exc:
        raise UsageError("drawing needs matplotlib: pip install 'datacheck-ml[plot]'") from exc
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _folder_of(package: str) -> Path:
    """Return the folder of an installed package without importing it. Raises ImportError if it is not installed."""
    from importlib.util import find_spec

    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(package)
    return Path(spec.origin).parent


def write(figure: Any, output: Output | Path) -> None:
    """Write a figure to a PNG file, as a whole or not at all. Raises ReportFailed if that is not possible."""
    if isinstance(output, Path):
        with Output(output) as opened:
            write(figure, opened)
        return
    with writing(output.path):
        figure.savefig(output.file, format="png", dpi=120)
    output.publish()


def _draw(axis: Any, panel: Panel) -> None:
    import numpy as np

    for line, colour in zip(panel.lines, [*COLOURS] * len(panel.lines), strict=False):
        values = np.asarray(line.values, dtype=np.float64)
        values = np.where(np.isfinite(values), values, np.nan)
        axis.plot(
            np.asarray(line.iterations), values, color=colour, linewidth=1.4, label=plain_words(line.name) or None
        )
    for mark in panel.marks:
        axis.axvline(mark.iteration, color=ALARM, linewidth=1.2, linestyle="--")
        axis.annotate(
            plain_words(mark.words),
            (mark.iteration, 0.94),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            color=ALARM,
            fontsize=9,
            verticalalignment="top",
        )
    if panel.logarithmic:
        axis.set_yscale("log")
    axis.set_ylabel(panel.name)
    axis.grid(color=GRID, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    if any(line.name for line in panel.lines):
        axis.legend(frameon=False, fontsize=9)


def plain_words(text: str) -> str:
    """Return text that matplotlib shows unchanged: a dollar sign would begin mathematics."""
    return text.replace("$", r"\\$")
