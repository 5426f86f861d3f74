"""`datacheck show`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from datacheck.cli.configuring import applied, configured
from datacheck.cli.options import Named, ScanCommand, scan_options
from datacheck.cli.output import complain
from datacheck.cli.request import settings_of


@click.command(cls=ScanCommand)
@click.argument("source")
@click.argument("key")
@click.option("--save", type=Named(), metavar="FILE", help="Write the record's picture or array here.")
@click.option("--field", metavar="PATH", help="Show this field in full; with --save, write it.")
@scan_options
@configured
def show(source: str, key: str, save: Path | None, field: str | None, **options: Any) -> int:
    """Show one record of SOURCE as datacheck sees it; KEY is written as in reports."""
    from datacheck.scanning.names import Names
    from datacheck.showing import show_record

    settings = settings_of({**options, "workers": 1})
    names = Names(settings, excused=applied().found_keys)
    record = show_record(source, key, settings, save, names=names, field=field)
    print(record.text)
    for sentence in names.unheeded:
        complain(sentence)
    if settings.config is not None:
        print(settings.config.sentence)
    return record.status
