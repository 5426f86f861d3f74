"""Compare the shapes of datasets that are a record each: nearly all have rows of one shape, or one number of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.tables import Table
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.model.measured import measured_longer
from datacheck.model.profile import NEARLY_ALL

FEWEST = 16
"""Minimum number of datasets from which their usual shape is inferred."""
T = TypeVar("T")


@dataclass(frozen=True)
class UsualShape:
    """What nearly all datasets of a table have, but not all of them: rows of the shape `row`, or as many `rows`.

    Either is None if the datasets differ more, or if none differs. `of_channels` says that nearly all have one number
    of rows, so that a row may be the channel of a signal. If their names have no word in common, they are `apart`: they
    may hold different things.
    """

    row: tuple[int, ...] | None
    rows: int | None
    of_channels: bool
    apart: bool

    def findings(self, datasets: Sequence[Dataset]) -> Iterator[tuple[int, Finding]]:
        """Yield the position and a finding for each of some datasets of one shape that is not as usual.

        A flat one of another length may be sound; it is compared by its profile.
        """
        first = datasets[0]
        if self.row is not None and first.shape[1:] != self.row and first.bytes:
            yield from ((at, self._row_finding(it, self.row)) for at, it in enumerate(datasets))
        elif self.rows is not None and not first.matlab and first.bytes and len(first.shape) > 1:
            rows = self.rows
            yield from ((at, _rows_finding(it, rows)) for at, it in enumerate(datasets) if it.rows != rows)

    def _row_finding(self, dataset: Dataset, usual: tuple[int, ...]) -> Finding:
        row = dataset.shape[1:]
        message = f"a row has the shape {row}, in nearly all others {usual}"
        shorter = self.of_channels and measured_longer(dataset.shape, (dataset.rows, *usual))
        verdict: Verdict | None = "suspicious" if self.apart or shorter else None
        return found("shape", message, field=dataset.title, verdict=verdict, found=list(row), expected=list(usual))


def _rows_finding(dataset: Dataset, usual: int) -> Finding:
    """Return the finding for a dataset that may have been cut."""
    message = f"it has {counted(dataset.rows, 'row')}, nearly all others have {usual:,}"
    expected = [usual, *dataset.shape[1:]]
    return found(
        "shape", message, field=dataset.title, verdict="suspicious", found=list(dataset.shape), expected=expected
    )


def usual_shape(table: Table) -> UsualShape:
    """Return what nearly all datasets of a table have. MATLAB's cells are left out, since they may hold anything."""
    full = [it for it in table.judged if it.bytes]
    shapes = Counter(it.shape[1:] for it in full if not it.matlab)
    rows = Counter(it.rows for it in full if not it.matlab)
    heights = Counter(it.rows for it in full)
    of_channels = max(heights.values(), default=0) >= NEARLY_ALL * len(full)
    return UsualShape(_usual(shapes) or None, _usual(rows), of_channels, table.name.endswith("/#"))


def _usual(counts: Counter[T]) -> T | None:
    """Return what nearly all have, or None if all have it, or if they are too few."""
    if counts.total() < FEWEST:
        return None
    most, count = counts.most_common(1)[0]
    return most if NEARLY_ALL * counts.total() <= count < counts.total() else None
