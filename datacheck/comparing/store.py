"""Define a store of a comparison."""

from __future__ import annotations

from dataclasses import dataclass

from datacheck.backends.interface import Reader
from datacheck.reporting.report import Report


@dataclass(frozen=True)
class Store:
    """A store of a comparison and the report on it."""

    reader: Reader
    report: Report

    @property
    def path(self) -> str:
        return self.report.source.path
