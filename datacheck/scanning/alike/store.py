"""Collect the digests of a store's records, which are passed on to be sorted, and the names of its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from datacheck.digests.hashing import SIZE
from datacheck.digests.sorting import Rows, Sorter
from datacheck.model.finding import Finding
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.scanning.alike.collecting import Chunk, Collect, Taken
from datacheck.scanning.alike.looking import Values
from datacheck.scanning.alike.names import KeyLog
from datacheck.scanning.alike.places import PLACE_BITS


class Compared:
    """A store whose records are compared alongside its scan. A context manager."""

    def __init__(self, number: int, sorter: Sorter, beside: Collect) -> None:
        self.number = number
        self.names = KeyLog()
        self.left_out: Counter[str] = Counter()
        self.compared = 0
        self.indexed = True
        self.beside = beside
        self.values: dict[str, Values] = {}
        self.places: list[NDArray[np.uint64]] = []
        self.prints: list[NDArray[np.uint8]] = []
        self._sorter = sorter
        self._records = 0

    def __enter__(self) -> Compared:
        return self

    def __exit__(self, *exc: object) -> None:
        self.names.__exit__(*exc)

    def collect(self, tally: Tally) -> None:
        """Take the result of the next check, in the order of the records."""
        result: Taken | None = tally.made
        self.indexed &= tally.complete
        first = self._records
        for chunk in () if result is None else result.chunks:
            self.names.add(first, chunk)
            self._sorter.add(self._rows(first, chunk))
            first += chunk.count
        if result is not None:
            self.left_out.update(result.left_out)
            self._look(result)
        self._records += tally.records

    def _look(self, result: Taken) -> None:
        for name, values in result.values.items():
            if name in self.values:
                self.values[name] += values
            else:
                self.values[name] = values
        if result.prints is not None:
            self.places.append(result.places.astype(np.uint64) + np.uint64(self._records | self.number << PLACE_BITS))
            self.prints.append(result.prints)

    def _rows(self, first: int, chunk: Chunk) -> Rows:
        places = np.arange(first, first + chunk.count, dtype=np.uint64)
        if chunk.rows is not None:
            places = places[np.frombuffer(chunk.rows, "<u4")]
        self.compared += len(places)
        rows = np.empty((len(places), 3), np.uint64)
        rows[:, :2] = np.frombuffer(chunk.digests, ">u8").reshape(-1, 2)
        rows[:, 2] = places | np.uint64(self.number << PLACE_BITS)
        return rows

    def conclude(self, report: Report) -> Iterator[Finding]:
        """Yield no findings yet: the comparison waits for the other stores."""
        yield from ()

    def index(self, place: int) -> int | None:
        """Return the index of the record at a place, or None if it is not known."""
        return place if self.indexed else None


def is_sound(chunk: Chunk) -> bool:
    """Return whether the keys, rows and digests of a chunk that was read back fit its number of records."""
    compared = chunk.count
    if chunk.rows is not None:
        if len(chunk.rows) % 4:
            return False
        rows = np.frombuffer(chunk.rows, "<u4")
        compared = len(rows)
        if compared and int(rows.max()) >= chunk.count:
            return False
    if isinstance(chunk.lengths, int):
        keys = chunk.lengths * chunk.count
    elif len(chunk.lengths) != 4 * chunk.count:
        return False
    else:
        keys = int(np.frombuffer(chunk.lengths, "<u4").sum(dtype=np.uint64))
    return chunk.count > 0 and len(chunk.keys) == keys and len(chunk.digests) == SIZE * compared
