"""`datacheck demo`."""

from __future__ import annotations

from pathlib import Path

import click

from datacheck.cli.option_types import Named
from datacheck.cli.output import print_text


@click.command()
@click.argument("directory", default="datacheck-demo", metavar="[DIR]", type=Named())
def demo(directory: Path) -> int:
    """Make a small damaged dataset of each kind in DIR, scan them, and say what to do next."""
    from datacheck.demo import build, farewell
    from datacheck.reporting.advice import shell
    from datacheck.scanning.scan import scan as scan_library

    for path, planted in list(build(directory)):  # all of it, even if the reader of the output ends early
        print(f"$ datacheck scan {shell(str(path))}   # planted: {planted}")
        print_text(scan_library(path), ())
        print()
    print(farewell(directory))
    return 0
