"""The values that a scan passes on: Shard -> Block -> Batch -> Finding -> Report. They compare, pickle and add up.

`Report` itself is in `datacheck.reporting.report`, the sums per field are in `datacheck.statistics.exact_sums`.

A record has four successive numbers. None of them is its name, which is its key, or its row in an HDF5 table:

===================== ======================================== ===============================================
position in the batch what a validator yields                  `judge.Judge` turns it into a row: `Batch.rows`
row in the block      `Batch.rows`, findings of block, decoder `judge.Judge` turns it into an index: `tasks.Check`
index in the shard    `Finding.index` in a `Tally`             `Report.add` adds the records before the shard
index in the report   `Finding.index` in a `Report`, `Drops`   None after a part that could not be reached
===================== ======================================== ===============================================
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from datacheck.model.cells import Cells
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding
from datacheck.model.key_families import KnownFamilies, fold, known_families
from datacheck.model.key_series import Series, series_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Position(NamedTuple):
    """A place in a part of a store: before record number `nth` of those whose key is `key`.

    `(key, 0)` is before the first record with that key, `(key, 1)` after it (under DUPSORT, before its second value).
    HDF5 rows have their number as key.
    """

    key: bytes | int
    nth: int = 0

    @property
    def key_bytes(self) -> bytes:
        """The key of a record of a key-value store."""
        assert isinstance(self.key, bytes)
        return self.key


FIRST = (Position(b""), Position(0))
"""The positions before all others, where a shard with an open start begins: of records by key, and of rows."""


class Shard(msgspec.Struct, frozen=True):
    """A half-open range of one part (a database, a table) of a store; None is an open end.

    `records` is the exact number of records if it is known without reading them. `lacking` are the missing files that
    the layout has already reported, or None if there was no layout. The reader of the shard reports any other file that
    is missing by then.
    """

    part: str = ""
    start: Position | None = None
    stop: Position | None = None
    records: int | None = None
    lacking: tuple[str, ...] | None = None

    def begins_at(self, place: Position) -> bool:
        """Return whether nothing of the shard is before this place."""
        return place == self.start or (self.start is None and place in FIRST)

    def before(self, place: Position) -> Shard:
        return msgspec.structs.replace(self, stop=place, records=None)

    def since(self, place: Position) -> Shard:
        return msgspec.structs.replace(self, start=place, records=None)

    def within(self, other: Shard | None) -> Shard:
        """Return the same range in `other`, the shard of this part in a later layout."""
        return self if other is None else msgspec.structs.replace(other, start=self.start, stop=self.stop, records=None)


class Layout(msgspec.Struct, frozen=True):
    """The result of opening a store: its shards in source order, which depend only on the store, never on the workers.

    `probes` are up to 64 short ranges spread evenly over the store; the profile is made from their first records.
    `records` and `size` (bytes) are None if only reading the store can determine them. `more` means that there are
    values that are not records and are only read. `known` is what the reader has found out and other workers need not
    repeat (see `Knowing`). `keeps` are the names of the conventions that the structure of the store follows.
    `various` are the fields, each with its table, whose shape differs between the files of a store by design. `tables`
    says that all probes are of tables, whose rows are summed up without regard to other probes.
    """

    shards: Sequence[Shard]
    probes: Sequence[Shard]
    records: int | None
    size: int | None
    findings: Sequence[Finding] = ()
    more: bool = False
    known: bytes = b""
    keeps: tuple[str, ...] = ()
    various: tuple[tuple[str, str], ...] = ()
    tables: bool = False


Note = Callable[[Position, bool], None]
"""Function that a reader calls before it touches a record.

