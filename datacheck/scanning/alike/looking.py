"""Collect, in the workers, the prints of the pictures of a check and statistics of the values of some records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.model.batch import Batch
from datacheck.model.blocks import AnyBlock
from datacheck.model.finding import Finding
from datacheck.scanning.alike.prints import prints_of

SAMPLED = 2048
"""Number of records per field whose values are kept.

They are those with the smallest digests, which amounts to a random sample.
"""
MEASURES = ("mean", "standard deviation", "least value", "greatest value")


class Values(msgspec.Struct):
    """Statistics of some records of a field, which can be added up.

    `digests` has the first 8 bytes of their digests, ascending; `measures` has their MEASURES, with shape (records, 4).
    """

    digests: NDArray[np.uint64]
    measures: NDArray[np.float64]

    def __iadd__(self, other: Values) -> Values:
        digests = np.concatenate((self.digests, other.digests))
        _, places = np.unique(digests, return_index=True)
        places = places[:SAMPLED]
        self.digests = digests[places]
        self.measures = np.concatenate((self.measures, other.measures))[places]
        return self


class Looking:
    """A view that judges nothing and records the prints and values of the batches that pass."""

    def __init__(self, *, looks: bool) -> None:
        self.pixels = looks
        self.places: list[NDArray[np.int64]] = []
        self.prints: list[NDArray[np.uint8]] = []
        self.values: dict[str, Values] = {}
        self._indexes: NDArray[np.int64] = np.empty(0, np.int64)
        self._digests: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._seen: set[int] = set()

    def begin(self, indexes: Sequence[int], rows: Sequence[int], digests: bytes) -> None:
        """Prepare for the batches of a block, whose records at `rows` have the given digests."""
        self._indexes = np.asarray(indexes, np.int64)
        self._digests = np.zeros(len(indexes), np.uint64)
        if len(rows):
            self._digests[np.asarray(rows)] = np.frombuffer(digests, ">u8")[::2]
        self._seen = set()

    def validators(self) -> Sequence[Any]:
        return [self]

    def review(self, block: AnyBlock, row: int | None, findings: Sequence[Finding]) -> Sequence[Finding]:
        return findings

    def __call__(self, batch: Batch) -> Iterator[tuple[int, Finding]]:
        """Record the values and prints of a batch."""
        numbers = batch.values.dtype.kind in "uif" and batch.width > 0 and not batch.pixels_skipped
        if numbers and not batch.label:
            if batch.width > 1 or batch.floating:  # single integers are ids, which differ between two stores
                self._measure(batch)
            if self.pixels and not (batch.expected is not None and batch.expected.constant):
                self._look(batch)
        yield from ()

    def _look(self, batch: Batch) -> None:
        """Record the prints of records that have none yet: the first picture of a record stands for it."""
        for rows, prints in prints_of(batch):
            new = [at for at, row in enumerate(rows.tolist()) if row not in self._seen and self._digests[row]]
            self._seen.update(rows[new].tolist())
            self.places.append(self._indexes[rows[new]])
            self.prints.append(prints[new])

    def _measure(self, batch: Batch) -> None:
        """Measure the records with the smallest digests."""
        rows = np.asarray(batch.rows, np.int64)
        digests = self._digests[rows]
        known = self.values.get(batch.field)
        limit = known.digests[-1] if known is not None and len(known.digests) >= SAMPLED else np.uint64(2**64 - 1)
        chosen = np.flatnonzero((digests < limit) & (digests > 0))
        if len(chosen) > SAMPLED:
            chosen = chosen[np.argpartition(digests[chosen], SAMPLED - 1)[:SAMPLED]]
        if not len(chosen):
            return
        measured = Values(digests[chosen], np.array([_measures(batch.values[at]) for at in chosen.tolist()]))
        if known is None:
            self.values[batch.field] = known = Values(np.empty(0, np.uint64), np.empty((0, len(MEASURES))))
        known += measured


def _measures(values: NDArray[Any]) -> tuple[float, ...]:
    with np.errstate(all="ignore"):
        return (
            float(values.mean(dtype=np.float64)),
            float(values.std(dtype=np.float64)),
            float(values.min()),
            float(values.max()),
        )
