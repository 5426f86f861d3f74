"""Compare the records of one store with each other, alongside its scan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from datacheck.digests.sorting import Sorter
from datacheck.model.finding import Finding
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.scanning.alike.collecting import Collect, Taken
from datacheck.scanning.alike.equal import find_equal
from datacheck.scanning.alike.findings import comparison_of, findings_of
from datacheck.scanning.alike.store import Compared, is_sound


class Duplicates:
    """Compares the records of a store with each other, alongside its scan."""

    def __init__(self) -> None:
        self.beside = Collect()
        self._begun: tuple[Sorter, Compared] | None = None

    def _files(self) -> tuple[Sorter, Compared]:
        """Return the temporary files, created at the first use: many scans that wait their turn have none."""
        if self._begun is None:
            sorter = Sorter()
            self._begun = sorter, Compared(0, sorter, self.beside)
        return self._begun

    def collect(self, tally: Tally) -> None:
        """Take the result of a check."""
        self._files()[1].collect(tally)

    def close(self) -> None:
        """Close the temporary files after a scan that failed."""
        if self._begun is not None:
            for it in self._begun:
                it.__exit__()

    def packed(self, result: Any) -> bytes:
        """Return the result of a check as bytes: the keys of its records, and the digests of most of them."""
        return msgspec.msgpack.encode(result)

    def unpacked(self, raw: bytes, records: int) -> Taken:
        """Return the result of a check from its bytes.

        Raises ValueError if it has anything but digests and keys, or does not fit the number of records.
        """
        result = msgspec.msgpack.decode(raw, type=Taken)
        if result.places is not None or result.prints is not None or result.values:
            raise ValueError("nothing looks at records beside their digests")
        if sum(it.count for it in result.chunks) > records or not all(map(is_sound, result.chunks)):
            raise ValueError("the digests are not of these records")
        return result

    def conclude(self, report: Report) -> Iterator[Finding]:
        """Yield a finding for each record that has the value of an earlier one."""
        sorter, compared = self._files()
        with sorter, compared as store, Sorter() as pairs:
            equals = find_equal(sorter, 1, pairs)
            report.comparison = comparison_of(store, equals, [])
            for _, finding in findings_of(equals.pairs, [store], [report.source.path]):
                yield finding
