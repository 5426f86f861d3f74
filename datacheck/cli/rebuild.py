"""`datacheck rebuild`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datacheck.cli import interrupts
from datacheck.cli.configuring import applied, configured
from datacheck.cli.engine import chosen, engine_options, start_first_worker
from datacheck.cli.help import ScanCommand, Source, codes_and_verdicts, completing
from datacheck.cli.option_types import Named, RowName
from datacheck.cli.options import scan_options, writable
from datacheck.cli.output import complain, print_summary, searching, watching_phases
from datacheck.cli.request import end_silent, settings_of
from datacheck.model.escaping import plain

if TYPE_CHECKING:
    from datacheck.model.settings import Settings
    from datacheck.rebuilding.choice import Choice
    from datacheck.rebuilding.receipt import Receipt
    from datacheck.rebuilding.work import Order
    from datacheck.reporting.report import Report
    from datacheck.workers.interface import MakeEngine


@click.command(cls=ScanCommand)
@click.argument("sources", nargs=-1, metavar="SOURCE", type=Source())
@click.argument("target", type=Named())
@click.option("--drop-bad", is_flag=True, help="Drop every bad record.")
@click.option(
    "--drop",
    multiple=True,
    metavar="CODE|KEY",
    shell_complete=completing(codes_and_verdicts),
    help="Drop these too, by code, verdict or a finding's key. Repeatable.",
)
@click.option(
    "--keep",
    multiple=True,
    metavar="CODE",
    shell_complete=completing(codes_and_verdicts),
    help="Keep records despite this code or verdict. Repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be dropped, and write nothing.")
@click.option(
    "--from-report",
    type=Named(),
    metavar="FILE",
    help="Use this report instead of a new scan.",
)
@click.option(
    "--quarantine",
    type=Named(),
    metavar="DIR",
    help="Write the dropped records, and why, to DIR.",
)
@click.option("--fill", type=float, metavar="VALUE", help="Replace NaN and infinity by VALUE: HDF5, float Datum.")
@click.option("--to", type=RowName(writable), help="Type of key-value store to write.")
@click.option("--force", is_flag=True, help="Replace the store at TARGET when the copy is complete.")
@click.option("--accept-losses", is_flag=True, help="Write the copy even if it cannot keep all of an HDF5 file.")
@click.option("--keep-numbers", is_flag=True, help="Leave gaps where dropped records had numbers.")
@click.option("--renumber", is_flag=True, help="Renumber without gaps even if the store keeps no count.")
@click.option("--drop-rows", is_flag=True, help="Drop single steps of HDF5 episodes, not the whole episode.")
@click.option(
    "-o",
    "--report",
    "reports",
    type=Named(),
    multiple=True,
    metavar="FILE",
    help="Write the receipt: .json or .html. Repeatable.",
)
@scan_options
@engine_options
@configured
@click.option("-q", "--quiet", is_flag=True, help="Say nothing when all went well.")
@click.option("--no-progress", is_flag=True, help="Draw no progress bar, even on a terminal.")
def rebuild(
    sources: tuple[str, ...], target: Path, reports: tuple[Path, ...], quiet: bool, no_progress: bool, **options: Any
) -> int:
    """Write a clean copy of SOURCE to TARGET, and compare it with the source before it gets that name.

    With --paired there are several SOURCEs, and each copy gets the name of its source in the folder TARGET.
    """
    interrupts.set_sentence(_interrupt_sentence(sources, target, options["quarantine"], dry_run=options["dry_run"]))
    if options["engine"] == "local":
        start_first_worker(sources)
    from datacheck.files.guard import Guard
    from datacheck.rebuilding.choice import Choice
    from datacheck.rebuilding.rebuild import rebuild_as
    from datacheck.rebuilding.receipt import receipt_text, write_receipt
    from datacheck.rebuilding.work import Order
    from datacheck.scanning.earlier.against import files_of
    from datacheck.scanning.earlier.fingerprint import read_by
    from datacheck.scanning.names import Names
    from datacheck.scanning.scan import prepare

    _require_paths(sources, target)
    choice = Choice(options.pop("drop_bad"), options.pop("drop"), options.pop("keep"), options.pop("fill"))
    keep_numbers, renumber = options.pop("keep_numbers"), options.pop("renumber")
    if keep_numbers and renumber:
        raise click.UsageError("--keep-numbers and --renumber cannot be used together")
    names = ("dry_run", "from_report", "quarantine", "to", "force", "accept_losses", "drop_rows")
    order = Order(
        Path(sources[0]),
        target,
        choice,
        renumber=True if renumber else False if keep_numbers else None,
        **{name: options.pop(name) for name in names},
    )
    options["engine"] = engine = click.get_current_context().with_resource(chosen(options))
    settings = settings_of(options)
    if settings.paired:
        return _rebuild_pairs(sources, order, settings, engine, reports, quiet=quiet, progress=not no_progress)
    if len(sources) > 1:
        raise click.UsageError(f"one SOURCE at a time, or --paired: {len(sources)} are named before TARGET")
    prepared = cache(partial(prepare, order.source, settings, partial(searching, not no_progress)))
    guard = Guard([*order.inputs, *files_of(settings)], lambda: read_by(prepared()[0]), order.writes.items())
    with watching_phases(not no_progress) as progress, ExitStack() as stack:
        writing = [(path, stack.enter_context(write_receipt(path, guard))) for path in reports]
        option_names = Names(settings, excused=applied().found_keys)
        receipt, scanned = rebuild_as(
            order, settings, progress, engine, publishing=interrupts.ignore, names=option_names, prepared=prepared
        )
        receipt.config = settings.config
        for path, write in writing:
            write(_receipt_pieces(path, receipt, scanned, choice))
    for sentence in option_names.unheeded:
        complain(sentence)
    if not (quiet and receipt.written):
        print_summary(receipt_text(receipt, scanned, choice, dry_run=order.dry_run))
    end_silent(silent=quiet and receipt.written)
    would_do = order.dry_run and (choice.made or not receipt.dropped) and not receipt.nothing_left
    return 0 if receipt.written or would_do else 1


def _interrupt_sentence(sources: Sequence[str], target: Path, quarantine: Path | None, *, dry_run: bool) -> str:
    """Return the sentence for an interrupt. It holds until a copy gets its name; later interrupts are ignored."""
    subject = f"{sources[0]} is" if len(sources) == 1 else "the sources are"
    if dry_run:
        return f"{subject} unchanged, and a dry run writes no copy; the same command starts over"
    places = target if quarantine is None else f"{target} and {quarantine}"
    return f"{subject} unchanged, and nothing was written to {places}; the same command starts over"


def _receipt_pieces(path: Path, receipt: Receipt, scanned: Report, choice: Choice) -> Iterator[str]:
    """Yield the receipt in the format of its file, piece by piece."""
    if path.suffix == ".html":
        from datacheck.rebuilding.receipt_page import receipt_page

        return receipt_page(receipt, scanned, choice)
    from datacheck.rebuilding.receipt import receipt_document

    return receipt_document(receipt, scanned, choice)


def _require_paths(sources: Sequence[str], target: Path) -> None:
    """Raise UsageError unless a source and a target are named, and no source is an empty name or a URL."""
    from datacheck.backends import refuse_url

    if not sources:  # click gives the only name to the last argument
        raise click.UsageError(f"only one path is named, {plain(str(target))}; name the SOURCE and then the TARGET")
    for source in sources:
        if not source:
            raise click.UsageError("SOURCE is an empty name, not a path")
        refuse_url(source)  # a path would lose one of the slashes


def _rebuild_pairs(
    sources: Sequence[str],
    order: Order,
    settings: Settings,
    engine: MakeEngine | None,
    reports: Sequence[Path],
    *,
    quiet: bool,
    progress: bool,
) -> int:
    """Rebuild pairs of stores, and print a receipt of each."""
    from datacheck.rebuilding.pairs import rebuild_pairs
    from datacheck.rebuilding.receipt import receipt_text
    from datacheck.scanning.names import Names

    if reports:
        raise click.UsageError("--report takes one receipt, and --paired has one for each SOURCE")
    option_names = Names(settings, len(sources), excused=applied().found_keys)
    with watching_phases(progress) as watch:
        rebuilt = rebuild_pairs(
            [Path(it) for it in sources],
            order,
            settings,
            watch,
            engine,
            publishing=interrupts.ignore,
            names=option_names,
            searching=partial(searching, progress),
        )
    for sentence in option_names.unheeded:
        complain(sentence)
    written = all(receipt.written for receipt, _ in rebuilt)
    if not (quiet and written):
        for receipt, scanned in rebuilt:
            print(f"{plain(receipt.source.path)}:")
            print_summary(receipt_text(receipt, scanned, order.choice, dry_run=order.dry_run))
    end_silent(silent=quiet and written)
    would_do = order.dry_run and all(not it.nothing_left and (order.choice.made or not it.dropped) for it, _ in rebuilt)
    return 0 if written or would_do else 1
