"""Print the output of the commands: summaries, JSON, errors, the progress bar. Define their exit statuses."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from datacheck.cli import streams
from datacheck.cli.streams import COULD_NOT_RUN

if TYPE_CHECKING:
    from datacheck.model.finding import Finding
    from datacheck.reporting.advice import Asked
    from datacheck.reporting.report import Report
    from datacheck.reporting.source import NotScanned


INTERRUPTED = 130
WORST_FIRST = (COULD_NOT_RUN, 1, 3, 0)
"""Exit statuses from worst to best. The status for several sources is the worst that one of them has."""


def complain(error: object) -> None:
    """Print one sentence on standard error."""
    from datacheck.model.escaping import plain

    streams.complain(plain(str(error)))


@contextmanager
def watching(
    wanted: bool, name: str, size: Callable[[], int | None] = lambda: None
) -> Iterator[Callable[[int, int | None, int], None]]:
    """Yield a progress callable that draws a bar on standard error, if that is a terminal.

    `size` returns the size of the source in bytes, or None while it is not known.
    """
    if not wanted or not sys.stderr.isatty():
        yield lambda done, total, bad: None
        return
    from datacheck.reporting.progress import bar

    with bar(name, size) as draw:
        yield draw


@contextmanager
def searching(wanted: bool, folder: str) -> Iterator[Callable[[int], None]]:
    """Yield a callable that draws how many entries of a folder were searched, on standard error if it is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield lambda count: None
        return
    from datacheck.model.escaping import plain
    from datacheck.reporting.progress import entry_counter

    with entry_counter(f"searching {plain(folder)}") as draw:
        yield draw


def columns() -> int | None:
    """Return the width of the terminal that standard output goes to, at least 40, or None if it is no terminal."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return max(40, shutil.get_terminal_size().columns)


def in_colour() -> bool:
    """Return whether standard output gets colours: on a terminal, unless NO_COLOR says no or FORCE_COLOR yes."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") != "0":
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


COLOURS = {"bad": "red", "suspicious": "yellow", "unverifiable": "magenta"}
STATES = {"clean": "green", "NOT CLEAN": "red", "UNDECIDED": "magenta", "INTERRUPTED": "yellow"}


def coloured(text: str) -> str:
    """Return a summary with its verdict, and the verdicts of the codes, in colour if colours are wanted.

    Only datacheck's own words at the beginning of lines are coloured, so that neither a key nor the path in the first
    line can pass for a verdict.
    """
    if not in_colour():
        return text
    import re

    import click

    text = re.sub(
        rf"(?<=\n)({'|'.join(STATES)})(?=:| after )",
        lambda match: click.style(match[1], fg=STATES[match[1]], bold=True),
        text,
    )
    return re.sub(
        rf"(?<=\n)(  [a-z][a-z0-9-]* \(({'|'.join(COLOURS)})\))(?=:)",
        lambda match: click.style(match[1], fg=COLOURS[match[2]]),
        text,
    )


