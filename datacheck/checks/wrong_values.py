"""Find the records of a batch that have wrong values, how many each has, and where the first one is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.model.batch import Batch
from datacheck.model.finding import Finding, found


def wrong_records(
    batch: Batch,
    suspects: NDArray[np.intp],
    wrong: Callable[[NDArray[Any]], NDArray[np.bool_]],
    missing: NDArray[Any] | None = None,
) -> Iterator[tuple[int, NDArray[Any], int, list[int]]]:
    """Yield each suspect with wrong values: its position, the record, their number, and the index of the first.

    Values marked in `missing` are not wrong. Suspects are examined together, in pieces that fit into the processor's
    cache.
    """
    for start in range(0, len(suspects), batch.at_once):
        places = suspects[start : start + batch.at_once].tolist()
        records = np.stack([batch.values[at] for at in places])
        are_wrong = wrong(records)
        flat = (are_wrong if missing is None else are_wrong & ~missing[places]).reshape(len(places), -1)
        counts, firsts = np.count_nonzero(flat, axis=1).tolist(), flat.argmax(axis=1)
        indexes = np.stack(np.unravel_index(firsts, batch.shape or (1,)), axis=1)[:, : len(batch.shape)].tolist()
        for at, record, count, first in zip(places, records, counts, indexes, strict=True):
            if count:
                yield at, record, count, first


def are_beyond(values: NDArray[Any], low: float, high: float) -> NDArray[np.bool_]:
    """Return which values are finite and below `low` or above `high`."""
    return np.asarray(((values < low) | (values > high)) & np.isfinite(values))


def finding_of_values(code: str, word: str, batch: Batch, count: int, first: list[int]) -> Finding:
    """Return the finding that `count` values of a record are NaN, infinite or such (`word`), the first at an index."""
    verb = "is" if count == 1 else "are"
    text = f"{count} of {batch.width} values {verb} {word}, first at {first}" if batch.shape else f"the value is {word}"
    return found(code, text, field=batch.field, count=count, first=first)
