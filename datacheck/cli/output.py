"""What the commands print: summaries, JSON, errors, the progress bar; and their exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from datacheck.cli import streams
from datacheck.cli.streams import COULD_NOT_RUN

if TYPE_CHECKING:
    from datacheck.reporting.advice import Asked
    from datacheck.reporting.report import Report


INTERRUPTED = 130
WORST_FIRST = (COULD_NOT_RUN, 1, 3, 0)
"""Of several sources, the exit status is the first of these that one of them has."""


def complain(error: object) -> None:
    """Say one sentence on standard error."""
    from datacheck.model.escaping import plain

    streams.complain(plain(str(error)))


@contextmanager
def watching(wanted: bool, name: str) -> Iterator[Callable[[int, int | None, int], None]]:
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


def print_text(report: Report, written: Sequence[str], asked: Asked | None = None) -> None:
    """Print the summary, with all findings where no report has them and they are not too many, and what to run next."""
    from datacheck.reporting.advice import Asked, advice
    from datacheck.reporting.summary import text

    print(text(report, every=not written))
    what_next = advice(report, written, Asked() if asked is None else asked)
    if what_next:
        print(what_next)


@contextmanager
def watching_phases(wanted: bool) -> Iterator[Callable[[str, int, int | None, int], None]]:
    """Yield a progress callable that draws one bar for each phase."""
    with ExitStack() as stack:
        bars: dict[str, Callable[[int, int | None, int], None]] = {}

        def show(phase: str, done: int, total: int | None, bad: int) -> None:
            if phase not in bars:
                stack.close()
                bars[phase] = stack.enter_context(watching(wanted, phase))
            bars[phase](done, total, bad)

        yield show


def print_json(reports: Sequence[Report], *, quiet: bool) -> None:
    from datacheck.reporting.files import json_document

    if reports and not (quiet and all(report.clean for report in reports)):
        for piece in json_document(reports):
            print(piece, end="")
        print()
