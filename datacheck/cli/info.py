"""`datacheck info`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from datacheck.cli.configuring import applied, configured
from datacheck.cli.help import Grouped, Source
from datacheck.cli.options import FORMAT_OPTION, info_options
from datacheck.cli.output import complain, print_summary, searching
from datacheck.cli.request import configuration_of, given_options


@click.command(cls=Grouped)
@click.argument("source", type=Source())
@info_options
@configured
@FORMAT_OPTION
def info(source: str, form: str, **options: Any) -> int:
    """Say what is in SOURCE: its type, families of keys, fields, shapes, conventions, first keys. No verdict.

    It reads a sample, and says which. Exit status: 0, 2 could not run, 3 something could not be looked at.
    """
    if not source:
        raise click.UsageError("SOURCE is an empty name, not a path")
    from datacheck.scanning.names import Names
    from datacheck.showing.store import describe, info_json

    settings = configuration_of().settings(**given_options({**options, "workers": 1}))
    names = Names(settings, excused=applied().found_keys)
    infos = []
    for it in describe(source, settings, names, searching=partial(searching, True)):
        infos.append(it)
        if form == "text":
            from datacheck.showing.store_text import info_text

            print_summary(info_text(it))
    if form == "json":
        print(info_json(infos))
    for sentence in names.unheeded:
        complain(sentence)
    return max(it.status for it in infos)
