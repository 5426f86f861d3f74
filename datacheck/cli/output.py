"""What the commands print: summaries, JSON, errors, the progress bar; and their exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from time import monotonic
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


LONG = 60.0
"""Seconds: of a scan that takes longer it is said at its start how to keep what it finds."""
SURE = 2.0
"""Seconds after which it can be told how long a scan will take."""


class ToKeep:
    """Says once, while a scan begins that will take long, that --report keeps all that it finds."""

    def __init__(self, say: Callable[[str], None], *, wanted: bool, clock: Callable[[], float] = monotonic) -> None:
        self._say, self._wanted, self._clock = say, wanted, clock

    def watching(self, progress: Callable[[int, int | None, int], None]) -> Callable[[int, int | None, int], None]:
        """Return a progress callable that tells another one, and says its sentence if it is due."""
        started = self._clock()

        def watch(done: int, total: int | None, bad: int) -> None:
            progress(done, total, bad)
            if self._wanted and done and total:
                passed = self._clock() - started
                if passed >= SURE:
                    self._tell(passed * total / done)

        return watch

    def _tell(self, seconds: float) -> None:
        """Say it where the scan takes so long; once it could be told, it is not asked again."""
        self._wanted = False
        if seconds > LONG:
            self._say(f"this will take about {duration(seconds)}; --report FILE keeps every finding")


def duration(seconds: float) -> str:
    """Return a time as a person reads it.

    >>> duration(75), duration(3 * 3600)
    ('1 minute', '3 hours')
    """
    number, unit = (round(seconds / 60), "minute") if seconds < 5400 else (round(seconds / 3600), "hour")
    return f"{number} {unit}" if number == 1 else f"{number:,} {unit}s"


def print_text(report: Report, written: Sequence[str], asked: Asked | None = None) -> None:
    """Print the summary, with all findings where no report has them and they are not too many, and what to run next."""
    from datacheck.reporting.advice import Asked, advice
    from datacheck.reporting.page import PAGE
    from datacheck.reporting.summary import text

    print(text(report, every=all(it.endswith(PAGE) for it in written)))
    what_next = advice(report, written, Asked() if asked is None else asked)
    if what_next:
        print(what_next)


def print_end(reports: Sequence[Report], failed: int) -> None:
    """Print what was not read in folders, and of several sources, of which some could not be opened, the totals."""
    from datacheck.reporting.several import not_read
    from datacheck.reporting.summary import totals

    for line in not_read(reports):
        print(line)
    if reports and len(reports) + failed > 1:
        print(totals(reports, failed))


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
