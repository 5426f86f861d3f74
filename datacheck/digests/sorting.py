"""Sort rows of three numbers outside of memory: write sorted runs to a temporary file, then merge them piece by piece.

NumPy does the loop. A billion rows take 24 GB of disk, and some 100 MB of memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.files.retrying import pread
from datacheck.files.scratch import scratch_file, write_all

Rows = NDArray[np.uint64]
"""An array of shape (rows, 3)."""
WIDTH = 3
ROW_BYTES = 8 * WIDTH
RUN = 1 << 20
"""Number of rows that are sorted at once."""
MERGED = 1 << 20
"""Number of rows of all runs together that are held in memory while they are merged."""
LEAST = 1 << 10
"""Minimum number of rows of each run that are held while merging."""


class Sorter:
    """Accepts rows in any order and yields them sorted by their first, second and third number. A context manager."""

    def __init__(self) -> None:
        self._file = scratch_file()
        self._waiting: list[Rows] = []
        self._count = 0
        self._runs: list[tuple[int, int]] = []
        self.rows = 0

    def __enter__(self) -> Sorter:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def add(self, rows: Rows) -> None:
        """Add rows."""
        self._waiting.append(rows)
        self._count += len(rows)
        self.rows += len(rows)
        if self._count >= RUN:
            run = sort(np.concatenate(self._waiting))
            start = self._runs[-1][1] if self._runs else 0
            write_all(self._file, run.tobytes())
            self._runs.append((start, start + len(run)))
            self._waiting, self._count = [], 0

    def sorted(self) -> Iterator[Rows]:
        """Yield all rows in order, in pieces."""
        last = sort(np.concatenate(self._waiting)) if self._waiting else np.empty((0, WIDTH), np.uint64)
        self._waiting = []
        if not self._runs:
            if len(last):
                yield last
            return
        yield from self._merged(last)

    def _merged(self, last: Rows) -> Iterator[Rows]:
        share = max(LEAST, MERGED // len(self._runs))
        places = [start for start, _ in self._runs]
        heads = [self._read(at, share) for at in range(len(self._runs))]
        for at, head in enumerate(heads):
            places[at] += len(head)
        heads.append(last)
        while any(map(len, heads)):
            open_ends = [heads[at][-1] for at, (_, stop) in enumerate(self._runs) if places[at] < stop]
            bound = min(map(tuple, open_ends)) if open_ends else None
            pieces = []
            for at, head in enumerate(heads):
                count = len(head) if bound is None else up_to(head, bound)
                pieces.append(head[:count])
                heads[at] = head[count:]
                if at < len(self._runs) and not len(heads[at]) and places[at] < self._runs[at][1]:
                    heads[at] = self._read(at, share, places[at])
                    places[at] += len(heads[at])
            yield sort(np.concatenate(pieces))

    def _read(self, run: int, share: int, place: int | None = None) -> Rows:
        start, stop = self._runs[run]
        place = start if place is None else place
        raw = pread(self._file.fileno(), ROW_BYTES * min(share, stop - place), ROW_BYTES * place)
        return np.frombuffer(raw, np.uint64).reshape(-1, WIDTH)


def sort(rows: Rows) -> Rows:
    """Return rows sorted by all three numbers; the second and third are compared only if the first are equal."""
    ordered = rows[np.argsort(rows[:, 0])]
    same = ordered[1:, 0] == ordered[:-1, 0]
    if same.any():
        is_tied = np.concatenate(([False], same)) | np.concatenate((same, [False]))
        tied = ordered[is_tied]
        ordered[is_tied] = tied[np.lexsort((tied[:, 2], tied[:, 1], tied[:, 0]))]
    return ordered


def up_to(rows: Rows, bound: tuple[Any, ...]) -> int:
    """Return how many of some sorted rows do not exceed a bound."""
    low, high = 0, len(rows)
    for column in range(WIDTH):
        values = rows[low:high, column]
        low, high = (
            low + int(np.searchsorted(values, bound[column], "left")),
            low + int(np.searchsorted(values, bound[column], "right")),
        )
    return high