def paragraph(text: str, indent: int = 0) -> str:
    """Return a text wrapped at the width of the terminal, with further lines indented; in a pipe, unchanged."""
    width = columns()
    if width is None:
        return text
    import textwrap

    return textwrap.fill(text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def printing_bad(
    report: Report, listen: Callable[[Collection[Finding]], None]
) -> Callable[[Collection[Finding]], None]:
    """Return a function that passes findings on to `listen`, and prints those that count as bad on standard error.

    They are printed above the progress bar if there is one.
    """
    from datacheck.model.escaping import plain
    from datacheck.reporting.ci.bounded import ERROR, level_of, one_line
    from datacheck.reporting.progress import write_above

    def listen_and_print(findings: Collection[Finding]) -> None:
        listen(findings)
        for it in findings:
            if level_of(report, it) == ERROR:
                write_above(plain(f"{it.code}: {one_line(it)}"))

    return listen_and_print


LONG = 60.0
"""Duration, in seconds, above which a scan says at its start how to keep what it finds."""
SURE = 2.0
"""Seconds of scanning after which the duration of a scan can be estimated."""


class KeepHint:
    """A hint that --report keeps every finding, printed once at the start of a scan that will take long."""

    def __init__(self, say: Callable[[str], None], *, wanted: bool, clock: Callable[[], float] = monotonic) -> None:
        self._say, self._wanted, self._clock = say, wanted, clock

    def watching(self, progress: Callable[[int, int | None, int], None]) -> Callable[[int, int | None, int], None]:
        """Return a progress callable that calls another one, and prints the hint if it is due."""
        first: tuple[float, int] | None = None  # starting up takes the same time for few records and for many

        def watch(done: int, total: int | None, bad: int) -> None:
            nonlocal first
            progress(done, total, bad)
            if not (self._wanted and done and total):
                return
            if first is None:
                first = self._clock(), done
            elif done > first[1] and (passed := self._clock() - first[0]) >= SURE:
                self._print_if_long(passed * (total - first[1]) / (done - first[1]))

        return watch

    def _print_if_long(self, seconds: float) -> None:
        """Print the hint if the scan will take longer than LONG. Either way, there is no second estimate."""
        self._wanted = False
        if seconds > LONG:
            self._say(f"this will take about {duration(seconds)}; --report FILE keeps every finding")


def duration(seconds: float) -> str:
    """Return a duration in words: in minutes, or in hours from 90 minutes on.

    >>> duration(75), duration(3 * 3600)
    ('1 minute', '3 hours')
    """
    number, unit = (round(seconds / 60), "minute") if seconds < 5400 else (round(seconds / 3600), "hour")
    return f"{number} {unit}" if number == 1 else f"{number:,} {unit}s"


def print_text(report: Report, written: Sequence[str], asked: Asked | None = None, form: str = "text") -> None:
    """Print the summary and what to run next; list all findings if no report has them and they are not too many."""
    from datacheck.reporting.advice import Asked, advice
    from datacheck.reporting.ci.bounded import BOUNDED
    from datacheck.reporting.page import PAGE
    from datacheck.reporting.summary import text

    written = [it for it in written if not it.endswith(tuple(BOUNDED))]
    what_next = advice(report, written, Asked() if asked is None else asked)
    every = all(it.endswith(PAGE) for it in written)
    print_summary("\n".join(filter(None, [text(report, every=every, width=columns()), what_next])), form)


def print_end(reports: Sequence[Report], failed: int) -> None:
    """Print what was not read in folders, and the totals of several sources; `failed` of them could not be opened."""
    from datacheck.reporting.several import not_read
    from datacheck.reporting.summary import totals

    for line in not_read(reports):
        print(line)
    if reports and len(reports) + failed > 1:
        print(totals(reports, failed))


def watching_phases(wanted: bool) -> AbstractContextManager[Callable[[str, int, int | None, int], None]]:
    """Return a progress callable that draws one bar for each phase on standard error, if that is a terminal."""
    from datacheck.reporting.progress import bars

    return bars(lambda phase: watching(wanted, phase))


def print_summary(text: str, form: str = "text") -> None:
    """Print a text. If GitHub's runner reads it, prevent it from taking a line for a command."""
    if form == "github" or (os.environ.get("GITHUB_ACTIONS") and any(map(_is_command, text.splitlines()))):
        from datacheck.reporting.ci.annotations import quiet

        text = "\n".join(quiet(text))
    print(coloured(text))


def _is_command(line: str) -> bool:
    """Return whether GitHub's runner would take a line for a command; a key may begin like one."""
    return line.lstrip().startswith(("::", "##["))


def print_annotations(reports: Sequence[Report], form: str, not_scanned: Sequence[NotScanned] = ()) -> None:
    """Print the commands from which GitHub's runner makes annotations, if the format is "github"."""
    if form == "github":
        from datacheck.reporting.ci.annotations import commands

        for line in commands(reports, not_scanned):
            print(line)


def print_json(reports: Sequence[Report], not_scanned: Sequence[NotScanned] = (), *, quiet: bool) -> None:
    """Print the JSON document of some reports, unless there are none, or all is clean and that is to be silent."""
    from datacheck.reporting.json_files import json_document

    if reports and not (quiet and not not_scanned and all(report.clean for report in reports)):
        for piece in json_document(reports, not_scanned):
            print(piece, end="")
        print()
