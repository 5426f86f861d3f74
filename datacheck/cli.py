"""The command line: arguments -> library call -> rendered report -> exit status.

Nothing but click is imported until a command runs, so that `datacheck --help` is quick.
"""

from __future__ import annotations

import signal
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datacheck import __version__
from datacheck.errors import DatacheckError, UsageError

if TYPE_CHECKING:
    from datacheck.report import Report
    from datacheck.settings import Settings

COULD_NOT_RUN = 2
INTERRUPTED = 130
WORST_FIRST = (COULD_NOT_RUN, 1, 3, 0)
"""Of several sources, the exit status is the first of these that one of them has."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = cli.main(args=None if argv is None else list(argv), prog_name="datacheck", standalone_mode=False)
    except click.exceptions.Abort:
        status = INTERRUPTED
    except click.ClickException as exc:
        exc.show()
        status = COULD_NOT_RUN
    except DatacheckError as exc:
        complain(exc)
        status = COULD_NOT_RUN
    except BrokenPipeError:
        status = _pipe_closed()
    sys.exit(status if isinstance(status, int) else 0)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _pipe_closed() -> int:
    """Whoever read standard output has left: say no more, and do not let the interpreter try at its end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return COULD_NOT_RUN


def complain(error: object) -> None:
    """Say one sentence on standard error."""
    from datacheck.model import plain

    print(f"datacheck: {plain(str(error))}", file=sys.stderr)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="datacheck %(version)s")
def cli() -> None:
    """Find the records that would poison a training run in LMDB, LevelDB and HDF5 datasets.

    The source is never written to. Exit status: 0 clean, 1 bad records, 2 could not run, 3 undecided, 130 interrupted.
    """