Its arguments are the position and whether the key in it is the record's own. The last note is all that is known about a
worker that died.
"""


def ignore(position: Position, own_key: bool) -> None:
    """Do nothing: the note of readers whose position is of no interest."""


class Block(msgspec.Struct, frozen=True, dict=True):
    """Keys and values of neighbouring records of a key-value store, about 1 MiB, or datasets of a `file` by path.

    The values may be views into the store: they are valid until the next block is requested. `findings` are the
    reader's own: each is about the record at that position of the block, or (None) about the store. `account` is added
    up over the blocks of a store; the reader may draw conclusions from the sums.
    """

    keys: Sequence[bytes]
    values: Sequence[bytes | memoryview]
    database: str | None = None
    findings: Sequence[tuple[int | None, Finding]] = ()
    account: Mapping[str, int] = msgspec.field(default_factory=dict)
    file: str | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def series(self) -> Series | None:
        """The series that the keys form, or None."""
        return series_of(self.keys)

    def name(self, row: int) -> str:
        return escape(self.keys[row])

    def names(self, rows: Sequence[int]) -> list[str]:
        """Return the names of the records at `rows`.

        The fast path handles the usual case, in which no key needs escaping.
        """
        keys = [self.keys[row] for row in rows]
        text = b"\n".join(keys).decode("latin-1")
        names = text.split("\n")
        if len(names) == len(keys) and text.isascii() and "\\" not in text and "".join(names).isprintable():
            return names
        return list(map(escape, keys))

    def family(self, row: int) -> str:
        """The family of the record's key with all its numbers folded, prefixed with the name of its database."""
        family = fold(self.keys[row])
        return family if self.database is None else f"{self.database}:{family}"

    def named(self, rows: Sequence[int], known: Collection[str]) -> list[str | None]:
        """Return the family of each of the records at `rows`, or None for a record of no known family.

        A known family that is only the name of a database stands for all other keys of that database.
        """
        if self.database is None:
            return self._families_of(rows, known_families(frozenset(known)))
        prefix = f"{self.database}:"
        within = frozenset(name.removeprefix(prefix) for name in known if name.startswith(prefix))
        rest = prefix if "" in within else None
        return [rest if it is None else prefix + it for it in self._families_of(rows, known_families(within))]

    def _families_of(self, rows: Sequence[int], families: KnownFamilies) -> list[str | None]:
        """Return the family of each key; if the keys are a series, all have the family of the first one."""
        if len(rows) < len(self):
            return families.of([self.keys[row] for row in rows])
        if self.series is not None and not families.needs_numbers(self.keys[0]):
            return families.of(self.keys[:1]) * len(self)
        return families.of(self.keys)

    def families(self, rows: Sequence[int], known: Collection[str]) -> dict[str | None, Sequence[int]]:
        """Return the records at `rows` by family, as `family` names it; those of no known family are under None."""
        found = self.named(rows, known)
        if found.count(found[0]) == len(found):
            return {found[0]: rows}
        by_family: dict[str | None, list[int]] = {}
        for row, family in zip(rows, found, strict=True):
            by_family.setdefault(family, []).append(row)
        return dict(by_family)

    def scoped(self, row: int | None, finding: Finding) -> Finding:
        """Return a finding about the record at `row` (None: the store) with its file and database filled in."""
        if self.file is not None:
            finding = msgspec.structs.replace(finding, file=self.file)
        return finding if self.database is None else msgspec.structs.replace(finding, database=self.database)

    def place(self, row: int | None, finding: Finding, index: int | None) -> Finding:
        """Return the finding with the name of the record at `row` of this block and its `index` in the shard."""
        scoped = self.scoped(row, finding)
        return scoped if row is None else msgspec.structs.replace(scoped, key=self.name(row), index=index)

    def take(self, rows: Sequence[int]) -> Block:
        """Return a block with only the records at `rows`; findings about the store are kept."""
        places = {row: place for place, row in enumerate(rows)}
        return msgspec.structs.replace(
            self,
            keys=[self.keys[row] for row in rows],
            values=[self.values[row] for row in rows],
            findings=_findings_of_rows(self.findings, places),
        )


