"""`datacheck doctor`."""

from __future__ import annotations

import click

from datacheck.cli.streams import COULD_NOT_RUN


@click.command()
def doctor() -> int:
    """Report what datacheck can do on this machine: versions, HDF5 filters, limits, and how to get what is missing.

    Exit status: 0, or 2 where something that is required is missing or broken.
    """
    from datacheck.model.escaping import plain
    from datacheck.showing.machine import diagnose

    found = diagnose()
    for line in found.lines:
        print(plain(line))
    return 0 if found.sound else COULD_NOT_RUN
