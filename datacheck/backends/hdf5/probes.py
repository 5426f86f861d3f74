"""Choose the rows of HDF5 tables that are read first, to find out what the tables are meant to hold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from datacheck.backends.hdf5.tables import Table, rows
from datacheck.model.blocks import Shard

PROBES = 64
ROWS_A_PROBE = 16
PROBED_BYTES = 16 << 20
"""Total number of bytes that the probes of large rows read; more if FEWEST rows per table are more."""
FEWEST = 16
"""Number of places at which a table may always be probed, with at least one row each, however large its rows are."""
DATASETS_PROBED = 4096
"""Maximum number of datasets read by the probes, counting a dataset once per probe; each is read at least once."""
DECODED_BYTES = 1 << 30
"""Maximum number of bytes decoded for the probes of a file."""


def probes(tables: Sequence[tuple[str, Table]]) -> Iterator[Shard]:
    """Yield up to PROBES short ranges over all (part, table) pairs, at least one for each if there are enough.

    There are fewer if each takes long, because of very many datasets or very large chunks.
    """
    if not tables:
        return
    chosen = [tables[at * len(tables) // PROBES] for at in range(PROBES)] if len(tables) > PROBES else list(tables)
    share, more = divmod(PROBES, len(chosen))
    counts = [_probe_count(table, share + (at < more)) for at, (_, table) in enumerate(chosen)]
    for at, most in enumerate(_affordable_counts([table for _, table in chosen], counts)):
        part_name, table = chosen[at]
        for nth in range(most):
            start, following = nth * table.rows // most, (nth + 1) * table.rows // most
            yield rows(part_name, start, min(start + _rows_a_probe(table), following))


def _probe_count(table: Table, share: int) -> int:
    """Return the number of places at which to probe a table: its share, or fewer if its rows are large."""
    if table.each:
        return min(share, table.rows)
    most = math.ceil(table.rows / _rows_a_probe(table))
    return min(share, most, max(FEWEST, PROBED_BYTES * share // (PROBES * table.row_bytes)))


def _rows_a_probe(table: Table) -> int:
    """Return the number of rows per probe: fewer if they are large, unless each row is a dataset.

    Datasets that are a record each differ in size, which only shows in many of them.
    """
    if table.each:
        return ROWS_A_PROBE
    return max(1, min(ROWS_A_PROBE, PROBED_BYTES // (PROBES * table.row_bytes)))


def _affordable_counts(tables: Sequence[Table], counts: Sequence[int]) -> Iterator[int]:
    """Yield how many of its planned probes (`counts`) each table may have, at least one."""
    wide = (
        sum((1 if table.each else len(table.datasets)) * count for table, count in zip(tables, counts, strict=True))
        > DATASETS_PROBED
    )
    heavy = sum(map(_decoded_bytes, tables, counts)) > DECODED_BYTES
    for table, count in zip(tables, counts, strict=True):
        most = count
        if wide and not table.each:
            most = min(most, DATASETS_PROBED // len(tables) // len(table.datasets))
        if heavy and _decoded_bytes(table, most) > DECODED_BYTES // len(tables):
            most = min(most, DECODED_BYTES // len(tables) // _decoded_bytes(table, 1))
        yield max(1, most)


def _decoded_bytes(table: Table, count: int) -> int:
    """Return the number of bytes decoded for `count` probes of a table; probes in the same chunk share it."""
    if table.each:
        return min(count * ROWS_A_PROBE, table.rows) * table.row_bytes
    filtered = [dataset for dataset in table.datasets if dataset.filters and dataset.chunks]
    cost = count * sum(dataset.band_bytes for dataset in filtered)
    if all(dataset.band_bytes == dataset.chunk_bytes for dataset in filtered):
        cost = min(cost, sum(math.ceil(it.rows / it.chunks[0]) * it.band_bytes for it in filtered if it.chunks))
    return cost


def probes_of_records(part_name: str, count: int) -> Iterator[Shard]:
    """Yield up to PROBES short ranges over the records of a part."""
    most = min(PROBES, math.ceil(count / ROWS_A_PROBE))
    for nth in range(most):
        start, following = nth * count // most, (nth + 1) * count // most
        yield rows(part_name, start, min(start + ROWS_A_PROBE, following))
