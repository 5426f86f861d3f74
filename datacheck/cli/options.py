"""The options that the commands of the command line share, and the types of their values."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from datacheck.cli.help import checks, codes, completing

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])


_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


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

    def spelled(self, value: Any) -> str:
        """Return a value as the command line spells it, so that `convert` would make it again."""
        from datacheck.model.settings import Bounds
        from datacheck.reporting.advice import spelled_bounds

        field, bounds = value if self._field else (None, value)
        said = str(bounds) if isinstance(bounds, int) else spelled_bounds(Bounds(*bounds))
        return said if field is None else f"{field}={said}"


class Named(click.Path):
    """A path with a name; an empty one, as an unset variable of a shell gives it, is not the working directory."""

    def __init__(self, path_type: type[Path] | type[str] = Path) -> None:
        super().__init__(path_type=path_type)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not os.fspath(value):
            self.fail("the name is empty", param, ctx)
        if _URL.match(os.fspath(value)):
            self.fail(f"{os.fspath(value)} is a URL; name a path on this machine", param, ctx)
        return super().convert(value, param, ctx)


class FromTable(click.Option):
    """An option whose help names the rows of a table, which is imported when the help is shown, and not before.

    In the help and the metavar, "{a|b}" stands for all rows, as do "{a, b}", "{a or b}" and "{a or, b}".
    """

    def __init__(self, declarations: Sequence[str], *, rows: Callable[[], Sequence[str]], **attributes: Any) -> None:
        super().__init__(declarations, **attributes)
        self._rows = rows

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a word to the name of a row; a value that is a path is the shell's to complete."""
        if isinstance(self.type, click.Path):
            return super().shell_complete(ctx, incomplete)
        return completing(self._rows)(ctx, self, incomplete)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        rows = self._rows()
        self.help = _spelled(self.help, rows)
        self.metavar = _spelled(self.metavar, rows)
        return super().get_help_record(ctx)


def _spelled(text: str | None, rows: Sequence[str]) -> str | None:
    """Return a text with the names of rows in the places that are left for them."""
    if text is None:
        return None
    others, last = ", ".join(rows[:-1]), rows[-1]
    spellings = {
        "{a|b}": "|".join(rows),
        "{a, b}": ", ".join(rows),
        "{a or b}": f"{others} or {last}" if others else last,
        "{a or, b}": f"{others} or, {last}" if others else last,
    }
    for place, words in spellings.items():
        text = text.replace(place, words)
    return text


