"""`datacheck log`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from datacheck.cli.help import Grouped, Source
from datacheck.cli.option_types import FromTable, Named
from datacheck.cli.options import REPORT_FORMAT_OPTION, log_suffixes
from datacheck.cli.output import INTERRUPTED, WORST_FIRST, complain, print_annotations, print_json, print_summary
from datacheck.cli.streams import COULD_NOT_RUN

if TYPE_CHECKING:
    from datacheck.files.output import Output
    from datacheck.logs.diagnosis import LogReport
    from datacheck.reporting.report import Report


@click.command(cls=Grouped)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=Source())
@click.option(
    "-o",
    "--report",
    "reports",
    type=Named(str),
    cls=FromTable,
    rows=log_suffixes,
    multiple=True,
    metavar="FILE",
    help="Write {a or, b}. Repeatable.",
)
@click.option("--plot", type=Named(), metavar="FILE.png", help="Draw loss, learning rate, gradients.")
@REPORT_FORMAT_OPTION
@click.option("--strict", is_flag=True, help="Suspicious findings count as bad.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing when all is healthy.")
def log(files: Sequence[str], reports: Sequence[str], plot: Path | None, form: str, strict: bool, quiet: bool) -> int:
    """Say what happened in the training of each Caffe log FILE ("-": standard input).

    Exit status: 0 healthy, 1 trouble found, 2 could not run or not a log, 3 undecided: cut before it shows anything.
    """
    from datacheck.errors import SourceMissing, SourceUnknown, SourceUnreadable
    from datacheck.files.guard import Guard
    from datacheck.files.output import Output
    from datacheck.logs.reading import read_into, sources_of
    from datacheck.logs.table import LOG_REPORTS
    from datacheck.logs.text import log_text
    from datacheck.reporting.files import Reports
    from datacheck.reporting.source import NotScanned

    guard = Guard(sources_of(files))
    draw = None if plot is None else _plotting(plot, files)
    done: list[Report] = []
    statuses = []
    with ExitStack() as stack:
        sinks = stack.enter_context(Reports(reports, guard, LOG_REPORTS))
        sinks.planned = files
        picture = None if plot is None else stack.enter_context(Output(plot, guard))
        for file in files:
            try:
                report = read_into(file, sinks, strict=strict)
            except (SourceMissing, SourceUnknown, SourceUnreadable) as exc:
                complain(exc)
                sinks.not_scanned.append(NotScanned(file, str(exc)))
                statuses.append(COULD_NOT_RUN)
                continue
            statuses.append(report.status)
            done.append(report)
            if report.interrupted:
                sinks.end_early()
            with sinks.showing():
                if form != "json" and not (quiet and report.clean):
                    print_summary(log_text(report), form)
                if draw is not None and picture is not None:
                    draw(report, picture)
            if report.interrupted:
                break
    if form == "json":
        print_json(done, sinks.not_scanned, quiet=quiet)
    print_annotations([it for it in done if not (quiet and it.clean)], form, sinks.not_scanned)
    return INTERRUPTED if INTERRUPTED in statuses else next(it for it in WORST_FIRST if it in statuses)


def _plotting(path: Path, files: Sequence[str]) -> Callable[[LogReport, Output | Path], None]:
    """Return a function that draws a log's picture. Raises any error before the log is read."""
    from datacheck.logs.plot import plotting

    if len(files) > 1:
        raise click.UsageError("--plot draws the picture of one log; name one FILE")
    return plotting(path)
