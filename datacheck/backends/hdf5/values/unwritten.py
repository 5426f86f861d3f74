"""Find rows of an HDF5 dataset that were never written, so that no space in the file was allocated for them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values.chunk_parts import chunk_counts
from datacheck.backends.hdf5.values.chunks import Chunks
from datacheck.model.cells import BYTES, OPAQUE
from datacheck.model.distinct import distinct_numbers
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

RANGES = 1000
"""Maximum number of ranges per dataset; if there are more, none are kept."""
NEARLY = 0.9
"""Minimum share of stored chunks from which a dataset was meant to be written completely."""
NAMED = 10
"""Maximum number of ranges listed in a finding."""

Ranges = tuple[tuple[int, int], ...]


def never_written(h5: Any, opened: Any, created: Any, dataset: Dataset) -> Ranges:
    """Return the half-open ranges of rows of which no part is stored.

    There are none for scales, since netCDF makes a dataset just for the length of a dimension without values. There are
    also none if the file is truncated or the chunk index is damaged, because they cannot be known then.
    """
    if not dataset.shape or not dataset.bytes or dataset.scale:
        return ()
    layout = created.get_layout()
    try:
        if layout == h5.h5d.CONTIGUOUS and not created.get_external_count():
            return ((0, dataset.rows),) if opened.get_offset() is None and not opened.get_storage_size() else ()
        if layout == h5.h5d.CHUNKED and dataset.chunks:
            return _without_chunks(opened, dataset, dataset.chunks)
        if layout == h5.h5d.VIRTUAL:
            return _without_source(created, dataset)
    except TROUBLE:  # damage is reported when the dataset is read
        pass
    return ()


def _without_chunks(opened: Any, dataset: Dataset, chunks: tuple[int, ...]) -> Ranges:
    grid = chunk_counts(dataset.shape, chunks)
    if opened.get_num_chunks() >= math.prod(grid):
        return ()
    stored = Chunks(opened, chunks)
    if not stored.whole:
        return ()
    bands = distinct_numbers(stored.numbers // math.prod(grid[1:]))
    edges = np.concatenate([[-1], bands, [grid[0]]])
    before = np.flatnonzero(np.diff(edges) > 1)
    starts, stops = (edges[before] + 1) * chunks[0], edges[before + 1] * chunks[0]
    return tuple(zip(starts.tolist(), np.minimum(stops, dataset.rows).tolist(), strict=True))


def partly_written(h5: Any, opened: Any, created: Any, dataset: Dataset) -> Iterator[Finding]:
    """Yield a finding for rows that are only partly stored, if nearly all chunks of the dataset are stored.

    If many chunks are missing, they were left out on purpose: a map of labels may store only the parts that have any.
    """
    chunks = dataset.chunks
    if not dataset.shape or not dataset.bytes or not chunks or created.get_layout() != h5.h5d.CHUNKED or dataset.scale:
        return
    grid = chunk_counts(dataset.shape, chunks)
    total, beside = math.prod(grid), math.prod(grid[1:])
    try:
        count = opened.get_num_chunks()
        if beside < 2 or count >= total or count < NEARLY * total:
            return
        stored = Chunks(opened, chunks)
    except TROUBLE:  # damage is reported when the dataset is read
        return
    if not stored.whole:
        return
    bands, stored_counts = np.unique(stored.numbers // beside, return_counts=True)
    partly = bands[stored_counts < beside]
    if not partly.size:
        return
    rows = [[int(it) * chunks[0], min((int(it) + 1) * chunks[0], dataset.rows) - 1] for it in partly[:NAMED].tolist()]
    missing = int((beside - stored_counts[stored_counts < beside]).sum())
    path, more = escape(dataset.path), " and others" if partly.size > NAMED else ""
    rows_text = ", ".join(f"{low}" if low == high else f"{low} to {high}" for low, high in rows)
    text = (
        f"{path}: {missing:,} of {total:,} chunks {'was' if missing == 1 else 'were'} never written, of rows "
        f"{rows_text}{more}; "
        "what is missing of these reads as the fill value"
    )
    yield found("unwritten", text, field=dataset.title, dataset=path, chunks=missing, ranges=rows)


def _without_source(created: Any, dataset: Dataset) -> Ranges:
    """Return the ranges of rows of a virtual dataset that are mapped to no source.

    If a source has, say, every second row, all rows between its first and last are taken to be mapped.
    """
    bounds = [created.get_virtual_vspace(at).get_select_bounds() for at in range(created.get_virtual_count())]
    ranges, end = [], 0
    for low, high in sorted((int(low[0]), int(high[0]) + 1) for low, high in bounds):
        if low > end:
            ranges.append((end, low))
        end = max(end, high)
    if end < dataset.rows:
        ranges.append((end, dataset.rows))
    return tuple(ranges)


def within(ranges: Ranges, start: int, stop: int) -> Sequence[int]:
    """Return the rows of these ranges that lie from `start` to `stop`, relative to `start`.

    >>> within(((0, 3), (5, 9)), 2, 7)
    [0, 3, 4]
    """
    parts = [range(max(low, start) - start, min(high, stop) - start) for low, high in ranges if low < stop]
    parts = [part for part in parts if part]
    return parts[0] if len(parts) == 1 else [*itertools.chain(*parts)]


def unwritten_findings(dataset: Dataset, ranges: Ranges) -> Iterator[Finding]:
    """Yield the findings about a dataset of which these rows were never written."""
    path, count = escape(dataset.path), sum(stop - start for start, stop in ranges)
    if not count or b"/_i_" in dataset.path:  # PyTables allocates its indexes before it needs them
        return
    details: dict[str, Any] = {
        "dataset": path,
        "count": count,
        "ranges": [[start, stop - 1] for start, stop in ranges[:NAMED]],
    }
    if count < dataset.rows:
        texts = [f"{start}" if stop - start == 1 else f"{start} to {stop - 1}" for start, stop in ranges[:NAMED]]
        more = " and others" if len(ranges) > NAMED else ""
        problem = f"row{'s' * (count > 1)} {', '.join(texts)}{more} {'were' if count > 1 else 'was'} never written"
        text = f"{path}: {problem} ({count:,} of {dataset.rows:,}); they read as the fill value"
    else:
        text = f"{path} was made and never filled: {counted(dataset.rows, 'row reads', 'rows read')} as the fill value"
    yield found("unwritten", text, field=dataset.title, **details)
    if count == dataset.rows and dataset.holds & {BYTES, OPAQUE}:
        none = f"{path}: each of the {dataset.rows:,} values is empty, since none was ever written"
        yield found("empty", none, field=dataset.title, dataset=path, count=count)
