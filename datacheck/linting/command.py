"""Implement what `datacheck lint` adds to `lint`: several files with a report each, and the plot of the schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from datacheck.caffe.prototxt import read_prototxt
from datacheck.caffe.rates import Schedule
from datacheck.errors import DatacheckError, SourceMissing, SourceUnknown, SourceUnreadable, UsageError
from datacheck.files.guard import Guard
from datacheck.files.output import Output, writing
from datacheck.files.regular import real_path
from datacheck.linting import LintRequest, lint_file
from datacheck.linting.nets_of_solver import networks_named
from datacheck.linting.rule_input import Folders
from datacheck.reporting.files import Reports
from datacheck.reporting.report import Report

POINTS = 4000
"""Maximum number of points in the plot's line, which is more than the plot has pixels, and of rows in the table."""
STEPPED = ("fixed", "step", "multistep")
"""Policies whose rate stays constant over many iterations."""


def run(
    files: Sequence[Path], report_files: Reports, options: Mapping[str, Any]
) -> tuple[list[Report], list[SourceMissing | SourceUnknown | SourceUnreadable]]:
    """Lint each file and return the reports, and the errors of files that could not be read.

    A network that is both among `files` and named by a solver is checked only once.
    """
    forks, shape = frozenset(options["forks"]), options["shape"]
    if shape is not None and (len(shape) != 3 or min(shape) < 1):
        raise UsageError("the shape of a record is C,H,W, as in 3,224,224")
    request = LintRequest(options["root"], _labels(options["labels"]), options["iterations"], forks=forks, shape=shape)
    visited = {real_path(path) for path in files}
    reports: list[Report] = []
    errors: list[SourceMissing | SourceUnknown | SourceUnreadable] = []
    report_files.planned = [str(path) for path in dict.fromkeys(files)]
    for path in dict.fromkeys(files):
        try:
            report = lint_file(path, request, strict=options["strict"], visited=visited)
        except (SourceMissing, SourceUnknown, SourceUnreadable) as exc:
            errors.append(exc)
            continue
        report_files.begin(report)(list(report.findings))
        reports.append(report)
    return reports, errors


def _labels(labels: int | tuple[float | None, float | None] | None) -> tuple[int, int] | None:
    if labels is None or isinstance(labels, int):
        return None if labels is None else (0, labels - 1)
    low, high = labels
    if low is None or high is None:
        raise UsageError("the labels of lint have both bounds, as in 0:999")
    return int(low), int(high)


def guard_of(files: Sequence[Path], root: Path | None) -> Guard:
    """Return a guard that protects the files, and the networks that solvers among them name, from being overwritten."""

    def paths_read() -> Iterator[Path]:
        for path in files:
            try:
                prototxt = read_prototxt(path)
            except DatacheckError:  # reported when the file is linted
                continue
            folders = Folders(root, path.parent)
            if prototxt.kind == "solver":
                yield from (it for it in map(folders.find, networks_named(prototxt)) if it is not None)

    return Guard(files, paths_read)


def schedule_of(target: Path, guard: Guard) -> Output:
    """Return the output for a schedule, a context manager. Raises UsageError unless it ends in .png or .csv."""
    if target.suffix not in (".png", ".csv"):
        raise UsageError(f"{target}: the schedule's file ends in .png or .csv")
    return Output(target, guard, text=target.suffix == ".csv")


def draw(files: Sequence[Path], output: Output, iterations: int | None) -> None:
    """Write the learning rate of the one solver among the files, as a plot (.png) or a table (.csv).

    Raises UsageError if the files do not include exactly one solver, or if it has no learning rate to draw.
    """
    path, schedule = _one_schedule(files)
    count = schedule.max_iter if iterations is None else iterations
    if schedule.refusal is not None or count < 1:
        why = schedule.refusal or "the run has no iterations: max_iter is not set"
        raise UsageError(f"{path}: there is no learning rate to draw: {why}")
    if output.path.suffix == ".csv":
        _write_table(schedule, count, output)
    else:
        _write_plot(schedule, count, output, path)


def _one_schedule(files: Sequence[Path]) -> tuple[Path, Schedule]:
    schedules = []
    for path in files:
        try:
            prototxt = read_prototxt(path)
        except DatacheckError:  # already reported, or printed to standard error
            continue
        if prototxt.kind == "solver":
            schedules.append((path, Schedule.of(prototxt.message)))
    if len(schedules) != 1:
        raise UsageError(f"--schedule draws the learning rate of one solver; {len(schedules)} of the files are one")
    return schedules[0]


def points(schedule: Schedule, count: int, limit: int) -> Iterator[tuple[int, float]]:
    """Yield iterations with their rates.

    For a policy in STEPPED, these are the first `limit` iterations at which the rate changes, and the last iteration.
    For any other policy, they are at most `limit` evenly spaced iterations.
    """
    import numpy as np

    if schedule.policy not in STEPPED:
        for iteration in np.unique(np.linspace(0, count - 1, min(count, limit)).astype(np.int64)):
            yield int(iteration), schedule.rate(int(iteration))
        return
    before = last = None
    remaining = limit
    for start, rates in schedule.pieces(count):
        changes = np.flatnonzero(rates[1:] != rates[:-1]) + 1
        if before is None or rates[0] != before:
            changes = np.concatenate(([0], changes))
        for iteration in changes[:remaining]:
            last = start + int(iteration)
            yield last, float(rates[iteration])
        remaining -= len(changes[:remaining])
        before = rates[-1]
    if before is not None and last != count - 1:
        yield count - 1, float(before)


def _write_table(schedule: Schedule, count: int, output: Output) -> None:
    with writing(output.path):
        output.file.write("iteration,learning_rate\n")
        output.file.writelines(f"{iteration},{rate:.7g}\n" for iteration, rate in points(schedule, count, POINTS))
    output.publish()


def _write_plot(schedule: Schedule, count: int, output: Output, path: Path) -> None:
    import numpy as np

    from datacheck.reporting.plots import Line, Mark, Panel, save

    iterations = np.unique(np.linspace(0, count - 1, min(count, POINTS)).astype(np.int64))
    rates = np.array([schedule.rate(int(it)) for it in iterations])
    trouble = schedule.first_trouble(count)
    marks = [] if trouble is None else [Mark(trouble[0], f"{trouble[1]} from iteration {trouble[0]} on")]
    title = f"{path.name}: {schedule.policy}, base_lr {schedule.base_lr:g}, {count:,} iterations"
    save(output, title, [Panel("learning rate", [Line("", iterations, rates)], marks)])
