"""`datacheck scan`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datacheck.cli.configuring import applied, configured
from datacheck.cli.engine import chosen, engine_options, start_first_worker
from datacheck.cli.help import ScanCommand, Source
from datacheck.cli.option_types import Named
from datacheck.cli.options import QUIET_OPTION, REPORT_FORMAT_OPTION, REPORT_OPTION, scan_options
from datacheck.cli.output import (
    INTERRUPTED,
    WORST_FIRST,
    KeepHint,
    complain,
    print_annotations,
    print_end,
    print_json,
    print_text,
    printing_bad,
    searching,
    watching,
)
from datacheck.cli.request import asked, end_silent, settings_of
from datacheck.cli.streams import COULD_NOT_RUN

if TYPE_CHECKING:
    from datacheck.cli.targets import Scan
    from datacheck.reporting.files import Reports
    from datacheck.reporting.report import Report
    from datacheck.scanning.earlier.against import Against


@click.command(cls=ScanCommand)
@click.argument("sources", nargs=-1, metavar="SOURCE...", type=Source())
@scan_options
@engine_options
@configured
@click.option(
    "--net",
    "nets",
    multiple=True,
    type=Source(),
    metavar="FILE",
    help="Scan what this Caffe network reads. Repeatable.",
)
@click.option(
    "--phase",
    type=click.Choice(["TRAIN", "TEST", "all"], case_sensitive=False),
    default="all",
    help="Of a network, the layers of this phase.",
)
@click.option("--stage", "stages", multiple=True, metavar="NAME", help="Of a network, the layers of this stage.")
@click.option("--root", type=Named(), metavar="DIR", help="Where a network's names start.  [default: .]")
@click.option(
    "--known", type=Named(str), metavar="REPORT", help="Findings that are in this earlier report do not count."
)
@click.option(
    "--if-changed",
    type=Named(str),
    metavar="REPORT",
    help="Take from this report what did not change: the source, or some of its HDF5 files.",
)
@click.option("--batch-size", type=int, metavar="N", help="Say how many batches of N records lack a class.")
@click.option("--max-time", metavar="TIME", help="Stop after TIME, such as 30m, and say how far it came.")
@click.option("--duplicates", is_flag=True, help="Find records that have the value of an earlier one.")
@click.option("--checksums", type=Named(), metavar="FILE", help="Compare the records with the checksums in FILE.")
@REPORT_OPTION
@click.option(
    "--resume",
    type=Named(),
    metavar="FILE",
    help="Write the report FILE, a .jsonl, and continue where an earlier scan into it stopped.",
)
@REPORT_FORMAT_OPTION
@QUIET_OPTION
@click.option("-v", "--verbose", is_flag=True, help="Print bad records on standard error as they are found.")
@click.option("--no-progress", is_flag=True, help="Draw no progress bar, even on a terminal.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the report and exit.")
def scan(
    sources: Sequence[str], form: str, quiet: bool, verbose: bool, no_progress: bool, schema: bool, **options: Any
) -> int:
    """Check every record of each SOURCE: an LMDB environment, a LevelDB, an HDF5 file, a folder or a list of them.

    A SOURCE that is the prototxt of a Caffe network stands for what the network reads, as with --net.
    """
    if schema:
        from datacheck.reporting.document import schema_text

        print(schema_text())
        return 0
    nets = options.pop("nets")
    if not sources and not nets:
        raise click.UsageError("name at least one SOURCE to scan, or a network with --net")
    if options["engine"] == "local" and options["if_changed"] is None:  # else no worker may be needed
        start_first_worker(sources)
    options["engine"] = engine = click.get_current_context().with_resource(chosen(options))
    from datacheck.cli.targets import ScanRequest, guard_of, planned, previous_reports, require_resumable, stores_of
    from datacheck.reporting.files import Reports
    from datacheck.scanning.earlier.against import files_of, require_together, with_known
    from datacheck.scanning.names import Names
    from datacheck.scanning.store_scan import ready
    from datacheck.workers.process import keeping_processes

    reports, phase, stages, root = (options.pop(name) for name in ("reports", "phase", "stages", "root"))
    if_changed, known, resume = (options.pop(name) for name in ("if_changed", "known", "resume"))
    settings = with_known(settings_of(options), known)
    require_together(settings, if_changed)
    output = _Output(form, quiet, verbose, not no_progress, reports, resume)
    names = Names(settings, excused=applied().found_keys)
    shown = partial(searching, not no_progress)
    request = ScanRequest(
        settings, applied().to(settings, net=True), phase, root, complain, names, stages, shown, engine
    )
    scans = request.scans(nets, sources)
    earlier = previous_reports(scans, settings, if_changed, reports)
    guard = guard_of([*sources, *nets, *map(str, files_of(settings))], scans)
    require_resumable(scans, resume)
    with (
        keeping_processes(),
        _keeping(Reports(reports, guard, resume=resume), resume) as files,
        ready(stores_of(scans), files, if_changed, resume),
    ):
        files.not_scanned, files.planned = request.not_scanned, planned(scans)
        if files.earlier is not None and not quiet:
            complain(f"continuing where {files.resuming} ends")
        done, statuses = _scan_each(scans, earlier, files, output)
        if form != "json" and not (quiet and all(report.clean for report in done)):
            with files.showing():
                print_end(done, len(scans) - len(done))
                print_annotations(done, form, files.not_scanned)
    if form == "json":
        print_json(done, files.not_scanned, quiet=quiet)
    for sentence in [*_unfinished(files, resume), *names.unheeded]:
        complain(sentence)
    end_silent(silent=quiet and all(report.clean for report in done))
    return INTERRUPTED if INTERRUPTED in statuses else next(it for it in WORST_FIRST if it in statuses)


@dataclass(frozen=True)
class _Output:
    """How a scan prints what it finds, and the report files that it writes."""

    form: str
    quiet: bool
    verbose: bool
    progress: bool
    reports: Sequence[str]
    resume: Path | None

    def hint(self) -> KeepHint:
        """Return the hint that --report keeps every finding, which is wanted where nothing else keeps them."""
        return KeepHint(complain, wanted=not (self.reports or self.resume or self.quiet or self.form == "json"))

    def print_report(self, report: Report, files: Reports) -> None:
        """Print what was found in a source if text is wanted, and set the next steps that a page shows."""
        from datacheck.reporting.advice import advice
        from datacheck.reporting.page import PAGE

        written = [*self.reports, *([] if self.resume is None or report.cut_short else [str(self.resume)])]
        if report.shows_records:
            report.next_steps = advice(report, [it for it in written if not it.endswith(PAGE)], asked())
        if self.form != "json" and not (self.quiet and report.clean):
            with files.showing():
                print_text(report, written, asked(), self.form)


@contextmanager
def _keeping(files: Reports, resume: Path | None) -> Iterator[Reports]:
    """Keep the report files open; if the cluster is lost, add to the error how a later scan goes on with them."""
    from datacheck.errors import ClusterFailed

    try:
        with files:
            yield files
    except ClusterFailed as exc:
        raise ClusterFailed("; ".join([str(exc), *_unfinished(files, resume)])) from exc


def _unfinished(files: Reports, resume: Path | None) -> Iterator[str]:
    """Yield a sentence for each report that a later scan can go on with."""
    for unfinished, path in files.unfinished.items():
        go_on = "the same command goes on" if path == resume else f"with --resume {path} a scan goes on"
        yield f"{unfinished} keeps what was found: {go_on} from there"


def _scan_each(
    scans: Sequence[Scan | None], earlier: Against, files: Reports, output: _Output
) -> tuple[list[Report], list[int]]:
    """Run the scans and print their reports; return these, and the exit status of each scan that was begun."""
    done: list[Report] = []
    statuses: list[int] = []
    hint = output.hint()
    for it in scans:
        report, status = _scan_one(it, earlier, files, hint, progress=output.progress, verbose=output.verbose)
        statuses.append(status)
        if report is not None:
            done.append(report)
            output.print_report(report, files)
        if status == INTERRUPTED:
            files.end_early()
            break
    return done, statuses


def _scan_one(
    scan: Scan | None, earlier: Against, files: Reports, hint: KeepHint, *, progress: bool, verbose: bool
) -> tuple[Report | None, int]:
    """Run a scan; return its report, or None if nothing could be opened, and its exit status."""
    from datacheck.model.escaping import plain
    from datacheck.scanning.store_scan import StoreScan

    if scan is None:
        return None, COULD_NOT_RUN
    report = scan.report
    answer = scan.answer(earlier, files) if isinstance(scan, StoreScan) else None
    if answer is not None:
        return answer, answer.status
    try:
        with watching(progress, plain(report.source.path), lambda: report.source.bytes) as watch:
            listen = scan.begin(files)
            scan.run(hint.watching(watch), printing_bad(report, listen) if verbose else listen)
    except KeyboardInterrupt:
        report.tally.complete, report.interrupted = False, True
        return report, INTERRUPTED
    return report, report.status