class RowName(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """The name of a row of a table, which is imported when a value is given or the help is shown."""

    name = "choice"

    def __init__(self, rows: Callable[[], Sequence[str]]) -> None:
        self._rows = rows

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return f"[{'|'.join(self._rows())}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        rows = self._rows()
        if value not in rows:
            self.fail(f"{value!r} is not one of {', '.join(map(repr, rows))}.", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete a word to the name of a row."""
        return completing(self._rows)(ctx, param, incomplete)


def backends() -> Sequence[str]:
    """Return the kinds of store by name."""
    from datacheck.backends import BACKENDS

    return list(BACKENDS)


def writable() -> Sequence[str]:
    """Return the kinds of key-value store that a rebuild can write."""
    from datacheck.backends import writable

    return writable()


def decoders() -> Sequence[str]:
    """Return the decoders of single values."""
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
    """Return what the names of report files end in."""
    from datacheck.reporting.files import REPORTS

    return list(REPORTS)


def log_suffixes() -> Sequence[str]:
    """Return what the names of a log's report files end in, those behind the others that have the series."""
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
    """Return the sizes of a shape that stand between commas."""
    if value is None:
        return None
    try:
        return tuple(int(size) for size in str(value).split(","))
    except ValueError as exc:
        raise click.BadParameter(f"{value!r} is not of the form {param.metavar}", ctx, param) from exc


def _groups(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> list[list[str]]:
    return [value.split(",") for value in values]


class Found(Enum):
    """What becomes of an option in a configuration that was found, not named: it may have come with a dataset."""

    OBEYED = "it says what the data should look like, or how the result is shown"
    OBEYED_OF_STORES = "obeyed; with a network, which says the same itself, it is named as one that judges less"
    NAMED = "it judges less, or something else: obeyed, and named wherever the result is shown"
    REFUSED = "it names what to scan, a path to write or a host, or says what is done to files"


FOUND = {
    **dict.fromkeys(("range", "together", "convention", "like"), Found.OBEYED),
    **dict.fromkeys(("strict", "stats", "workers", "format", "no-progress", "verbose", "picture"), Found.OBEYED),
    **dict.fromkeys(("labels", "shape", "batch-size"), Found.OBEYED_OF_STORES),
    **dict.fromkeys(("skip", "check", "allow-nan", "sample", "max-time", "max-bad", "ignore", "known"), Found.NAMED),
    **dict.fromkeys(("label-field", "array"), Found.NAMED),
    **dict.fromkeys(
        ("backend", "decoder", "timeout", "quiet", "phase", "stage", "root", "iterations", "fork"), Found.NAMED
    ),
    **dict.fromkeys(("report", "save", "field", "quarantine", "schedule", "plot", "to", "checksums"), Found.REFUSED),
    **dict.fromkeys(("force", "drop", "drop-bad", "keep", "fill", "accept-losses", "dry-run"), Found.REFUSED),
    **dict.fromkeys(("keep-numbers", "renumber", "drop-rows", "paired"), Found.REFUSED),
    **dict.fromkeys(("from-report", "resume", "engine", "scheduler", "net", "schema"), Found.REFUSED),
    **dict.fromkeys(("config", "no-config", "bad"), Found.REFUSED),
}
"""Every option of every command, by its long name; one that is not here is refused.

`workers` is at most the number of cores. `strict = false` is no more than the default.
`label-field` takes the bounds of labels away from the field that would have them, and the checks of values away from
another; `array`, like `decoder`, judges what would be undecided. `range` and `together` can only find more, and a
`shape` that is not the one most records have finds most records bad.
"""
FOUND_VALUES = {"format": ("text", "json")}
"""Of these options only these values are obeyed; others are refused."""
AS_IF_UNSET = {"max-bad": ("0", "0%"), "sample": ("100%",), "labels": (":",)}
"""Values that judge no less than leaving the option away, beside false and the empty list."""


def _allows_negative(labels: object) -> bool:
    return str(labels).partition(":")[0].strip() in ("", "-inf") or str(labels).lstrip().startswith("-")


def _is_none(convention: object) -> bool:
    return "none" in (convention if isinstance(convention, list) else [convention])


JUDGES_LESS: dict[str, Callable[[object], bool]] = {"labels": _allows_negative, "convention": _is_none}
"""Of these options the values for which this holds are named although the option is only obeyed.

A negative label of a Datum is suspicious, unless bounds allow it. Without conventions nothing is held against them.
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
    help="Payload type, of all keys or of one family: {a, b}. Repeatable.  [default: detected]",
)
ARRAY_OPTION = click.option(
    "--array",
    multiple=True,
    metavar="[FAMILY=]DTYPE[:SHAPE]",
    help="Values are raw arrays of this dtype, as f4:3,64,64, >u2 or bf16. Repeatable.",
)
LABEL_FIELD_OPTION = click.option("--label-field", metavar="NAME", help="The HDF5 dataset that holds the labels.")
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
    help="What the store keeps beside its records, if not recognised: {a, b}. Repeatable.",
)
TIMEOUT_OPTION = click.option(
    "--timeout",
    type=float,
    metavar="SECONDS",
    help="Give up on a record after SECONDS of processor time.  [default: 10]",
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
    click.option("--paired", is_flag=True, help="All SOURCEs hold the same keys, and pictures of one scale."),
    click.option(
        "--check",
        "checks",
        multiple=True,
        metavar="NAME",
        shell_complete=completing(checks),
        help="Run only this check. Repeatable.",
    ),
    click.option(
        "--skip",
        multiple=True,
        metavar="NAME",
        shell_complete=completing(checks),
        help="Leave this check out. Repeatable.",
    ),
    click.option("-j", "--workers", type=int, metavar="N", help="Processes to use.  [default: the cores]"),
    click.option(
        "--sample",
        metavar="N|P%|1/N:K",
        help="Look at N records, or P percent of them: always the same ones. Or at the Kth of N parts.",
    ),
    click.option(
        "--stats",
        is_flag=True,
        help="Take mean and standard deviation, and look at every pixel.  [default: for up to 4 MiB]",
    ),
    TIMEOUT_OPTION,
    click.option("--max-bad", metavar="N|P%", help="Bad records that still count as clean."),
    click.option("--strict", is_flag=True, help="Suspicious records count as bad."),
    click.option(
        "--ignore",
        multiple=True,
        metavar="CODE[:FAMILY]",
        shell_complete=completing(codes),
        help="Findings that do not count, by code. Repeatable.",
    ),
)
"""What a scan is asked to do; a rebuild begins with a scan."""


SHARED = (
    *("backend", "decoder", "array", "ranges", "labels", "label_field", "shape", "allow_nan", "together", "checks"),
    *("skip", "sample", "timeout", "max_bad", "strict", "ignore"),
)
"""The parameters of these that change what is found, or what counts: a printed command repeats them."""


INFO_OPTIONS = (
    *(BACKEND_OPTION, DECODER_OPTION, ARRAY_OPTION, LABEL_FIELD_OPTION, TOGETHER_OPTION, CONVENTION_OPTION),
    TIMEOUT_OPTION,
)
"""What says how a store is to be read; the others say what is right in it."""


def info_options(command: F) -> F:
    """Give a command the options that say how a store is to be read."""
    for option in reversed(INFO_OPTIONS):
        command = option(command)
    return command


def scan_options(command: F) -> F:
    """Give a command the options of a scan."""
    for option in reversed(SCAN_OPTIONS):
        command = option(command)
    return command
