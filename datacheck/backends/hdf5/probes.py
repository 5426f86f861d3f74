"""Which rows of HDF5 tables are looked at first, to find out what the tables are meant to hold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from datacheck.backends.hdf5.tables import Table, rows
from datacheck.model.blocks import Shard

PROBES = 64
ROWS_A_PROBE = 16
PROBED_BYTES = 16 << 20
"""How many bytes of large rows are looked at in all; more if those of so many rows as are needed are more."""
FEWEST = 16
"""So many rows of each table are looked at however large they are, at as many places."""
DATASETS_PROBED = 4096
"""Datasets may be probed so often, all probes and all datasets of a table taken together, or each once."""
DECODED_BYTES = 1 << 30
"""So much may be decoded for the probes of a file."""


def probes(tables: Sequence[tuple[str, Table]]) -> Iterator[Shard]:
    """Yield up to PROBES short ranges over all (part, table): at least one for each where they suffice.

    There are fewer where each takes long: of very many datasets, or chunks that are very large.
    """
    if not tables:
        return
    chosen = [tables[at * len(tables) // PROBES] for at in range(PROBES)] if len(tables) > PROBES else list(tables)
    share, more = divmod(PROBES, len(chosen))
    counts = [_places(table, share + (at < more)) for at, (_, table) in enumerate(chosen)]
    for at, most in enumerate(_affordable([table for _, table in chosen], counts)):
        of, table = chosen[at]
        for nth in range(most):
            start, following = nth * table.rows // most, (nth + 1) * table.rows // most
            yield rows(of, start, min(start + _rows_a_probe(table), following))


def _places(table: Table, share: int) -> int:
    """Return at how many places a table is looked at, whose share is so many: at fewer if its rows are large."""
    if table.each:
        return min(share, table.rows)
    most = math.ceil(table.rows / _rows_a_probe(table))
    return min(share, most, max(FEWEST, PROBED_BYTES * share // (PROBES * table.row_bytes)))


def _rows_a_probe(table: Table) -> int:
    """Return how many rows a probe looks at: fewer if they are large, unless each is a dataset.

    Datasets that are a record each differ in size, which only many of them show.
    """
    if table.each:
        return ROWS_A_PROBE
    return max(1, min(ROWS_A_PROBE, PROBED_BYTES // (PROBES * table.row_bytes)))


def _affordable(tables: Sequence[Table], counts: Sequence[int]) -> Iterator[int]:
    """Yield how many of so many probes each table may have."""
    wide = (
        sum((1 if table.each else len(table.datasets)) * count for table, count in zip(tables, counts, strict=True))
        > DATASETS_PROBED
    )
    heavy = sum(map(_decoded, tables, counts)) > DECODED_BYTES
    for table, count in zip(tables, counts, strict=True):
        most = count
        if wide and not table.each:
            most = min(most, DATASETS_PROBED // len(tables) // len(table.datasets))
        if heavy and _decoded(table, most) > DECODED_BYTES // len(tables):
            most = min(most, DECODED_BYTES // len(tables) // _decoded(table, 1))
        yield max(1, most)


def _decoded(table: Table, count: int) -> int:
    """Return how many bytes are decoded for so many probes of a table. Those in one chunk share it."""
    if table.each:
        return min(count * ROWS_A_PROBE, table.rows) * table.row_bytes
    filtered = [dataset for dataset in table.datasets if dataset.filters and dataset.chunks]
    cost = count * sum(dataset.band_bytes for dataset in filtered)
    if all(dataset.band_bytes == dataset.chunk_bytes for dataset in filtered):
        cost = min(cost, sum(math.ceil(it.rows / it.chunks[0]) * it.band_bytes for it in filtered if it.chunks))
    return cost


def probes_of_records(of: str, count: int) -> Iterator[Shard]:
    """Yield up to PROBES short ranges over the records of a part."""
    most = min(PROBES, math.ceil(count / ROWS_A_PROBE))
    for nth in range(most):
        start, following = nth * count // most, (nth + 1) * count // most
        yield rows(of, start, min(start + ROWS_A_PROBE, following))
