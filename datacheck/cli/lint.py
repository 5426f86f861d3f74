"""`datacheck lint`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from datacheck.cli.configuring import configured
from datacheck.cli.help import LintCommand
from datacheck.cli.option_types import Bound, FromTable, Named, RowName
from datacheck.cli.options import QUIET_OPTION, REPORT_FORMAT_OPTION, REPORT_OPTION, forks, integers
from datacheck.cli.output import WORST_FIRST, complain, print_annotations, print_summary
from datacheck.cli.request import configuration_of, end_silent
from datacheck.cli.streams import COULD_NOT_RUN


@click.command(cls=LintCommand)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=Named())
@click.option("--root", type=Named(), metavar="DIR", help="The folder that Caffe is started in.")
@click.option("--labels", type=Bound("N or LO:HI", single=True), metavar="N|LO:HI", help="The labels in the data.")
@click.option("--iterations", type=click.IntRange(min=1), metavar="N", help="The run's length, if not max_iter.")
@click.option("--shape", callback=integers, metavar="C,H,W", help="The shape of the records that data layers read.")
@click.option(
    "--fork",
    "forks",
    type=RowName(forks),
    cls=FromTable,
    rows=forks,
    multiple=True,
    metavar="NAME",
    help="The fork of Caffe that the files are for: {a, b}. Repeatable.",
)
@click.option("--schedule", type=Named(), metavar="FILE", help="Draw the learning rate: .png or .csv.")
@REPORT_OPTION
@REPORT_FORMAT_OPTION
@click.option("--strict", is_flag=True, help="Suspicious findings count as bad.")
@QUIET_OPTION
@configured
def lint(files: Sequence[Path], form: str, quiet: bool, schedule: Path | None, **options: Any) -> int:
    """Check Caffe solver and network prototxt FILEs for what would turn the loss into NaN, without running Caffe."""
    from datacheck.linting.command import draw, guard_of, run, schedule_of
    from datacheck.linting.text import lint_text
    from datacheck.reporting.files import Reports
    from datacheck.reporting.json_files import json_document
    from datacheck.reporting.source import NotScanned

    guard = guard_of(files, options["root"])
    config = configuration_of()
    if "labels" in config.keys and isinstance(options["labels"], tuple) and None in options["labels"]:
        options["labels"] = None  # a configuration is for all commands: bounds for a scan mean nothing here
    with ExitStack() as stack:
        written = stack.enter_context(Reports(options.pop("reports"), guard))
        drawn = None if schedule is None else stack.enter_context(schedule_of(schedule, guard))
        done, errors = run(files, written, options)
        for error in errors:
            complain(error)
            written.not_scanned.append(NotScanned(error.path, str(error)))
        for report in done:
            report.settings = config.to(report.settings)
        shown = [report for report in done if not (quiet and report.clean)]
        with written.showing():
            if form != "json":
                for report in shown:
                    print_summary(lint_text(report), form)
                print_annotations(shown, form, written.not_scanned)
            elif shown or (done and errors):
                print("".join(json_document(done, written.not_scanned)))
        if drawn is not None:
            draw(files, drawn, options["iterations"])
    end_silent(silent=not shown)
    statuses = [report.status for report in done] + [COULD_NOT_RUN] * len(errors)
    return next(it for it in WORST_FIRST if it in statuses)
