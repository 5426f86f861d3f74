"""The values that flow: Shard -> Block -> Batch -> Finding -> Report. They compare, pickle and add up.

`Report` itself is in `datacheck.reporting.report`, the sums per field in `datacheck.statistics.exact_sums`.

A record has four numbers on its way; none of them is its name, which is its key, or its row in an HDF5 table:

===================== ======================================== ===============================================
position in the batch what a validator yields                  `judge.Judge` makes it a row: `Batch.rows`
row in the block      `Batch.rows`, findings of block, decoder `judge.Judge` makes it an index: `tasks.Check`
index in the shard    `Finding.index` in a `Tally`             `Report.add` adds the records before the shard
index in the report   `Finding.index` in a `Report`, `Drops`   None behind a part that could not be reached
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
    """A place in a part of a store: before the record number `nth` of those whose key is `key`.

    `(key, 0)` is before the first record with that key, `(key, 1)` behind it (under DUPSORT, before its second value).
    HDF5 rows have their number as key.
    """

    key: bytes | int
    nth: int = 0


class Shard(msgspec.Struct, frozen=True):
    """A half-open range of one part (a database, a table) of a store; None is an open end.

    `records` is the exact number of records where it is known without reading them.
    `lacking` are the files whose lack the layout has told of, None where there was no layout: of what else is gone when
    the shard is read, who reads it tells.
    """

    part: str = ""
    start: Position | None = None
    stop: Position | None = None
    records: int | None = None
    lacking: tuple[str, ...] | None = None

    def before(self, place: Position) -> Shard:
        return msgspec.structs.replace(self, stop=place, records=None)

    def since(self, place: Position) -> Shard:
        return msgspec.structs.replace(self, start=place, records=None)

    def within(self, other: Shard | None) -> Shard:
        """Return the same range of the store as it is in `other`, a shard that a later layout has of this part."""
        return self if other is None else msgspec.structs.replace(other, start=self.start, stop=self.stop, records=None)


class Layout(msgspec.Struct, frozen=True):
    """What opening a store tells: its shards in source order, which depend on the store alone, never on the workers.

    `probes` are up to 64 short ranges spread evenly over the store; the profile is taken from their first records.
    `records` and `size` (bytes) may be None where only reading tells. `more` says that there are values that are no
    records, which are only read. `known` is what the reader has found out that other workers need not (see `Knowing`).
    `keeps` are the names of the conventions that the structure of the store follows.
    """

    shards: Sequence[Shard]
    probes: Sequence[Shard]
    records: int | None
    size: int | None
    findings: Sequence[Finding] = ()
    more: bool = False
    known: bytes = b""
    keeps: tuple[str, ...] = ()


Note = Callable[[Position, bool], None]
"""Called by a reader before it touches a record: where it is, and whether the key there is that of the record itself.

