"""Derive the tables, columns, labels and shards of an HDF5 file from its datasets' names, shapes and types alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from datacheck.backends.hdf5.columns import distinct_names
from datacheck.backends.hdf5.dataset import Dataset, Height, label_names, printed
from datacheck.backends.hdf5.meaning import Meaning
from datacheck.backends.hdf5.references.leading_elsewhere import Leading
from datacheck.backends.hdf5.shard_parts import RECORDS
from datacheck.backends.interface import StoreOptions
from datacheck.model.blocks import Position, Shard
from datacheck.model.cells import NUMBERS, TEXTS
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding
from datacheck.model.replacing import replace

if TYPE_CHECKING:
    from datacheck.backends.hdf5.recovery.recover import Recovery

TABLE = b"datacheck_table"
"""Attribute with the table name of datasets that a rebuild has made as long as those of another table beside them.

Datasets of one length are columns of one table. These are not, and the attribute tells the next scan so."""
SHARD_BYTES = 128 << 20
EVENLY = 4
"""Number of equally large shards, or its multiple, into which a table is divided that is larger than one shard: two or
four workers then end at the same time."""
FILTERED_SHARE = 4
"""Factor by which shards of rows that must be decompressed are smaller, since these take ten times as long."""
SHARD_ROWS = 1 << 17
"""Maximum number of rows of a shard. Its findings wait in memory for their turn, and small rows may have many."""
SHARD_PAYLOADS, SHARDS_A_TABLE, UNJUDGED_A_SHARD = 1 << 11, 4096, 1000
INDEX = b"_i_"


class AsLong(msgspec.Struct, frozen=True):
    """A column that has as many values in each row as the ragged column `of`, or `counts` them.

    It is `sure` if the sampled rows agree so well that a row that does not is bad.
    """

    name: str
    of: str
    counts: bool = False
    sure: bool = True


class Masked(msgspec.Struct, frozen=True):
    """A column whose values are missing where `mask`, another column, is not 0 (`flag`), or is 0."""

    name: str
    mask: str
    flag: bool


class Positions(msgspec.Struct, frozen=True):
    """A column whose numbers are positions in the rows of `of`, another column, which have `width` values.

    `masked` has what belongs at each position, if there is such a column.
    """

    name: str
    of: str
    width: int
    masked: str = ""
    flat: bool = False
    """Whether all numbers are positions in all of `of`, not in a row of it; `width` is the first that leads nowhere."""
    may_be_last: bool = False
    """Whether `width` may be the last position, as none is 0 and they may be counted from 1."""


class Table(msgspec.Struct, frozen=True, dict=True):
    """Datasets of one group with the same number of rows: those that are judged, and those that are only read.

    `name` is escaped; `labels` are names of columns.
    """

    name: str
    rows: int
    judged: tuple[Dataset, ...]
    unjudged: tuple[Dataset, ...] = ()
    labels: tuple[str, ...] = ()
    each: bool = False
    """Whether each dataset is a record, rather than each row."""
    as_long: tuple[AsLong, ...] = ()
    absent: tuple[tuple[str, ...], ...] = ()
    """The columns of each level of theory that is missing in some rows by design (see `levels_of_theory`)."""
    masked: tuple[Masked, ...] = ()
    positions: tuple[Positions, ...] = ()

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        return self.judged + self.unjudged

    @cached_property
    def group(self) -> str:
        """The path of the group of the datasets, as it is printed."""
        return printed(self.datasets[0].path.rpartition(b"/")[0])

    @property
    def row_bytes(self) -> int:
        if self.each:
            return max(1, max(dataset.bytes for dataset in self.judged))
        return max(1, sum(dataset.row_bytes for dataset in self.datasets))

    def fields_at(self, paths: Collection[bytes]) -> Iterator[tuple[str, str]]:
        """Yield the table and the name of each column of the judged datasets with these paths."""
        return ((self.name, it.name) for one in self.judged if one.path in paths for it in one.columns)

    def key(self, row: int) -> str:
        """Return the name of a record."""
        return escape(self.judged[row].path) if self.each else f"{self.name}[{row}]"


class Contents(msgspec.Struct, frozen=True, dict=True):
    """The contents of a file: its tables, the datasets outside of them that are only read, and the findings."""

    tables: tuple[Table, ...] = ()
    unjudged: tuple[Dataset, ...] = ()
    records: tuple[Dataset, ...] = ()
    """Scalars of bytes that are one record each."""
    findings: tuple[Finding, ...] = ()
    deadly: tuple[tuple[int, str], ...] = ()
    """Steps of the walk that killed the reader, with the signals, so that no worker repeats them (see `fork_guard`)."""
    damaged: bool = False
    """Whether the library would refuse the file as it is."""
    recovery: Recovery | None = None
    """How the file is presented to the library, or None if it is as it is."""
    paths: tuple[bytes, ...] = ()
    """The paths of all datasets, including those without values."""
    shapes: tuple[tuple[bytes, tuple[int, ...]], ...] = ()
    """The path and shape of each dataset."""
    means: Meaning | None = None
    """What the datasets and attributes say of each other."""
    keeps: tuple[str, ...] = ()
    """The names of the conventions that the file follows."""
    by_path: bool = False
    """Whether anything refers to objects by their paths: a soft link, a virtual dataset."""
    looked: tuple[bytes, ...] = ()
    """The datasets whose values the walk has read, sorted, since a set would be sent in another order each time."""
    attributes: tuple[tuple[bytes, int, int, int], ...] = ()
    """The numeric attributes of the file itself: name, number of NaN values, of infinite values, and of all values."""
    leading: tuple[Leading, ...] = ()
    """Row numbers that may lead to the rows of another file."""

    def names(self) -> Iterator[str]:
        """Yield the path of each dataset and each member of a compound one, as it is printed."""
        yield from map(printed, self.paths)
        yield from (f"{table.group}/{table.judged[0].columns[0].name}" for table in self.tables if table.each)
        for dataset in (dataset for table in self.tables for dataset in table.judged if dataset.dtype.names):
            group = printed(dataset.path.rpartition(b"/")[0])
            yield from (f"{group}/{column.name}" for column in dataset.columns)

    @property
    def single(self) -> tuple[Dataset, ...]:
        """The datasets that can be read and are in no table."""
        return self.unjudged + self.records

    @cached_property
    def named(self) -> dict[str, Table]:
        """The tables by their names."""
        return {table.name: table for table in reversed(self.tables)}


def tables(
    group: bytes, datasets: Sequence[Dataset], options: StoreOptions, *, texts: bool = False
) -> tuple[list[Table], list[Dataset]]:
    """Return the tables of a group, and its datasets that are read but belong to no table.

    Datasets that hold only texts form a table only if `texts` is True, since beside others they are names of something.
    The names of tables depend on the file alone, so that a row has the same name whether or not a filter is installed.
    """
    by_height: dict[Height, list[Dataset]] = defaultdict(list)
    others: list[Dataset] = []
    for dataset in _apart(datasets):
        if dataset.shape and dataset.bytes and dataset.columns:
            by_height[dataset.height].append(dataset)
        elif dataset.bytes:
            others.append(dataset)
    first = _table_heights(by_height, texts=texts)
    others += (dataset for height, members in by_height.items() if height not in first for dataset in members)
    others.sort(key=lambda dataset: dataset.path)
    beside: dict[Height, list[Dataset]] = defaultdict(list)
    for dataset in others:
        if dataset.shape and dataset.readable:
            beside[dataset.height].append(dataset)
    labels = label_names(group, datasets, options)
    result = []
    taken: set[bytes] = set()
    for height, path in first.items():
        judged = tuple(_with_distinct_names([dataset for dataset in by_height[height] if dataset.readable]))
        if not judged:
            continue
        taken.update(dataset.path for dataset in beside[height])
        columns = tuple(it.name for dataset in judged if dataset.name in labels for it in dataset.columns)
        result.append(Table(escape(path or group or b"/"), height[0], judged, tuple(beside[height]), columns))
    return result, [dataset for dataset in others if dataset.readable and dataset.path not in taken]


def _table_heights(by_height: Mapping[Height, Sequence[Dataset]], *, texts: bool) -> dict[Height, bytes]:
    """Return the heights whose datasets form a table, with the path that names it, which is empty for the group's path.

    The only table with numbers, or else the only table, is named after the group. A single row of bytes beside a table
    is not a table: PyTables keeps pickled objects that way.
    """
    named: dict[Height, bytes] = {}
    lone = []
    for height, members in by_height.items():
        numeric = [dataset for dataset in members if NUMBERS in dataset.holds]
        if numeric:
            named[height] = numeric[0].path
            lone.append(height)
    for height, members in by_height.items():
        only = all(dataset.holds <= TEXTS for dataset in members)
        if height not in named and (texts or not (only or (height == (1, "") and len(by_height) > 1))):
            named[height] = members[0].path
    if len(lone) == 1 or (not lone and len(named) == 1):
        named[lone[0] if lone else next(iter(named))] = b""
    return named


def _apart(datasets: Sequence[Dataset]) -> Iterator[Dataset]:
    """Yield the datasets of a group; those of a sparse matrix never become columns of other tables of their length."""
    parts = {b"data": "data", b"indices": "data", b"indptr": "indptr"}
    is_matrix = parts.keys() <= {it.name for it in datasets}
    for it in datasets:
        yield replace(it, table=parts[it.name]) if is_matrix and it.name in parts and not it.table else it


def _with_distinct_names(datasets: Sequence[Dataset]) -> Iterator[Dataset]:
    """Yield the datasets of a table, with other names for columns that would print alike."""
    called = distinct_names({it.path: (it.name, it.columns) for it in datasets})
    for dataset in datasets:
        yield replace(dataset, called=called[dataset.path]) if dataset.path in called else dataset


def table_marks(contents: Contents, heights: Mapping[str, int]) -> dict[bytes, str]:
    """Return the name of the table for each dataset that must be marked with it.

    These are the datasets of tables that become as long as something beside them, or one row long. `heights` has the
    new number of rows of each table that changes, by name.
    """
    beside: dict[tuple[bytes, int, str], list[Table | Dataset]] = defaultdict(list)
    for dataset in contents.unjudged:
        if dataset.shape:
            beside[dataset.path.rpartition(b"/")[0], *dataset.height].append(dataset)
    for table in contents.tables:
        if table.each:
            continue
        first = table.datasets[0]
        height = heights.get(table.name, table.rows)
        beside[first.path.rpartition(b"/")[0], height, first.table].append(table)
    clashing = [it for alike in beside.values() if len(alike) > 1 for it in alike if isinstance(it, Table)]
    lone = (it for it in contents.tables if heights.get(it.name) == 1)  # which may form no table: see `_table_heights`
    clashing += (it for it in lone if not any(NUMBERS in dataset.holds for dataset in it.datasets))
    return {dataset.path: table.name for table in clashing if table.name in heights for dataset in table.datasets}


def _slices_of_each(table: Table) -> Iterator[tuple[int, int]]:
    start, size = 0, 0
    for at, dataset in enumerate(table.judged):
        if at > start and (size + dataset.bytes > SHARD_BYTES or at - start >= SHARD_PAYLOADS):
            yield start, at
            start, size = at, 0
        size += dataset.bytes
    yield start, table.rows


def slices(table: Table) -> Iterator[tuple[int, int]]:
    """Yield half-open ranges of rows, cut where the chunks of all datasets end unless that makes ranges too large."""
    if table.each:
        yield from _slices_of_each(table)
        return
    unit = _unit(table)
    size = SHARD_BYTES // (FILTERED_SHARE if any(it.filters for it in table.datasets) else 1)
    # values of varying length may have any size, and a payload takes as long to check as a thousand numbers
    loose = any(not dataset.holds <= TEXTS | {NUMBERS} for dataset in table.judged)
    most = min(size // table.row_bytes, SHARD_PAYLOADS if loose else SHARD_ROWS)
    rows = unit * max(most // unit, math.ceil(table.rows / SHARDS_A_TABLE / unit))
    if rows < table.rows:
        count = min(SHARDS_A_TABLE, EVENLY * math.ceil(table.rows / rows / EVENLY))
        rows = unit * math.ceil(table.rows / count / unit)
    for start in range(0, table.rows, rows):
        yield start, min(start + rows, table.rows)


def _unit(table: Table) -> int:
    deep = [dataset.chunks[0] for dataset in table.datasets if dataset.chunks]
    common = math.lcm(*deep)
    return common if common * table.row_bytes <= 4 * SHARD_BYTES else max(deep, default=1)


def shards(number: int, contents: Contents) -> Iterator[Shard]:
    """Yield the shards of file `number` of a source: its tables, its single records, then datasets that are only read.

    The latter count as no records, and their positions are indexes into `contents.unjudged`.
    """
    for table in contents.tables:
        part_name = part(number, contents, table)
        for start, stop in slices(table):
            yield rows(part_name, start, stop)
    for start in range(0, len(contents.records), SHARD_PAYLOADS):
        yield rows(part_of_records(number, contents), start, min(start + SHARD_PAYLOADS, len(contents.records)))
    start, size = 0, 0
    for at, dataset in enumerate(contents.unjudged):
        if at > start and (size + dataset.bytes > SHARD_BYTES or at - start >= UNJUDGED_A_SHARD):
            yield Shard(part(number, contents), Position(start), Position(at), 0)
            start, size = at, 0
        size += dataset.bytes
    if contents.unjudged:
        yield Shard(part(number, contents), Position(start), Position(len(contents.unjudged)), 0)


def rows(part_name: str, start: int, stop: int) -> Shard:
    """Return the shard of these rows of a part."""
    return Shard(part_name, Position(start), Position(stop), stop - start)


def part_of_records(number: int, contents: Contents) -> str:
    """Return the part of a source for the scalars of a file that are one record each."""
    return part(number, contents).replace("\n\n", f"\n{RECORDS}\n")


def part(number: int, contents: Contents, table: Table | None = None) -> str:
    """Return the part of a source for a table of a file, or for what is in no table if `table` is None; see `parts`."""
    deadly = " ".join(f"{step}={signal}" for step, signal in contents.deadly)
    return f"{number}\n{'' if table is None else table.name}\n{deadly}"  # an escaped name has no newline