class RowBlock(msgspec.Struct, frozen=True):
    """Rows of an HDF5 table: one array for each dataset of numbers, with the row as the leading axis.

    `cells` are the columns of anything else. `unwritten` has, per column, the positions of rows that were never
    written; the layout reports those.

    The values are valid until the next block is requested. Rows of a dataset that could not be read hold zeros;
    `unread` has their positions, and a finding says why. `labels` are the names of the columns that are labels. `table`
    is escaped and ends in no slash unless it is the root; `group` is the printable path of the group that contains the
    datasets, without a trailing slash. `scalars` are values of the file that are not rows: the escaped path of the
    dataset, a column's name, and an array of one value; they are part of the `sample`, if that is not empty. `missing`
    marks the values of a column that are declared to be missing; they are NaN. `called` are the names of the records if
    they are datasets instead of rows. `place_of` returns what a row is a part of, in words and as details: for a value
    of a sparse matrix, its cell.
    """

    table: str
    rows: Sequence[int]
    columns: Mapping[str, NDArray[Any]]
    labels: Sequence[str] = ()
    unread: Mapping[str, Sequence[int]] = msgspec.field(default_factory=dict)
    file: str | None = None
    findings: Sequence[tuple[int | None, Finding]] = ()
    scalars: Sequence[tuple[str, str, NDArray[Any]]] = ()
    group: str = ""
    cells: Mapping[str, Cells] = msgspec.field(default_factory=dict)
    unwritten: Mapping[str, Sequence[int]] = msgspec.field(default_factory=dict)
    called: Sequence[str] = ()
    place_of: Callable[[int], tuple[str, dict[str, Any]]] | None = None
    missing: Mapping[str, NDArray[Any]] = msgspec.field(default_factory=dict)
    sample: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, row: int) -> str:
        if self.called:
            return self.called[row]
        return f"{self.table}[{self.rows[row]}]"

    def names(self, rows: Sequence[int]) -> list[str]:
        """Return the names of the records at `rows`."""
        return list(map(self.name, rows))

    def scoped(self, row: int | None, finding: Finding) -> Finding:
        """Return a finding about the record at `row`, or about the store (None), with its place and file filled in."""
        where, details = ("", {}) if self.place_of is None or row is None else self.place_of(self.rows[row])
        if where:
            message, details = f"{finding.message}; {where}", {**finding.details, **details}
            finding = msgspec.structs.replace(finding, message=message, details=details)
        return finding if self.file is None else msgspec.structs.replace(finding, file=self.file)

    def place(self, row: int | None, finding: Finding, index: int | None) -> Finding:
        """Return the finding with the name of the record at `row` of this block and its `index` in the shard."""
        scoped = self.scoped(row, finding)
        return scoped if row is None else msgspec.structs.replace(scoped, key=self.name(row), index=index)

    def left_out(self, name: str) -> frozenset[int]:
        """Return the positions of the rows whose cell in this column cannot be judged: unread or never written."""
        return frozenset(self.unread.get(name, ())).union(self.unwritten.get(name, ()))

    def take(self, rows: Sequence[int]) -> RowBlock:
        """Return a block with only the records at `rows`; findings about the store are kept."""
        places = {row: place for place, row in enumerate(rows)}
        return msgspec.structs.replace(
            self,
            rows=[self.rows[row] for row in rows],
            called=[self.called[row] for row in rows] if self.called else (),
            columns={name: column[list(rows)] for name, column in self.columns.items()},
            missing={name: mask[list(rows)] for name, mask in self.missing.items()},
            cells={name: cells.take(rows) for name, cells in self.cells.items()},
            unread={name: [places[row] for row in lost if row in places] for name, lost in self.unread.items()},
            unwritten={name: [places[row] for row in it if row in places] for name, it in self.unwritten.items()},
            findings=_findings_of_rows(self.findings, places),
        )


def _findings_of_rows(
    findings: Sequence[tuple[int | None, Finding]], places: Mapping[int, int]
) -> list[tuple[int | None, Finding]]:
    return [(None if row is None else places[row], it) for row, it in findings if row is None or row in places]


AnyBlock = Block | RowBlock
