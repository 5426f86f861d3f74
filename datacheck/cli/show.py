"""`datacheck show`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datacheck.cli.configuring import applied, configured
from datacheck.cli.help import ScanCommand, Source
from datacheck.cli.option_types import Named
from datacheck.cli.options import FORMAT_OPTION, scan_options
from datacheck.cli.output import WORST_FIRST, columns, complain, in_colour, print_summary, searching, watching_phases
from datacheck.cli.request import settings_of
from datacheck.cli.streams import COULD_NOT_RUN

if TYPE_CHECKING:
    from datacheck.model.settings import Settings
    from datacheck.showing.record import Record, Showing

WIDEST, HIGHEST = 64, 48
"""Maximum width and height of a picture on the terminal, in pixels."""
BLOCK = "\u2580"


@click.command(cls=ScanCommand)
@click.argument("source", type=Source())
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--bad", type=click.IntRange(min=1), metavar="N", help="Show the first N bad records, instead of KEYs.")
@click.option("--field", metavar="PATH", help="Show this field in full; with --save, write it.")
@click.option(
    "--save",
    type=Named(),
    metavar="FILE|DIR",
    help="Write the picture or array; the suffix picks the format: .png, .npy. With several records, name a folder.",
)
@click.option(
    "--picture",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Draw the picture; auto: on a terminal that has colours.",
)
@scan_options
@configured
@FORMAT_OPTION
def show(
    source: str,
    keys: Sequence[str],
    bad: int | None,
    save: Path | None,
    field: str | None,
    picture: str,
    form: str,
    **options: Any,
) -> int:
    """Show single records of SOURCE as datacheck sees them; a KEY is written as in reports.

    Exit status: 0 nothing wrong with them, 1 something bad, 2 a KEY is not there, 3 undecided.
    """
    from datacheck.scanning.names import Names
    from datacheck.showing.record import Showing
    from datacheck.showing.record_json import records_json

    if bool(keys) == (bad is not None):
        message = (
            "KEYs and --bad cannot be used together" if keys else "name a KEY, or --bad N for the first bad records"
        )
        raise click.UsageError(message)
    settings = settings_of(options)
    names = Names(settings, excused=applied().found_keys)
    many = bad is not None or len(keys) > 1
    showing = Showing(
        source,
        settings,
        save,
        many=many,
        names=names,
        field=field,
        picture=_picture_size(picture) if form == "text" else None,
        spell=_spelling(),
        searching=partial(searching, True),
        values=form == "json",
    )
    if bad is not None:
        keys, status = _first_bad(showing, source, settings, bad)
        if not keys:
            none = "no record is bad" if status != 1 else "no single record is bad, but the store is: scan it"
            print(none if form == "text" else records_json([], many=True))
            return status
    records, statuses = [], set()
    for record in _records(showing, source, keys, many=many):
        statuses.add(COULD_NOT_RUN if record is None else record.status)
        if record is None:
            continue
        if form == "json":
            records.append(record.document)
            continue
        print_summary(record.text)
        _draw(record)
    if form == "json":
        print(records_json(records, many=many))
    for sentence in [*([_hint(source)] if COULD_NOT_RUN in statuses else []), *names.unheeded]:
        complain(sentence)
    if settings.config is not None and form == "text":
        print(settings.config.sentence)
    return next(it for it in WORST_FIRST if it in statuses)


def _records(showing: Showing, source: str, keys: Sequence[str], *, many: bool) -> Iterator[Record | None]:
    """Yield the records; None stands for one of several that is not there, which is reported."""
    from datacheck.errors import RecordMissing

    with showing:
        for key in keys:
            try:
                yield showing.record(key)
            except RecordMissing as exc:
                if not many:
                    raise RecordMissing(exc.path, f"{exc.reason}; {_hint(source)}") from exc
                complain(exc)
                yield None


def _hint(source: str) -> str:
    """Return how to find out which keys there are."""
    from datacheck.reporting.advice import command

    return f"to see the first keys: {command('info', [], [source])}"


def _first_bad(showing: Showing, source: str, settings: Settings, count: int) -> tuple[list[str], int]:
    from datacheck.model.escaping import plain
    from datacheck.scanning.names import Names

    names = Names(settings, excused=applied().found_keys)  # missing names are reported when records are shown
    with watching_phases(True) as watch:
        return showing.first_bad(count, partial(watch, plain(source)), names)


def _picture_size(asked: str) -> tuple[int, int] | None:
    """Return the maximum width and height of a picture in pixels, or None if none is drawn."""
    wanted = asked == "always" or (asked == "auto" and sys.stdout.isatty() and in_colour() and _can_print_blocks())
    return (min(columns() or WIDEST, WIDEST), HIGHEST) if wanted else None


def _draw(record: Record) -> None:
    if record.picture is not None:
        from datacheck.showing.pixels import half_blocks

        for line in half_blocks(record.picture, true_colour=os.environ.get("COLORTERM") in ("truecolor", "24bit")):
            print(line)


def _can_print_blocks() -> bool:
    """Return whether standard output can encode the character that pictures are drawn with."""
    try:
        BLOCK.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _spelling() -> Any:
    """Return the function that spells keys: on a terminal that can show it, it keeps UTF-8 text as it is."""
    from datacheck.model.escaping import plain, readable

    return readable if sys.stdout.isatty() and _can_print_blocks() else plain