What was noted last is all that is known of a worker that died."""


def ignore(position: Position, seen: bool) -> None:
    """Take no note."""


class Block(msgspec.Struct, frozen=True, dict=True):
    """Keys and values of neighbouring records of a key-value store, about 1 MiB, or datasets of a `file` by path.

    The values may be views into the store: they are valid until the next block is asked for.
    `findings` are what the reader has to say: of the record at that position of the block, or (None) of the store.
    `account` adds up over the blocks of a store; the reader may conclude something from the sums.
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
        """What the keys are if they are one number after the other."""
        return series_of(self.keys)

    def name(self, row: int) -> str:
        return escape(self.keys[row])

    def names(self, rows: Sequence[int]) -> list[str]:
        """Return the names of the records at `rows`: usually all keys are what they look like, and none is escaped."""
        keys = [self.keys[row] for row in rows]
        text = b"\n".join(keys).decode("latin-1")
        names = text.split("\n")
        if len(names) == len(keys) and text.isascii() and "\\" not in text and "".join(names).isprintable():
            return names
        return list(map(escape, keys))

    def family(self, row: int) -> str:
        """The family of the record's key with all its numbers folded, within its database."""
        family = fold(self.keys[row])
        return family if self.database is None else f"{self.database}:{family}"

    def named(self, rows: Sequence[int], known: Collection[str]) -> list[str | None]:
        """Return the family of each of the records at `rows`, None where it is not a known one.

        A known family without a key, of a database alone, is of all others in that.
        """
        if self.database is None:
            return self._found(rows, known_families(frozenset(known)))
        prefix = f"{self.database}:"
        within = frozenset(name.removeprefix(prefix) for name in known if name.startswith(prefix))
        rest = prefix if "" in within else None
        return [rest if it is None else prefix + it for it in self._found(rows, known_families(within))]

    def _found(self, rows: Sequence[int], families: KnownFamilies) -> list[str | None]:
        """Return the family of each key: where the keys are a series, all have the first one's."""
        if len(rows) < len(self):
            return families.of([self.keys[row] for row in rows])
        if self.series is not None and not families.told_by_numbers(self.keys[0]):
            return families.of(self.keys[:1]) * len(self)
        return families.of(self.keys)

    def families(self, rows: Sequence[int], known: Collection[str]) -> dict[str | None, Sequence[int]]:
        """Return the records at `rows` by their families, as `family` has them; those of no known family under None."""
        found = self.named(rows, known)
        if found.count(found[0]) == len(found):
            return {found[0]: rows}
        made: dict[str | None, list[int]] = {}
        for row, family in zip(rows, found, strict=True):
            made.setdefault(family, []).append(row)
        return dict(made)

    def scoped(self, row: int | None, finding: Finding) -> Finding:
        """Return a finding of the record at `row`, or (None) of the store, with the part of the store where that is."""
        if self.file is not None:
            finding = msgspec.structs.replace(finding, file=self.file)
        return finding if self.database is None else msgspec.structs.replace(finding, database=self.database)

    def place(self, row: int | None, finding: Finding, index: int | None) -> Finding:
        """Return the finding with the name of the record at `row` of this block, `index` in its shard."""
        scoped = self.scoped(row, finding)
        return scoped if row is None else msgspec.structs.replace(scoped, key=self.name(row), index=index)

    def take(self, rows: Sequence[int]) -> Block:
        """Return the block of only the records at `rows`; findings of the store stay."""
        places = {row: place for place, row in enumerate(rows)}
        return msgspec.structs.replace(
            self,
            keys=[self.keys[row] for row in rows],
            values=[self.values[row] for row in rows],
            findings=_moved(self.findings, places),
        )


class RowBlock(msgspec.Struct, frozen=True):
    """Rows of an HDF5 table: one array for each dataset of numbers, with the row as the leading axis.

    `cells` are the columns of anything else, `unwritten` has the positions of the rows of a column that no one ever
    wrote, of which the layout tells.

    The values are valid until the next block is asked for.
    Where a dataset could not be read its rows hold zeros, `unread` has their positions, and a finding says why.
    `labels` are the names of the columns that are labels. `table` is escaped and ends in no slash but the root's;
    `group` is the path of the group that the datasets are in, as it is printed, without a slash behind it.
    `scalars` are values of the file that are no rows: the escaped path of the dataset, a column's name, and an array
    of one; they are part of the `sample`, if that is not empty. `missing` says which values of a column are declared
    to be missing ones: these are NaN.
    `called` are the names of the records where they are datasets, and no rows. `place_of` says of a row what it
    is a part of, in words and as details: of a value of a sparse matrix its cell.
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
        """Return a finding of the record at `row`, or (None) of the store, with the part of the store where that is."""
        where, details = ("", {}) if self.place_of is None or row is None else self.place_of(self.rows[row])
        if where:
            message, details = f"{finding.message}; {where}", {**finding.details, **details}
            finding = msgspec.structs.replace(finding, message=message, details=details)
        return finding if self.file is None else msgspec.structs.replace(finding, file=self.file)

    def place(self, row: int | None, finding: Finding, index: int | None) -> Finding:
        """Return the finding with the name of the record at `row` of this block, `index` in its shard."""
        scoped = self.scoped(row, finding)
        return scoped if row is None else msgspec.structs.replace(scoped, key=self.name(row), index=index)

    def left_out(self, name: str) -> frozenset[int]:
        """Return the positions of the rows whose cells of a column are not there to be judged."""
        return frozenset(self.unread.get(name, ())).union(self.unwritten.get(name, ()))

    def take(self, rows: Sequence[int]) -> RowBlock:
        """Return the block of only the records at `rows`; findings of the store stay."""
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
            findings=_moved(self.findings, places),
        )


def _moved(
    findings: Sequence[tuple[int | None, Finding]], places: Mapping[int, int]
) -> list[tuple[int | None, Finding]]:
    return [(None if row is None else places[row], it) for row, it in findings if row is None or row in places]


AnyBlock = Block | RowBlock
