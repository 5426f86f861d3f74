"""The options that the commands of the command line share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, TypeVar

import click

from datacheck.cli.help import checks, codes, completing
from datacheck.cli.option_types import Bound, FromTable, Named

F = TypeVar("F", bound=Callable[..., Any])


def backends() -> Sequence[str]:
    """Return the names of the kinds of store."""
    from datacheck.backends import BACKENDS

    return list(BACKENDS)


def writable() -> Sequence[str]:
    """Return the names of the kinds of key-value store that a rebuild can write."""
    from datacheck.backends import writable

    return writable()


def decoders() -> Sequence[str]:
    """Return the names of the decoders of single values."""
    from datacheck.decoders import value_decoders

    return value_decoders()


def conventions() -> Sequence[str]:
    """Return the names of the conventions, and the one for none."""
    from datacheck.conventions import CONVENTIONS, NONE

    return [*CONVENTIONS, NONE]


def forks() -> Sequence[str]:
    """Return the names of the forks of Caffe that are known."""
    from datacheck.caffe.forks import fork_names

    return fork_names()


def report_suffixes() -> Sequence[str]:
    """Return the suffixes of report files."""
    from datacheck.reporting.files import REPORTS

    return list(REPORTS)


def log_suffixes() -> Sequence[str]:
    """Return the suffixes of a log's report files; those of files with the series come last, and say so."""
    from datacheck.logs.table import LOG_REPORTS
    from datacheck.reporting.files import REPORTS

    series = {suffix for suffix, sink in LOG_REPORTS.items() if REPORTS.get(suffix) is not sink}
    plain = [suffix for suffix in LOG_REPORTS if suffix not in series]
    return [*plain, *(f"of the series, {suffix}" for suffix in LOG_REPORTS if suffix in series)]


BACKEND_OPTION = click.option(
    "--backend",
    cls=FromTable,
    rows=backends,
    metavar="{a|b}",
    help="Store type.  [default: detected from the files]",
)
REPORT_OPTION = click.option(
    "-o",
    "--report",
    "reports",
    type=Named(str),
    cls=FromTable,
    rows=report_suffixes,
    multiple=True,
    metavar="FILE",
    help="Write the report: {a or b}. Repeatable.",
)