class Bound(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """LO:HI, either side of which may be empty, with a field name before it where that is allowed."""

    def __init__(self, name: str, *, field: bool = False, single: bool = False) -> None:
        self.name, self._field, self._single = name, field, single

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            value = str(value)
        field, equals, bounds = value.rpartition("=")
        low, colon, high = bounds.partition(":")
        try:
            if self._single and not colon:
                return int(bounds)
            pair = (float(low) if low else None, float(high) if high else None)
        except ValueError:
            colon = ""
        if not colon or (equals and not (self._field and field)):
            self.fail(f"{value!r} is not of the form {self.name}", param, ctx)
        return (field or None, pair) if self._field else pair


def _integers(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    try:
        return tuple(int(size) for size in str(value).split(","))
    except ValueError as exc:
        raise click.BadParameter(f"{value!r} is not of the form {param.metavar}", ctx, param) from exc


def _groups(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> list[list[str]]:
    return [value.split(",") for value in values]


def _configure(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    """Take the defaults of the options from a TOML file: datacheck.toml, or [tool.datacheck] of pyproject.toml."""
    candidates = [path] if path else [Path("datacheck.toml"), Path("pyproject.toml")]
    for file in candidates:
        if path is None and not file.is_file():
            continue
        try:
            content = tomllib.loads(file.read_text("utf-8"))
        except OSError as exc:
            raise UsageError(f"{file}: could not be read: {exc.strerror}") from exc
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
            raise UsageError(f"{file}: is not TOML: {exc}") from exc
        if file.name == "pyproject.toml":
            content = content.get("tool", {}).get("datacheck", {})
        if content or path:
            ctx.default_map = _defaults(ctx, file, content)
            return


def _defaults(ctx: click.Context, file: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration's settings by parameter name; the keys are the long options without their dashes."""
    options = {
        option.removeprefix("--"): param
        for param in ctx.command.params
        if isinstance(param, click.Option)
        for option in param.opts
        if option.startswith("--") and option != "--config"
    }
    for key, value in content.items():
        if key not in options:
            raise UsageError(f"{file}: {key!r} is no option of datacheck {ctx.info_name}")
        if options[key].multiple and not isinstance(value, list):
            content[key] = [value]
    return {options[key].name or key: value for key, value in content.items()}


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


class ScanCommand(click.Command):
    """`datacheck scan`, whose help ends with the manual of the checks."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from datacheck.validators import VALIDATORS

        with formatter.section("Checks"):
            formatter.write_dl([(name, (it.__doc__ or "").splitlines()[0]) for name, it in VALIDATORS.items()])


@cli.command(cls=ScanCommand)
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@click.option("--backend", metavar="lmdb|leveldb|hdf5", help="The store's kind, if it is not to be recognised.")
@click.option("--decoder", metavar="NAME", help="The payload's kind: picture, npy, datum, decimal, text.")
@click.option(
    "--range",
    "ranges",
    type=Bound("[FIELD=]LO:HI", field=True),
    multiple=True,
    metavar="[FIELD=]LO:HI",
    help="Values outside are bad; either side may be empty. Repeatable.",
)
@click.option(
    "--labels",
    type=Bound("N or LO:HI", single=True),
    metavar="N|LO:HI",
    help="Labels are integers 0 to N-1, or LO to HI.",
)
@click.option("--label-field", metavar="NAME", help="The HDF5 dataset that holds the labels.")
@click.option("--shape", callback=_integers, metavar="C,H,W", help="The shape every record must have.")
@click.option("--allow-nan", multiple=True, metavar="FIELD", help="NaN means 'missing' in this field. Repeatable.")
@click.option(
    "--together",
    callback=_groups,
    multiple=True,
    metavar="A,B",
    help="HDF5 datasets that must have the same number of rows. Repeatable.",
)
@click.option("--check", "checks", multiple=True, metavar="NAME", help="Run only this check. Repeatable.")
@click.option("--skip", multiple=True, metavar="NAME", help="Leave this check out. Repeatable.")
@click.option("--workers", type=int, metavar="N", help="Processes to use.  [default: the cores]")
@click.option("--sample", metavar="N|P%", help="Look at N records, or P percent of them: always the same ones.")
@click.option("--timeout", type=float, metavar="SECONDS", help="What one record may take.  [default: 10]")
@click.option("--max-bad", metavar="N|P%", help="Bad records that still count as clean.")
@click.option("--strict", is_flag=True, help="Suspicious records count as bad.")
@click.option(
    "--report", "reports", multiple=True, metavar="FILE", help="Write the report: .json, .jsonl or .csv. Repeatable."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="What standard output gets."
)
@click.option("--quiet", is_flag=True, help="Say nothing when all is clean.")
@click.option("--no-progress", is_flag=True, help="Draw no progress bar, even on a terminal.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    callback=_configure,
    is_eager=True,
    expose_value=False,
    metavar="FILE",
    help="Take options from here.  [default: datacheck.toml, or [tool.datacheck] in pyproject.toml]",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the report and exit.")
def scan(sources: Sequence[str], form: str, quiet: bool, no_progress: bool, schema: bool, **options: Any) -> int:
    """Check every record of each SOURCE: an LMDB environment, a LevelDB, an HDF5 file, a folder or a list of them."""
    if schema:
        return _print_schema()
    if not sources:
        raise click.UsageError("name at least one SOURCE to scan")
    from datacheck.reports import Reports, json_document

    reports = options.pop("reports")
    settings = _settings(options)
    done: list[Report] = []
    statuses = []
    with Reports(reports, sources) as files:
        for source in sources:
            report, status = _scan_one(source, settings, files.begin, progress=not no_progress)
            statuses.append(status)
            if report is not None:
                done.append(report)
                if form == "text" and not (quiet and report.clean):
                    _print_text(report, reports)
            if status == INTERRUPTED:
                break
    if form == "json" and done and not (quiet and all(report.clean for report in done)):
        for piece in json_document(done):
            print(piece, end="")
        print()
    return INTERRUPTED if INTERRUPTED in statuses else next(it for it in WORST_FIRST if it in statuses)


def _settings(options: dict[str, Any]) -> Settings:
    from datacheck.settings import make

    ranges = dict(options.pop("ranges"))
    checks = options.pop("checks")
    return make(range=ranges or None, checks=checks or None, **_given(options))


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _scan_one(
    source: str, settings: Settings, begin: Callable[[Report], Any], *, progress: bool
) -> tuple[Report | None, int]:
    """Scan one source; return its report, None where it could not be opened, and its exit status."""
    from datacheck.errors import SourceMissing, SourceUnknown, SourceUnreadable
    from datacheck.model import plain
    from datacheck.scanning import prepare, run

    try:
        reader, report = prepare(source, settings)
    except (SourceMissing, SourceUnknown, SourceUnreadable) as exc:
        complain(exc)
        return None, COULD_NOT_RUN
    try:
        with _watching(progress, plain(source)) as watch:
            run(report, reader, progress=watch, listen=begin(report))
    except KeyboardInterrupt:
        return report, INTERRUPTED
    return report, report.status


def _print_text(report: Report, written: Sequence[str]) -> None:
    from datacheck.reports import advice, text

    print(text(report))
    what_next = advice(report, written)
    if what_next:
        print(what_next)


def _print_schema() -> int:
    import json

    from datacheck.report import schema

    print(json.dumps(schema(), indent=2))
    return 0


@cli.command()
@click.argument("source")
@click.argument("key")
@click.option(
    "--save", type=click.Path(path_type=Path), metavar="FILE", help="Write the record's picture or array here."
)
@click.option("--backend", metavar="lmdb|leveldb|hdf5", help="The store's kind, if it is not to be recognised.")
@click.option("--decoder", metavar="NAME", help="The payload's kind, if it is not to be recognised.")
@click.option("--label-field", metavar="NAME", help="The HDF5 dataset that holds the labels.")
@click.option("--timeout", type=float, metavar="SECONDS", help="What reading the record may take.  [default: 10]")
def show(source: str, key: str, save: Path | None, **options: Any) -> int:
    """Show one record of SOURCE as datacheck sees it; KEY is written as in reports."""
    from datacheck.settings import make
    from datacheck.showing import look

    settings = make(workers=1, **_given(options))
    record = look(source, key, settings, save)
    print(record.text)
    return record.status


@cli.command()
@click.argument("directory", default="datacheck-demo", metavar="[DIR]", type=click.Path(path_type=Path))
def demo(directory: Path) -> int:
    """Make a small damaged dataset of each kind in DIR, scan them, and say what to do next."""
    from datacheck.demo import build, farewell
    from datacheck.scanning import scan as scan_library

    for path, planted in build(directory):
        print(f"$ datacheck scan {path}   # planted: {planted}")
        _print_text(scan_library(path), ())
        print()
    print(farewell(directory))
    return 0
