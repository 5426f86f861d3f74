"""Hold the stores of a comparison while they are scanned, and conclude it when all are."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter

from datacheck.backends import title
from datacheck.comparing.drift import drift_findings
from datacheck.comparing.store import Store
from datacheck.digests.sorting import Sorter
from datacheck.errors import UsageError
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.reporting.tally import Tally
from datacheck.reporting.weaving import weave
from datacheck.scanning.alike.collecting import Collect
from datacheck.scanning.alike.equal import find_equal
from datacheck.scanning.alike.findings import comparison_of, findings_of, near_findings
from datacheck.scanning.alike.near import MOST_PICTURES, Nearness, find_near
from datacheck.scanning.alike.places import PLACE_BITS
from datacheck.scanning.alike.store import Compared

LEAK = "leak"


def _store_number(found: tuple[int, Finding]) -> int:
    return found[0] >> PLACE_BITS


def _one_per_position(findings: Iterable[tuple[int, Finding]]) -> Iterator[tuple[int, Finding]]:
    """Yield one finding at each position, preferably about a leak from another store.

    Otherwise it is the first: pictures with the same value also look the same.
    """
    for _, candidates in groupby(findings, itemgetter(0)):
        yield min(candidates, key=lambda it: it[1].code != LEAK)


def store_names(stores: Sequence[Store]) -> list[str]:
    """Return the names of the stores: their paths, with their kinds added if several lie in one folder."""
    count = Counter(it.path for it in stores)
    return [it.path if count[it.path] == 1 else f"{it.path} ({title(it.reader.backend)})" for it in stores]


class Comparing:
    """A comparison of stores. A context manager, which closes the temporary files."""

    def __init__(self, stores: Sequence[Store], near: int | None) -> None:
        self._named = stores
        self._near = near
        self._stack = ExitStack()
        self._sorter = self._stack.enter_context(Sorter())
        self.stores = [
            self._stack.enter_context(Compared(at, self._sorter, Collect(looks=near is not None, values=True)))
            for at in range(len(stores))
        ]

    def __enter__(self) -> Comparing:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def conclude(self) -> None:
        """Add the findings of the comparison to the reports."""
        paths = store_names(self._named)
        with Sorter() as pairs:
            equals = find_equal(self._sorter, len(paths), pairs)
            for number, (store, named) in enumerate(zip(self.stores, self._named, strict=True)):
                others = paths[:number] + paths[number + 1 :]
                named.report.comparison = comparison_of(store, equals, others)
            near = self._find_near()
            alike = findings_of(pairs, self.stores, paths), near_findings(near.found, self.stores, paths)
            for number, group in groupby(_one_per_position(heapq.merge(*alike, key=itemgetter(0))), _store_number):
                weave(self._named[number].report, (finding for _, finding in group))
        first = self._named[0].report, self.stores[0].values
        for number, named in enumerate(self._named[1:], 1):
            for finding in drift_findings(paths[0], *first, named.report, self.stores[number].values):
                self._add(number, finding)

    def _find_near(self) -> Nearness:
        """Return the pictures that look like earlier ones, if that was requested.

        Raises UsageError if there are too many.
        """
        if self._near is None:
            return Nearness([], 0)
        for store, named in zip(self.stores, self._named, strict=True):
            assert named.report.comparison is not None
            named.report.comparison.pictures = sum(map(len, store.places))
        places = [it for store in self.stores for it in store.places]
        if sum(map(len, places)) > MOST_PICTURES:
            raise UsageError(f"--near compares {MOST_PICTURES:,} pictures at most; compare parts of the stores")
        near = find_near(places, [it for store in self.stores for it in store.prints], self._near)
        if near.crowded:
            message = (
                f"{counted(near.crowded, 'picture looks', 'pictures look')} much like very many others, and were not "
                "all compared with --near"
            )
            for number in range(len(self.stores)):
                self._add(number, found("unsupported", message, count=near.crowded))
        return near

    def _add(self, number: int, finding: Finding) -> None:
        tally = Tally()
        tally.count([finding])
        self._named[number].report.add(tally)
