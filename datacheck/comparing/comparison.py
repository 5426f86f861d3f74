"""The stores of a comparison while they are scanned, and what they come to when all are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from datacheck.comparing.drift import drifts
from datacheck.digests.sorting import Sorter
from datacheck.model.finding import Finding
from datacheck.reporting.tally import Tally
from datacheck.scanning.alike.collecting import Collect
from datacheck.scanning.alike.equal import find_equal
from datacheck.scanning.alike.findings import comparison_of, findings_of
from datacheck.scanning.alike.store import Compared

if TYPE_CHECKING:
    from datacheck.comparing.compare import Store

TOGETHER = 4096
"""Findings are added so many at a time."""


class Comparing:
    """A comparison of stores. A context manager, which lets go of the temporary files."""

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
        """Add to the reports what the comparison finds."""
        paths = [it.path for it in self._named]
        with Sorter() as pairs:
            equals = find_equal(self._sorter, len(paths), pairs)
            for store, named in zip(self.stores, self._named, strict=True):
                others = [it for it in paths if it != named.path]
                named.report.comparison = comparison_of(store, equals, others)
            for number, finding in findings_of(pairs, self.stores, paths):
                self._add(number, finding)
        first = self._named[0].report, self.stores[0].values
        for number, named in enumerate(self._named[1:], 1):
            for finding in drifts(*first, named.report, self.stores[number].values):
                self._add(number, finding)

    def _add(self, number: int, finding: Finding) -> None:
        tally = Tally()
        tally.count([finding])
        self._named[number].report.add(tally)
