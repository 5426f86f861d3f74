"""The command line: arguments -> library call -> rendered report -> exit status.

Nothing but click is imported until a command runs, so that `datacheck --help` is quick.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datacheck import __version__, streams
from datacheck.configuring import Applied, applied, configured
from datacheck.errors import DatacheckError
from datacheck.options import (
    BACKEND_OPTION,
    FORMAT_OPTION,
    REPORT_OPTION,
    Bound,
    FromTable,
    LintCommand,
    RowName,
    ScanCommand,
    log_suffixes,
    scan_options,
    writable,
)
from datacheck.streams import COULD_NOT_RUN

if TYPE_CHECKING:
    from datacheck.files.output import Output
    from datacheck.logs.diagnosis import LogReport
    from datacheck.netscan.command import Scan
    from datacheck.report import Report
    from datacheck.settings import Settings

INTERRUPTED = 130
WORST_FIRST = (COULD_NOT_RUN, 1, 3, 0)
"""Of several sources, the exit status is the first of these that one of them has."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    streams.prepare()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # who ignores it does not learn how a worker ended
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each thread takes memory, and there is nothing for it to do
    try:
        status = streams.written(lambda: _status(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        status = INTERRUPTED
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: nothing is left to interrupt
    sys.exit(status)


def _status(argv: Sequence[str]) -> int:
    """Run the command line and return its status; whatever goes wrong is one sentence on standard error."""
    from datacheck.model import plain

    try:
        if "_DATACHECK_COMPLETE" in os.environ:
            cli.main(list(argv), prog_name="datacheck")
        with cli.make_context("datacheck", list(argv)) as context:  # `cli.main` takes a closed pipe for status 1
            status = cli.invoke(context)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.ClickException as exc:
        exc.message = plain(exc.message)  # type: ignore[misc]  # an argument is quoted in it
        exc.show()
        return COULD_NOT_RUN
    except DatacheckError as exc:
        complain(exc)
        return COULD_NOT_RUN
    except OSError:
        raise
    except Exception as exc:  # noqa: BLE001  (the outermost border: a mistake of our own is a sentence, too)
        from datacheck.blame import lines_of

        for line in lines_of(exc):
            complain(line)
        return COULD_NOT_RUN
    return status if isinstance(status, int) else 0


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def complain(error: object) -> None:
    """Say one sentence on standard error."""
    from datacheck.model import plain

    streams.complain(plain(str(error)))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="datacheck %(version)s")
def cli() -> None:
    """Find the records that would poison a training run in LMDB, LevelDB and HDF5 datasets.

    The source is never written to. Exit status: 0 clean, 1 bad records, 2 could not run, 3 undecided, 130 interrupted.
    """


@contextmanager
def _watching(wanted: bool, name: str) -> Iterator[Callable[[int, int | None, int], None]]:
    """Yield a progress callable that draws a bar on standard error, if that is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield lambda done, total, bad: None
        return
    from tqdm import tqdm

    with tqdm(desc=name, unit=" records", unit_scale=True, leave=False, file=sys.stderr, dynamic_ncols=True) as bar:

        def show(done: int, total: int | None, bad: int) -> None:
            bar.total = total
            bar.set_postfix_str(f"{bad:,} bad" if bad else "", refresh=False)
            bar.update(done - bar.n)

        yield show


@cli.command(cls=ScanCommand)
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@scan_options
@configured
@click.option("--net", "nets", multiple=True, metavar="FILE", help="Scan what this Caffe network reads. Repeatable.")
@click.option(
    "--phase",
    type=click.Choice(["TRAIN", "TEST", "all"], case_sensitive=False),
    default="all",
    help="Of a network, the layers of this phase.",
)
@click.option(
    "--root", type=click.Path(path_type=Path), metavar="DIR", help="Where a network's names start.  [default: .]"
)
@click.option("--batch-size", type=int, metavar="N", help="Say how many batches of N records lack a class.")
@REPORT_OPTION
@FORMAT_OPTION
@click.option("--quiet", is_flag=True, help="Say nothing when all is clean.")
@click.option("--no-progress", is_flag=True, help="Draw no progress bar, even on a terminal.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the report and exit.")
def scan(sources: Sequence[str], form: str, quiet: bool, no_progress: bool, schema: bool, **options: Any) -> int:
    """Check every record of each SOURCE: an LMDB environment, a LevelDB, an HDF5 file, a folder or a list of them.

    A SOURCE that is the prototxt of a Caffe network stands for what the network reads, as with --net.
    """
    if schema:
        from datacheck.report import schema_text

        print(schema_text())
        return 0
    nets = options.pop("nets")
    if not sources and not nets:
        raise click.UsageError("name at least one SOURCE to scan, or a network with --net")
    from datacheck.pool import WORKER_BYTES, start_ahead

    click.get_current_context().call_on_close(start_ahead(WORKER_BYTES))  # it loads NumPy, the rest is loaded here
    from datacheck.netscan.command import Given, guard_of
    from datacheck.reports import Reports

    reports, phase, root = (options.pop(name) for name in ("reports", "phase", "root"))
    settings = _settings(options)
    done: list[Report] = []
    statuses = []
    scans = Given(settings, applied().to(settings, net=True), phase, root, complain).scans(nets, sources)
    with Reports(reports, guard_of([*sources, *nets], scans)) as files:
        for it in scans:
            report, status = _scan_one(it, files.begin, progress=not no_progress)
            statuses.append(status)
            if report is not None:
                done.append(report)
                if form == "text" and not (quiet and report.clean):
                    _print_text(report, reports)
            if status == INTERRUPTED:
                break
    if form == "json":
        _print_json(done, quiet=quiet)
    _end(silent=quiet and all(report.clean for report in done))
    return INTERRUPTED if INTERRUPTED in statuses else next(it for it in WORST_FIRST if it in statuses)


def _settings(options: dict[str, Any]) -> Settings:
    ranges = dict(options.pop("ranges"))
    checks = options.pop("checks")
    return _configuration().settings(range=ranges or None, checks=checks or None, **_given(options))


def _configuration() -> Applied:
    """Return the configuration that the command runs with; say which files were not trusted."""
    for sentence in applied().ignored:
        complain(sentence)
    return applied()


def _end(*, silent: bool) -> None:
    """End a command: where it was told to be silent, say what a configuration that was found loosened."""
    unsaid = applied().unsaid
    if silent and unsaid is not None:
        complain(unsaid)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _scan_one(scan: Scan | None, begin: Callable[[Report], Any], *, progress: bool) -> tuple[Report | None, int]:
    """Run a scan; return its report, None where there was nothing to open, and its exit status."""
    from datacheck.model import plain

    if scan is None:
        return None, COULD_NOT_RUN
    report = scan.report
    try:
        with _watching(progress, plain(report.source.path)) as watch:
            scan.run(watch, begin(report))
    except KeyboardInterrupt:
        return report, INTERRUPTED
    return report, report.status


def _print_text(report: Report, written: Sequence[str]) -> None:
    from datacheck.reports import advice, text

    print(text(report))
    what_next = advice(report, written)
    if what_next:
        print(what_next)


@cli.command(cls=ScanCommand)
@click.argument("source")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--drop-bad", is_flag=True, help="Leave out every bad record.")
@click.option("--drop", multiple=True, metavar="CODE", help="Leave these out, by code or verdict. Repeatable.")
@click.option(
    "--keep", multiple=True, metavar="CODE", help="Keep records in spite of this code or verdict. Repeatable."
)
@click.option("--dry-run", is_flag=True, help="Print what would be dropped, and write nothing.")
@click.option(
    "--from-report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Rest on this report, not on a new scan.",
)
@click.option(
    "--quarantine",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Put the dropped records there, and why.",
)
@click.option("--fill", type=float, metavar="VALUE", help="Replace NaN and infinity by VALUE: HDF5, float Datum.")
@click.option("--to", type=RowName(writable), help="The kind of key-value store to write.")
@click.option("--force", is_flag=True, help="Replace what lies at TARGET, when the copy is complete.")
@click.option("--accept-losses", is_flag=True, help="Go on if HDF5 cannot keep something, which is named.")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE.json", help="Write the receipt.")
@scan_options
@configured
@click.option("--quiet", is_flag=True, help="Say nothing when all went well.")
@click.option("--no-progress", is_flag=True, help="Draw no progress bar, even on a terminal.")
def rebuild(source: str, target: Path, report: Path | None, quiet: bool, no_progress: bool, **options: Any) -> int:
    """Write a clean copy of SOURCE to TARGET, and compare it with the source before it gets that name."""
    from datacheck.files.guard import Guard
    from datacheck.fingerprints import read_by
    from datacheck.rebuilding import Order, rebuild_as
    from datacheck.receipt import Choice, receipt_document, receipt_text, write_receipt
    from datacheck.scanning import prepare

    if not source:
        raise click.UsageError("SOURCE is an empty name, not a path")
    choice = Choice(options.pop("drop_bad"), options.pop("drop"), options.pop("keep"), options.pop("fill"))
    names = ("dry_run", "from_report", "quarantine", "to", "force", "accept_losses")
    order = Order(Path(source), target, choice, **{name: options.pop(name) for name in names})
    settings = _settings(options)
    guard = Guard(order.inputs, lambda: read_by(prepare(order.source, settings)[0]), order.writes.items())
    with _watching_phases(not no_progress) as progress, write_receipt(report, guard) as write:
        receipt, scanned = rebuild_as(order, settings, progress)
        receipt.config = settings.config
        write(receipt_document(receipt, scanned, choice))
    if not (quiet and receipt.written):
        print(receipt_text(receipt, scanned, choice, dry_run=order.dry_run))
    _end(silent=quiet and receipt.written)
    return 0 if receipt.written or (order.dry_run and (choice.made or not receipt.dropped)) else 1


@contextmanager
def _watching_phases(wanted: bool) -> Iterator[Callable[[str, int, int | None, int], None]]:
    """Yield a progress callable that draws one bar for each phase."""
    with ExitStack() as stack:
        bars: dict[str, Callable[[int, int | None, int], None]] = {}

        def show(phase: str, done: int, total: int | None, bad: int) -> None:
            if phase not in bars:
                stack.close()
                bars[phase] = stack.enter_context(_watching(wanted, phase))
            bars[phase](done, total, bad)

        yield show


@cli.command()
@click.argument("source")
@click.argument("key")
@click.option(
    "--save", type=click.Path(path_type=Path), metavar="FILE", help="Write the record's picture or array here."
)
@BACKEND_OPTION
@click.option("--decoder", metavar="NAME", help="The payload's kind, if it is not to be recognised.")
@click.option("--label-field", metavar="NAME", help="The HDF5 dataset that holds the labels.")
@click.option("--timeout", type=float, metavar="SECONDS", help="What reading the record may take.  [default: 10]")
@configured
def show(source: str, key: str, save: Path | None, **options: Any) -> int:
    """Show one record of SOURCE as datacheck sees it; KEY is written as in reports."""
    from datacheck.showing import look

    settings = _configuration().settings(workers=1, **_given(options))
    record = look(source, key, settings, save)
    print(record.text)
    if settings.config is not None:
        print(settings.config.sentence)
    return record.status


@cli.command(cls=LintCommand)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--root", type=click.Path(path_type=Path), metavar="DIR", help="The folder that Caffe is started in.")
@click.option("--labels", type=Bound("N or LO:HI", single=True), metavar="N|LO:HI", help="The labels in the data.")
@click.option("--iterations", type=click.IntRange(min=1), metavar="N", help="The run's length, if not max_iter.")
@click.option(
    "--schedule", type=click.Path(path_type=Path), metavar="FILE", help="Draw the learning rate: .png or .csv."
)
@REPORT_OPTION
@FORMAT_OPTION
@click.option("--strict", is_flag=True, help="Suspicious findings count as bad.")
@click.option("--quiet", is_flag=True, help="Say nothing when all is clean.")
@configured
def lint(files: Sequence[Path], form: str, quiet: bool, schedule: Path | None, **options: Any) -> int:
    """Check Caffe solver and network prototxt FILEs for what would turn the loss into NaN, without running Caffe."""
    from datacheck.linting.command import draw, guard_of, run, schedule_of
    from datacheck.linting.text import lint_text
    from datacheck.reports import Reports, json_document

    guard = guard_of(files, options["root"])
    config = _configuration()
    with ExitStack() as stack:
        written = stack.enter_context(Reports(options.pop("reports"), guard))
        drawn = None if schedule is None else stack.enter_context(schedule_of(schedule, guard))
        done, errors = run(files, written, options)
        for error in errors:
            complain(error)
        for report in done:
            report.settings = config.to(report.settings)
        shown = [report for report in done if not (quiet and report.clean)]
        if form == "text":
            for report in shown:
                print(lint_text(report))
        elif shown:
            print("".join(json_document(done)))
        if drawn is not None:
            draw(files, drawn, options["iterations"])
    _end(silent=not shown)
    statuses = [report.status for report in done] + [COULD_NOT_RUN] * len(errors)
    return next(it for it in WORST_FIRST if it in statuses)


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--report",
    "reports",
    cls=FromTable,
    rows=log_suffixes,
    multiple=True,
    metavar="FILE",
    help="Write {a or, b}. Repeatable.",
)
@click.option(
    "--plot", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw loss, learning rate, gradients."
)
@FORMAT_OPTION
@click.option("--strict", is_flag=True, help="Suspicious findings count as bad.")
@click.option("--quiet", is_flag=True, help="Say nothing when all is healthy.")
def log(files: Sequence[str], reports: Sequence[str], plot: Path | None, form: str, strict: bool, quiet: bool) -> int:
    """Say what happened in the training that each log FILE of Caffe tells of ("-": standard input).

    Exit status: 0 healthy, 1 trouble found, 2 could not run or not a log, 3 undecided: cut before it shows anything.
    """
    from datacheck.errors import SourceMissing, SourceUnknown, SourceUnreadable
    from datacheck.files.guard import Guard
    from datacheck.files.output import Output
    from datacheck.logs.reading import read_into, sources_of
    from datacheck.logs.table import LOG_REPORTS
    from datacheck.logs.text import log_text
    from datacheck.reports import Reports

    guard = Guard(sources_of(files))
    draw = None if plot is None else _plotting(plot, files)
    done: list[Report] = []
    statuses = []
    with ExitStack() as stack:
        sinks = stack.enter_context(Reports(reports, guard, LOG_REPORTS))
        picture = None if plot is None else stack.enter_context(Output(plot, guard))
        for file in files:
            try:
                report = read_into(file, sinks, strict=strict)
            except (SourceMissing, SourceUnknown, SourceUnreadable) as exc:
                complain(exc)
                statuses.append(COULD_NOT_RUN)
                continue
            statuses.append(report.status)
            done.append(report)
            if form == "text" and not (quiet and report.clean):
                print(log_text(report))
            if draw is not None and picture is not None:
                draw(report, picture)
    if form == "json":
        _print_json(done, quiet=quiet)
    return next(it for it in WORST_FIRST if it in statuses)


def _plotting(path: Path, files: Sequence[str]) -> Callable[[LogReport, Output | Path], None]:
    """Return what draws a log's picture; whatever keeps it from doing so is said before the log is read."""
    from datacheck.logs.plot import plotting

    if len(files) > 1:
        raise click.UsageError("--plot draws the picture of one log; name one FILE")
    return plotting(path)


def _print_json(reports: Sequence[Report], *, quiet: bool) -> None:
    from datacheck.reports import json_document

    if reports and not (quiet and all(report.clean for report in reports)):
        for piece in json_document(reports):
            print(piece, end="")
        print()


@cli.command()
@click.argument("directory", default="datacheck-demo", metavar="[DIR]", type=click.Path(path_type=Path))
def demo(directory: Path) -> int:
    """Make a small damaged dataset of each kind in DIR, scan them, and say what to do next."""
    from datacheck.demo import build, farewell
    from datacheck.reports import shell
    from datacheck.scanning import scan as scan_library

    for path, planted in build(directory):
        print(f"$ datacheck scan {shell(str(path))}   # planted: {planted}")
        _print_text(scan_library(path), ())
        print()
    print(farewell(directory))
    return 0
