"""Read the rows of a shard of HDF5 files through a window on each dataset (`window`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.columns import Column
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import OpenFile, refused
from datacheck.backends.hdf5.formats.levels_of_theory import absent_values
from datacheck.backends.hdf5.formats.masked_values import masked_values
from datacheck.backends.hdf5.formats.sparse_rows import References, references_of
from datacheck.backends.hdf5.kept import OpenTable, kept
from datacheck.backends.hdf5.layout import contents_at, label_of
from datacheck.backends.hdf5.paths import nearest
from datacheck.backends.hdf5.references.positions import positions_beyond
from datacheck.backends.hdf5.references.ragged import unlike
from datacheck.backends.hdf5.shard_parts import RECORDS, parts
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values.plain import PlainFile, is_plain, plain
from datacheck.backends.hdf5.values.reading import read_findings, window_on
from datacheck.backends.hdf5.values.records import misplaced_finding, read_each, read_records, unread_finding
from datacheck.backends.hdf5.values.unwritten import within
from datacheck.backends.hdf5.values.window import Window, column
from datacheck.model.blocks import AnyBlock, Note, Position, RowBlock, Shard, ignore
from datacheck.model.cells import NUMBERS, Cells
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding

if TYPE_CHECKING:
    from datacheck.backends.hdf5.reader import Hdf5Reader

BLOCK_BYTES = 8 << 20
"""Approximate size of a block, in bytes: few enough to stay in the processor's cache while they are judged, and so many
that the work per block takes little of the time."""
_Windows = Sequence[tuple[Window, tuple[Column, ...]]]
"""The windows on the datasets of a table, in the order of their paths, each with its judged columns."""


def blocks(reader: Hdf5Reader, shard: Shard, *, limit: int | None = None, note: Note = ignore) -> Iterator[AnyBlock]:
    """Yield the rows of the shard in blocks of about BLOCK_BYTES.

    Unjudged datasets yield no rows, only findings and the numbers of scalars. If each dataset is a record, the datasets
    come one by one, with their paths as keys.
    """
    number, name, deadly = parts(shard)
    contents = contents_at(reader, number, deadly)
    table = contents.named.get(name)
    with ExitStack() as stack:
        try:
            file = stack.enter_context(_open_file(reader, number, contents, table if limit != 1 else None))
        except TROUBLE as exc:  # it was opened to read the layout, so it has been removed or replaced since
            yield _finding_block(reader, number, refused(exc))
            return
        if table is not None and table.each:
            start, stop = _bounds(shard)
            referred = contents.means.referred if contents.means is not None else None
            yield from read_each(
                file.file, table, start, stop, label_of(reader, number), note, single=limit == 1, referred=referred
            )
        elif table is not None:
            open_table = file.table(name, table.datasets)
            references = references_of(file.file.file, table, contents.means)
            yield from _row_blocks(reader, open_table, number, table, shard, limit, note, references)
        elif name == RECORDS:
            start, stop = _bounds(shard)
            yield from read_records(file.file, contents, start, stop, label_of(reader, number), note)
        elif not name:
            yield from _unjudged_blocks(reader, file.file, number, contents, shard, note)


def _open_file(reader: Hdf5Reader, number: int, contents: Contents, table: Table | None) -> AbstractContextManager[Any]:
    """Return a context manager that opens a file to read `table`, or anything in the file if `table` is None."""
    if table is not None and is_plain(contents, table):
        return plain(reader.files[number], keep=reader.kept)
    return kept(reader.files[number], contents.recovery, keep=reader.kept)


def _row_blocks(
    reader: Hdf5Reader,
    file: OpenTable | PlainFile,
    number: int,
    table: Table,
    shard: Shard,
    limit: int | None,
    note: Note,
    references: References,
) -> Iterator[RowBlock]:
    at = 0 if shard.start is None else shard.start.row
    stop = table.rows if shard.stop is None else min(table.rows, shard.stop.row)
    rows_per_block = max(1, BLOCK_BYTES // table.row_bytes)
    if limit is not None:
        rows_per_block = min(rows_per_block, limit)
    windows = [window_on(file, it, rows_per_block, single=limit == 1) for it in table.datasets]
    judged = frozenset(it.path for it in table.judged)
    columns = [
        (window, window.dataset.columns if window.dataset.path in judged else ())
        for window in sorted(windows, key=lambda window: window.dataset.path)
    ]
    windows.sort(key=lambda window: not window.aligned)
    while at < stop:
        note(Position(at), True)
        end = min(at + rows_per_block, stop)
        for window in windows:
            furthest = stop if window.aligned else end
            end = min(end, window.cover(at, furthest))
        yield _block(reader, number, table, columns, at, end, references)
        at = end


def _block(
    reader: Hdf5Reader, number: int, table: Table, windows: _Windows, start: int, stop: int, references: References
) -> RowBlock:
    columns: dict[str, NDArray[Any]] = {}
    cells: dict[str, Cells] = {}
    unread: dict[str, list[int]] = {}
    unwritten: dict[str, Sequence[int]] = {}
    missing: dict[str, NDArray[Any]] = {}
    findings: list[tuple[int | None, Finding]] = []
    for window, judged in windows:
        lost_rows = [at for at in range(start, stop) if at in window.lost] if window.lost else []
        findings += ((at - start, window.lost[at]) for at in lost_rows)
        if not judged:
            continue
        values = window.values[start - window.start : stop - window.start]
        never_written = within(window.dataset.unwritten, start, stop)
        for it in judged:
            if it.holds == NUMBERS:
                columns[it.name] = column(values, it)
                if window.dataset.declared is not None:
                    columns[it.name], mask = window.dataset.declared.unpacked(columns[it.name])
                    missing |= {} if mask is None else {it.name: mask}
                label = it.name in table.labels
                nowhere = references.dangling_findings(window.dataset, it.name, columns[it.name], start, label=label)
                findings += (it for it in nowhere if it[0] not in never_written)
            else:
                cells[it.name] = Cells(it.holds, column(values, it))
            if never_written:
                unwritten[it.name] = never_written
            if lost_rows:
                unread[it.name] = [at - start for at in lost_rows]
    findings += (*unlike(table, columns, cells, unread), *positions_beyond(table, columns))
    for name, mask in (*absent_values(table, columns), *masked_values(table, columns)):
        missing[name] = mask | missing[name] if name in missing else mask
    at = range(start, stop)
    return RowBlock(
        table.name, at, columns, table.labels, unread, label_of(reader, number), findings,
        group=table.group, cells=cells, unwritten=unwritten, place_of=references.places, missing=missing,
    )  # fmt: skip


def _unjudged_blocks(
    reader: Hdf5Reader, file: OpenFile, number: int, contents: Contents, shard: Shard, note: Note
) -> Iterator[RowBlock]:
    start, stop = _bounds(shard)
    for at, dataset in enumerate(contents.unjudged[start:stop], start):
        note(Position(at), True)
        if not dataset.shape and NUMBERS in dataset.holds:
            yield _scalar_block(reader, file, number, dataset, contents)
            continue
        for finding in read_findings(file, dataset, BLOCK_BYTES):
            yield _finding_block(reader, number, finding)


def _scalar_block(reader: Hdf5Reader, file: OpenFile, number: int, dataset: Dataset, contents: Contents) -> RowBlock:
    """Return a block without rows that holds the numbers of a scalar dataset, or a finding if they cannot be read."""
    if dataset.misplaced:
        return _finding_block(reader, number, misplaced_finding(dataset))
    try:
        value = np.asarray(file.value(dataset), dataset.dtype)
    except (*TROUBLE, MemoryError) as exc:
        return _finding_block(reader, number, unread_finding(dataset, exc))
    path = escape(dataset.path)
    numbers = (it for it in dataset.columns if it.holds == NUMBERS)
    scalars = [(path, it.name, column(value[np.newaxis], it)) for it in numbers]
    label = label_of(reader, number)
    return RowBlock("/", (), {}, file=label, scalars=scalars, sample=_sample_of(dataset, contents) or label or "")


def _sample_of(dataset: Dataset, contents: Contents) -> str:
    """Return the escaped path of the sample that contains a dataset, or an empty string if none does."""
    samples = frozenset() if contents.means is None else contents.means.samples
    return escape(nearest(dataset.path, samples))


def _finding_block(reader: Hdf5Reader, number: int, finding: Finding) -> RowBlock:
    return RowBlock("/", (), {}, file=label_of(reader, number), findings=[(None, finding)])


def _bounds(shard: Shard) -> tuple[int, int | None]:
    return 0 if shard.start is None else shard.start.row, None if shard.stop is None else shard.stop.row
