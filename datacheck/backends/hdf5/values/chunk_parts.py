"""Divide an HDF5 dataset into its chunks, and find the part of each that is in a range of rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from datacheck.backends.hdf5.dataset import Dataset


def chunk_counts(shape: Sequence[int], chunks: Sequence[int]) -> list[int]:
    """Return the number of chunks along each axis."""
    return [math.ceil(extent / size) for extent, size in zip(shape, chunks, strict=True)]


def cells(dataset: Dataset, start: int, stop: int) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Yield the origin of each chunk that overlaps the rows from `start` to `stop`, and the part of it in these rows.

    A dataset without chunks counts as one chunk.
    """
    if dataset.chunks is None:
        origin = tuple(0 for _ in dataset.shape)
        yield origin, (slice(start, stop), *(slice(0, extent) for extent in dataset.shape[1:]))
        return
    ends = [stop, *dataset.shape[1:]]
    starts = [start - start % dataset.chunks[0], *(0 for _ in ends[1:])]
    grid = (range(low, end, size) for low, end, size in zip(starts, ends, dataset.chunks, strict=True))
    for origin in itertools.product(*grid):
        ranges = zip(origin, dataset.chunks, ends, strict=True)
        rows, *others = (slice(low, min(low + size, end)) for low, size, end in ranges)
        yield origin, (slice(max(rows.start, start), rows.stop), *others)
