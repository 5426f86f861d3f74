"""Progress bars on standard error for a scan or a rebuild: records and bytes per second, bad records, time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

Draw = Callable[[int, int | None, int], None]


@contextmanager
def bar(name: str, size: Callable[[], int | None]) -> Iterator[Draw]:
    """Yield a function that draws the bar, called with records done, all records (None if unknown) and bad records.

    `size` returns the size of the whole source in bytes, or None if it is unknown: bytes are counted as if all records
    were of equal size. The bar is removed at the end.
    """
    from tqdm import tqdm

    with tqdm(desc=name, unit=" records", unit_scale=True, leave=False, file=sys.stderr, dynamic_ncols=True) as drawn:

        def draw(done: int, total: int | None, bad: int) -> None:
            drawn.total = total
            postfix = [
                _bytes_a_second(done, total, size(), drawn.format_dict["elapsed"]),
                f"{bad:,} bad" if bad else "",
            ]
            drawn.set_postfix_str(", ".join(filter(None, postfix)), refresh=False)
            drawn.update(done - drawn.n)

        yield draw


SHORT = 1.0
"""Seconds after which a count is drawn; most searches are over by then."""


@contextmanager
def entry_counter(name: str) -> Iterator[Callable[[int], None]]:
    """Yield a function that draws a number of entries, given that number. The line is removed at the end."""
    from tqdm import tqdm

    with tqdm(
        desc=name, unit=" entries", unit_scale=True, leave=False, file=sys.stderr, dynamic_ncols=True, delay=SHORT
    ) as drawn:
        yield lambda count: drawn.update(count - drawn.n)


@contextmanager
def bars(
    start: Callable[[str], AbstractContextManager[Draw]],
) -> Iterator[Callable[[str, int, int | None, int], None]]:
    """Yield a function that draws one bar for each phase, made by `start`; the bar of the previous phase is removed."""
    with ExitStack() as stack:
        begun: dict[str, Draw] = {}

        def show(phase: str, done: int, total: int | None, bad: int) -> None:
            if phase not in begun:
                stack.close()
                begun[phase] = stack.enter_context(start(phase))
            begun[phase](done, total, bad)

        yield show


def write_above(line: str) -> None:
    """Write a line on standard error, above the bar if there is one."""
    module = sys.modules.get("tqdm")
    if module is not None:
        module.tqdm.write(line, file=sys.stderr)
    else:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _bytes_a_second(done: int, total: int | None, size: int | None, seconds: float) -> str:
    """Return how many bytes of the source are read per second, as text; empty if that is unknown.

    >>> _bytes_a_second(10, 40, 2_000_000_000, 2.0)
    '250.0 MB/s'
    """
    if not size or not total or not done or seconds <= 0:
        return ""
    from datacheck.reporting.summary import amount

    return f"{amount(int(size * min(1.0, done / total) / seconds))}/s"
