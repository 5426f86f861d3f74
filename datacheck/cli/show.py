"""`datacheck show`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from datacheck.cli.configuring import configured
from datacheck.cli.options import (
    BACKEND_OPTION,
    Named,
)
from datacheck.cli.request import configuration_of, given_options


@click.command()
@click.argument("source")
@click.argument("key")
@click.option("--save", type=Named(), metavar="FILE", help="Write the record's picture or array here.")
@BACKEND_OPTION
@click.option("--decoder", metavar="NAME", help="The payload's kind, if it is not to be recognised.")
@click.option("--label-field", metavar="NAME", help="The HDF5 dataset that holds the labels.")
@click.option("--timeout", type=float, metavar="SECONDS", help="What reading the record may take.  [default: 10]")
@configured
def show(source: str, key: str, save: Path | None, **options: Any) -> int:
    """Show one record of SOURCE as datacheck sees it; KEY is written as in reports."""
    from datacheck.showing import show_record

    settings = configuration_of().settings(workers=1, **given_options(options))
    record = show_record(source, key, settings, save)
    print(record.text)
    if settings.config is not None:
        print(settings.config.sentence)
    return record.status
