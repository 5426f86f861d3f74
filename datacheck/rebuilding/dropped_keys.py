"""The keys of the records that a choice drops, by database."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from datacheck.model.escaping import unescape
from datacheck.rebuilding.choice import Choice, decisions
from datacheck.reporting.report import Report
from datacheck.scanning.pairing import STORES


class DroppedKeys:
    """The keys of the records that a choice drops; without a choice, those that dropping every bad record would drop.

    Each comes with a flag that says whether its record is dropped for its own findings, or because its sample lacks a
    part. Records that lack their pair in another store are not included; `Report.gone_elsewhere` has them.
    """

    def __init__(self, choice: Choice, report: Report) -> None:
        self._choice, self._report = choice, report

    def __iter__(self) -> Iterator[tuple[str, bytes, bool]]:
        """Yield database, key and flag of each record; the keys are not held in memory."""
        return dropped_keys(self._choice, self._report)

    @cached_property
    def _by_database(self) -> dict[str, list[tuple[bytes, bool]]]:
        keys: dict[str, list[tuple[bytes, bool]]] = {}
        for database, key, own in self:
            keys.setdefault(database, []).append((key, own))
        return keys

    def flagged(self, database: str) -> list[tuple[bytes, bool]]:
        """Return the keys of a database, each with its flag."""
        return self._by_database.get(database, [])

    def of(self, database: str) -> list[bytes]:
        """Return the keys of a database."""
        return [key for key, _ in self.flagged(database)]


def dropped_keys(choice: Choice, report: Report) -> Iterator[tuple[str, bytes, bool]]:
    """Yield database, key and flag of each record that is dropped, or would be if every bad record were."""
    choice = choice.shown
    for fate, record, _ in decisions(report.findings, choice):
        if fate == "dropped":
            yield record.database or "", unescape(record.key), True
    for finding in report.findings:
        lacks = finding.code == "unpaired" and finding.key is not None and STORES not in finding.details
        if lacks and choice.fate([finding]) == "dropped":
            assert finding.key is not None
            yield finding.database or "", unescape(finding.key), False
