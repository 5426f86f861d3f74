"""`datacheck compare`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from datacheck.cli import interrupts
from datacheck.cli.configuring import applied, configured
from datacheck.cli.help import Grouped, Source
from datacheck.cli.options import (
    ARRAY_OPTION,
    BACKEND_OPTION,
    CONVENTION_OPTION,
    DECODER_OPTION,
    IGNORE_OPTION,
    LABEL_FIELD_OPTION,
    QUIET_OPTION,
    REPORT_FORMAT_OPTION,
    REPORT_OPTION,
    STRICT_OPTION,
    TIMEOUT_OPTION,
    TOGETHER_OPTION,
    WORKERS_OPTION,
)
from datacheck.cli.output import (
    INTERRUPTED,
    print_annotations,
    print_end,
    print_json,
    print_text,
    searching,
    watching,
)
from datacheck.cli.request import asked, configuration_of, end_silent, given_options

BARE = -1
"""The value of --near without a number."""


class Bits(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """A number of bits, which may be left out."""

    name = "bits"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number. Any other word fails: behind a bare --near, it is meant as a store."""
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is not a number of bits; name the stores before --near", param, ctx)


@click.command(cls=Grouped)
@click.argument("sources", nargs=-1, required=True, metavar="A B...", type=Source())
@click.option(
    "--near",
    is_flag=False,
    flag_value=str(BARE),
    default=None,
    type=Bits(),
    metavar="[BITS]",
    help="Find pictures that look the same, too: up to BITS of 256 may differ.  [default: 14]",
)
@BACKEND_OPTION
@DECODER_OPTION
@ARRAY_OPTION
@LABEL_FIELD_OPTION
@TOGETHER_OPTION
@CONVENTION_OPTION
@WORKERS_OPTION
@TIMEOUT_OPTION
@STRICT_OPTION
@IGNORE_OPTION
@configured
@REPORT_OPTION
@REPORT_FORMAT_OPTION
@QUIET_OPTION
@click.option("--no-progress", is_flag=True, help="Draw no progress bar, even on a terminal.")
def compare(sources: Sequence[str], near: int | None, form: str, quiet: bool, no_progress: bool, **options: Any) -> int:
    """Say what stores A, B... share and where they differ: duplicates, leakage, drift.

    What is found is suspicious, not bad: the exit status is 0 unless --strict, or something cannot be read.
    """
    from datacheck.comparing.compare import compare_into
    from datacheck.comparing.store import Store
    from datacheck.scanning.names import Names
    from datacheck.scanning.scan import prepare_all

    written = options.pop("reports")
    settings = configuration_of().settings(**given_options(options))
    shown = partial(searching, not no_progress)
    stores = [Store(*it) for source in sources for it in prepare_all(source, settings, shown)]
    names = Names(settings, len(stores), excused=applied().found_keys)
    interrupts.set_sentence("the stores were not compared to the end; the same command starts over")
    wanted: int | bool = False if near is None else True if near == BARE else near
    with watching(not no_progress, "compare") as watch:
        reports = compare_into(stores, sources, wanted, written, watch, names)
    interrupts.take_sentences()
    silent = quiet and all(it.clean for it in reports)
    if form == "json":
        print_json(reports, quiet=quiet)
    elif not silent:
        for report in reports:
            print_text(report, written, asked(), form)
        print_end(reports, 0)
        print_annotations(reports, form)
    end_silent(silent=silent)
    statuses = {it.status for it in reports}
    return next(it for it in (INTERRUPTED, 1, 3, 0) if it in statuses)