def integers(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Return the sizes of a shape that is given with commas, or None if none is given."""
    if value is None:
        return None
    try:
        return tuple(int(size) for size in str(value).split(","))
    except ValueError as exc:
        raise click.BadParameter(f"{value!r} is not of the form {param.metavar}", ctx, param) from exc


def _groups(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> list[list[str]]:
    return [value.split(",") for value in values]


class Found(Enum):
    """How an option is treated in a configuration that was found, not named, and may have come with a dataset."""

    OBEYED = "it says what the data should look like, or how the result is shown"
    OBEYED_OF_STORES = "obeyed; with a network, which says the same itself, it is named as one that judges less"
    NAMED = "it judges less, or something else: obeyed, and named wherever the result is shown"
    REFUSED = "it names what to scan, a path to write or a host, or says what is done to files"


FOUND = {
    **dict.fromkeys(("range", "together", "convention", "like", "duplicates", "near"), Found.OBEYED),
    **dict.fromkeys(
        ("strict", "strict-pictures", "stats", "workers", "format", "no-progress", "verbose", "picture"), Found.OBEYED
    ),
    **dict.fromkeys(("labels", "shape", "batch-size"), Found.OBEYED_OF_STORES),
    **dict.fromkeys(("skip", "check", "allow-nan", "sample", "max-time", "max-bad", "ignore", "known"), Found.NAMED),
    **dict.fromkeys(("label-field", "array", "like-tolerance"), Found.NAMED),
    **dict.fromkeys(
        ("backend", "decoder", "timeout", "quiet", "phase", "stage", "root", "iterations", "fork"), Found.NAMED
    ),
    **dict.fromkeys(("report", "save", "field", "quarantine", "schedule", "plot", "to", "checksums"), Found.REFUSED),
    **dict.fromkeys(("force", "drop", "drop-bad", "keep", "fill", "accept-losses", "dry-run"), Found.REFUSED),
    **dict.fromkeys(("keep-numbers", "renumber", "drop-rows", "paired"), Found.REFUSED),
    **dict.fromkeys(("from-report", "if-changed", "resume", "engine", "scheduler", "net", "schema"), Found.REFUSED),
    **dict.fromkeys(("config", "no-config", "bad", "out"), Found.REFUSED),
}
"""Every option of every command, by its long name; one that is not here is refused.

`workers` is limited to the number of cores. `strict = false` is only the default. `label-field` takes the bounds of
labels away from the field that would have them, and the checks of values away from another field. `array`, like
`decoder`, judges values that would be undecided. `range` and `together` can only add findings, and a `shape` that most
records do not have makes most records bad.
"""
FOUND_VALUES = {"format": ("text", "json")}
"""The only values of these options that a found configuration may set; others are refused."""
AS_IF_UNSET = {"max-bad": ("0", "0%"), "sample": ("100%",), "labels": (":",)}
"""Values that judge no less than leaving out the option, apart from false and the empty list."""


def _allows_negative(labels: object) -> bool:
    return str(labels).partition(":")[0].strip() in ("", "-inf") or str(labels).lstrip().startswith("-")


def _is_none(convention: object) -> bool:
    return "none" in (convention if isinstance(convention, list) else [convention])


JUDGES_LESS: dict[str, Callable[[object], bool]] = {"labels": _allows_negative, "convention": _is_none}
"""Tests for the values of these options that judge less: they are named (Found.NAMED), whatever FOUND says.

A negative label of a Datum is suspicious unless bounds allow it. Without conventions, no record is checked against one.
"""


QUIET_OPTION = click.option("-q", "--quiet", is_flag=True, help="Say nothing when all is clean.")
FORMAT_OPTION = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="What standard output gets."
)
REPORT_FORMAT_OPTION = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="What standard output gets: github adds annotations, ten of each kind.",
)
DECODER_OPTION = click.option(
    "--decoder",
    cls=FromTable,
    rows=decoders,
    multiple=True,
    metavar="[FAMILY=]NAME",
    help="Payload type, of all keys or of one family. Repeatable.  [default: detected]",
)
ARRAY_OPTION = click.option(
    "--array",
    multiple=True,
    metavar="[FAMILY=]DTYPE[:SHAPE]",
    help="Values are raw arrays of this dtype, such as f4:3,64,64, >u2 or bf16. Repeatable.",
)
LABEL_FIELD_OPTION = click.option(
    "--label-field",
    metavar="NAME",
    help="What holds the labels: an HDF5 dataset, or a part of pickles, JSON or msgpack.",
)
TOGETHER_OPTION = click.option(
    "--together",
    callback=_groups,
    multiple=True,
    metavar="A,B",
    help="HDF5 datasets that must have the same number of rows. Repeatable.",
)
CONVENTION_OPTION = click.option(
    "--convention",
    cls=FromTable,
    rows=conventions,
    multiple=True,
    metavar="NAME",
    help="How the store counts and lists its records. Repeatable.  [default: detected]",
)
TIMEOUT_OPTION = click.option(
    "--timeout",
    type=float,
    metavar="SECONDS",
    help="Give up on a record after SECONDS of processor time.  [default: 10]",
)
WORKERS_OPTION = click.option("-j", "--workers", type=int, metavar="N", help="Processes to use.  [default: the cores]")
STRICT_OPTION = click.option("--strict", is_flag=True, help="Suspicious records count as bad.")
IGNORE_OPTION = click.option(
    "--ignore",
    multiple=True,
    metavar="CODE[:FAMILY]",
    shell_complete=completing(codes),
    help="Findings that do not count, by code. Repeatable.",
)
SCAN_OPTIONS = (
    BACKEND_OPTION,
    DECODER_OPTION,
    ARRAY_OPTION,
    click.option(
        "--range",
        "ranges",
        type=Bound("[FIELD=]LO:HI", field=True),
        multiple=True,
        metavar="[FIELD=]LO:HI",
        help="Values outside are bad. Either side may be empty. Repeatable.",
    ),
    click.option(
        "--labels",
        type=Bound("N or LO:HI", single=True),
        metavar="N|LO:HI",
        help="Labels are integers 0 to N-1, or LO to HI.",
    ),
    LABEL_FIELD_OPTION,
    click.option("--shape", callback=integers, metavar="C,H,W", help="The shape every record must have."),
    click.option("--allow-nan", multiple=True, metavar="FIELD", help="NaN means 'missing' in this field. Repeatable."),
    TOGETHER_OPTION,
    CONVENTION_OPTION,
    click.option(
        "--like", type=Named(str), metavar="REPORT", help="Expect the records to be like those of this report."
    ),
    click.option(
        "--like-tolerance", metavar="P%", help="Widen the ranges that --like gives by this share.  [default: 10%]"
    ),
    click.option("--paired", is_flag=True, help="All SOURCEs hold the same keys, and pictures of one scale."),
    click.option(
        "--check",
        "checks",
        cls=FromTable,
        rows=checks,
        multiple=True,
        metavar="NAME",
        help="Run only this check: {a, b}. Repeatable.",
    ),
    click.option(
        "--skip",
        multiple=True,
        metavar="NAME",
        shell_complete=completing(checks),
        help="Leave this check out. Repeatable.",
    ),
    WORKERS_OPTION,
    click.option(
        "--sample",
        metavar="N|P%|1/N:K",
        help="Check only N records or P percent, always the same ones; or the Kth of N parts.",
    ),
    click.option(
        "--stats",
        is_flag=True,
        help="Take mean and standard deviation, and look at every pixel.  [default: for up to 4 MiB]",
    ),
    TIMEOUT_OPTION,
    click.option("--max-bad", metavar="N|P%", help="Bad records that still count as clean."),
    click.option(
        "--strict-pictures",
        is_flag=True,
        help="Check the data of JPEGs bit by bit, however few, and report oddities too.",
    ),
    STRICT_OPTION,
    IGNORE_OPTION,
)
"""The options of a scan; a rebuild, which begins with one, has them too."""


SHARED = (
    *("backend", "decoder", "array", "ranges", "labels", "label_field", "shape", "allow_nan", "together", "checks"),
    *("like", "like_tolerance", "skip", "sample", "timeout", "max_bad", "strict", "strict_pictures", "ignore"),
)
"""The parameters of SCAN_OPTIONS that change what is found or what counts. Suggested commands repeat them."""


INFO_OPTIONS = (
    *(BACKEND_OPTION, DECODER_OPTION, ARRAY_OPTION, LABEL_FIELD_OPTION, TOGETHER_OPTION, CONVENTION_OPTION),
    TIMEOUT_OPTION,
)
"""The options that say how a store is read; the others of a scan say what is right in it."""


def info_options(command: F) -> F:
    """Give a command the options that say how a store is read."""
    for option in reversed(INFO_OPTIONS):
        command = option(command)
    return command


def scan_options(command: F) -> F:
    """Give a command the options of a scan."""
    for option in reversed(SCAN_OPTIONS):
        command = option(command)
    return command
