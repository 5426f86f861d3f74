"""`datacheck checksum`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from datacheck.cli import interrupts
from datacheck.cli.configuring import configured
from datacheck.cli.help import Grouped, Source
from datacheck.cli.option_types import Named
from datacheck.cli.options import (
    BACKEND_OPTION,
    CONVENTION_OPTION,
    LABEL_FIELD_OPTION,
    TIMEOUT_OPTION,
    TOGETHER_OPTION,
    WORKERS_OPTION,
)
from datacheck.cli.output import searching, watching_phases
from datacheck.cli.request import configuration_of, end_silent, given_options


@click.command(cls=Grouped)
@click.argument("source", type=Source())
@click.option("--out", type=Named(), required=True, metavar="FILE", help="The checksum file to write.")
@click.option("--force", "replace", is_flag=True, help="Replace FILE if it exists.")
@BACKEND_OPTION
@LABEL_FIELD_OPTION
@TOGETHER_OPTION
@CONVENTION_OPTION
@WORKERS_OPTION
@TIMEOUT_OPTION
@configured
@click.option("-q", "--quiet", is_flag=True, help="Say nothing when all went well.")
@click.option("--no-progress", is_flag=True, help="Draw no progress bar, even on a terminal.")
def checksum(source: str, out: Path, replace: bool, quiet: bool, no_progress: bool, **options: Any) -> int:
    """Write a digest of every record of SOURCE to FILE, for scan --checksums FILE later.

    Nothing is judged. Exit status: 0, or 2 if a record could not be read or FILE could not be written.
    """
    if not source:
        raise click.UsageError("SOURCE is an empty name, not a path")
    from datacheck.comparing.checksum import record
    from datacheck.model.escaping import plain

    settings = configuration_of().settings(**given_options(options))
    interrupts.set_sentence(f"{source} is unchanged, and nothing was written to {out}; the same command starts over")
    with watching_phases(not no_progress) as watch:
        recorded = record(
            source,
            out,
            settings,
            force=replace,
            progress=partial(watch, plain(source)),
            publishing=interrupts.ignore,
            searching=partial(searching, not no_progress),
        )
    if not quiet:
        print(recorded)
    end_silent(silent=quiet)
    return 0
