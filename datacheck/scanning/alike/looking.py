"""In the workers: what the pictures of a check look like, and the values of some of its records."""

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
"""The values of so many records of each field are kept: those with the least digests, which are a random few."""
MEASURES = ("mean", "standard deviation", "least value", "greatest value")


class Values(msgspec.Struct):
    """Of some records the start of their digests, ascending, and their MEASURES, shape (records, 4); adds up."""

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
    """A view that judges nothing, and takes note of what goes by."""

    def __init__(self, *, looks: bool) -> None:
        self.pixels = looks
        self.places: list[NDArray[np.int64]] = []
        self.prints: list[NDArray[np.uint8]] = []
        self.values: dict[str, Values] = {}
        self._indexes: NDArray[np.int64] = np.empty(0, np.int64)
        self._digests: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._seen: set[int] = set()

    def begin(self, indexes: Sequence[int], rows: Sequence[int], digests: bytes) -> None:
        """Be ready for the batches of a block, of which the records at `rows` are compared."""
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
        """Take note of a batch."""
        numbers = batch.values.dtype.kind in "uif" and batch.width > 0 and not batch.pixels_skipped
        if numbers and not batch.label:
            if batch.width > 1 or batch.floating:  # single whole numbers are ids, and those of two stores differ
                self._measure(batch)
            if self.pixels and not (batch.expected is not None and batch.expected.constant):
                self._look(batch)
        yield from ()

    def _look(self, batch: Batch) -> None:
        """Take the prints of records that have none yet: the first picture of a record stands for it."""
        for rows, prints in prints_of(batch):
            new = [at for at, row in enumerate(rows.tolist()) if row not in self._seen and self._digests[row]]
            self._seen.update(rows[new].tolist())
            self.places.append(self._indexes[rows[new]])
            self.prints.append(prints[new])

    def _measure(self, batch: Batch) -> None:
        """Measure the records with the least digests."""
        rows = np.asarray(batch.rows, np.int64)
        digests = self._digests[rows]
        known = self.values.get(batch.field)
        limit = known.digests[-1] if known is not None and len(known.digests) >= SAMPLED else np.uint64(2**64 - 1)
        chosen = np.flatnonzero((digests < limit) & (digests > 0))
        if len(chosen) > SAMPLED:
            chosen = chosen[np.argpartition(digests[chosen], SAMPLED - 1)[:SAMPLED]]
        if not len(chosen):
            return
        made = Values(digests[chosen], np.array([_measures(batch.values[at]) for at in chosen.tolist()]))
        if known is None:
            self.values[batch.field] = known = Values(np.empty(0, np.uint64), np.empty((0, len(MEASURES))))
        known += made


def _measures(values: NDArray[Any]) -> tuple[float, ...]:
    with np.errstate(all="ignore"):
        return (
            float(values.mean(dtype=np.float64)),
            float(values.std(dtype=np.float64)),
            float(values.min()),
            float(values.max()),
        )
