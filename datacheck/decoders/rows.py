"""Decode rows of HDF5 datasets: one batch for each column of the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.model.batch import Batch
from datacheck.model.blocks import RowBlock
from datacheck.model.finding import Finding
from datacheck.model.profile import FamilyProfile


class RowsDecoder:
    """Converts columns to arrays of real numbers. Rows that could not be read have findings already and are left out.

    Booleans become uint8. Complex numbers become pairs of floats along a last axis of 2. Floats wider than 64 bits
    become float64; values beyond its range become infinite.
    """

    name = "rows"

    def knows(self, value: bytes | memoryview) -> bool:
        """Return False: rows have no bytes of their own, and their reader knows what they are."""
        return False

    def decode(
        self, block: RowBlock, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        """Yield a batch for each column, with those of `rows` that could be read."""
        everything = len(rows) == len(block)
        for name, values in block.columns.items():
            unread = frozenset(block.unread.get(name, ()))
            chosen = [row for row in rows if row not in unread] if unread else rows
            if not len(chosen):
                continue
            missing = block.missing.get(name)
            yield Batch(
                name,
                chosen,
                real(values if everything and not unread else values[list(chosen)]),
                label=name in block.labels,
                leaf=bool(block.called),
                expected=None if profile is None else profile.fields.get(name),
                path=f"{block.group}/{name}",
                missing=missing if missing is None or (everything and not unread) else missing[list(chosen)],
            )


def real(values: NDArray[Any]) -> NDArray[Any]:
    """Convert the numbers of a column, shape (n, ...), to integers or floats of at most 64 bits.

    >>> real(np.array([1 + 2j, 3j])).tolist()
    [[1.0, 2.0], [0.0, 3.0]]
    """
    kind = values.dtype.kind
    if kind == "b":
        return values.view(np.uint8)
    if kind == "c":
        parts = np.ascontiguousarray(values)[..., np.newaxis]
        values = parts.view(values.real.dtype)
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        with np.errstate(over="ignore", invalid="ignore"):  # bits that are not a valid 80-bit float become NaN
            values = values.astype(np.float64)
    return values
