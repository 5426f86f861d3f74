"""The protocols of a store: Reader for reading, Copier and Writer for rebuilding. A row of `BACKENDS` names both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from re import Pattern
from typing import Protocol, runtime_checkable

import msgspec

from datacheck.backends.copy_plan import Copying, Gone, Plan, Verifying
from datacheck.model.blocks import AnyBlock, Block, Layout, Note, Position, Shard, ignore
from datacheck.model.finding import Finding


class StoreOptions(msgspec.Struct, frozen=True):
    """What a caller says about the meaning of a store that its content does not tell; only HDF5 uses it.

    `label_field` is the name of the dataset that holds labels. `together` lists groups of dataset paths that must have
    the same number of rows. `records` says whether sibling datasets with similar names are columns of a "table" or one
    record each, "per-sample"; None leaves it to the store. `heeded` is False if the store is said to follow no
    convention: its own counts, names and row numbers are then ignored.
    """

    label_field: str | None = None
    together: tuple[tuple[str, ...], ...] = ()
    records: str | None = None
    heeded: bool = True


DEFAULTS = StoreOptions()
READINGS = ("table", "per-sample")


def records_of(conventions: Collection[str]) -> str | None:
    """Return the one of READINGS that is among the names of conventions, or None."""
    return next((it for it in READINGS if it in conventions), None)


class InFolders(msgspec.Struct, frozen=True):
    """How to recognise stores of a kind while a folder is searched, before their reader is asked.

    A file or an empty directory with one of the `suffixes` should be such a store. If such stores may be `files`, the
    reader is asked about files with one of these suffixes or with one of `magics` (offset and bytes), or about every
    file if there are no magics. `own` matches the names that belong to a directory that is such a store (None: all
    names). A directory with a name that matches `marks` should be such a store. The reader is only asked about a
    directory with a name that matches `needs` (None: it is always asked). `holds` tells whether a file is one of those
    that form one source together; the reader is then Gathering.
    """

    suffixes: frozenset[str] = frozenset()
    files: bool = True
    magics: tuple[tuple[int, bytes], ...] = ()
    own: Pattern[str] | None = None
    marks: Pattern[str] | None = None
    needs: Pattern[str] | None = None
    holds: Callable[[Path], bool] | None = None


@runtime_checkable
class Gathering(Protocol):
    """A reader of many files as one source."""

    @classmethod
    def gather(
        cls, folder: Path, files: Sequence[tuple[bytes, Path]], faults: Sequence[Finding], options: StoreOptions
    ) -> Reader:
        """Return the reader of these files, with names relative to a folder, and of the findings about other files."""
        ...


@runtime_checkable
class Knowing(Protocol):
    """A reader that can reuse what it found out for an earlier layout."""

    def knowing(self, known: bytes) -> Reader:
        """Return the reader with the content of `Layout.known`, which it uses as long as the store has not changed."""
        ...


class Reader(Protocol):
    """A description of a store until it is used: frozen, picklable, with no open handle.

    Iterating opens the store. That happens in a worker, since opening may kill the process. Anything wrong with the
    store is a finding in the layout or in a block, never an exception.
    """

    @property
    def backend(self) -> str: ...

    @property
    def path(self) -> Path: ...

    @classmethod
    def recognise(cls, path: Path, options: StoreOptions) -> Reader | None:
        """Return a reader if this kind of store lies at `path`, judged by its bytes and without the store's library.

        Return None if it does not. Raises SourceUnknown if it is that kind of store, but cannot be read on this
        machine.
        """
        ...

    def layout(self) -> Layout:
        """Open the store and return its shards, probes and size."""
        ...

    def blocks(self, shard: Shard, *, limit: int | None = None, note: Note = ignore) -> Iterator[AnyBlock]:
        """Yield the records of the shard in source order, at most `limit` per block.

        With a limit the reader touches nothing behind the shard's stop, since a record that kills may lie there. With
        `limit=1` it notes the place of each record before it touches the value.
        """
        ...

    def find(self, key: str) -> Shard | None:
        """Return the range of the one record with this escaped key, or None."""
        ...

    def name(self, shard: Shard, place: Position, finding: Finding) -> Finding:
        """Return the finding with the name of the record at a place noted in this shard, without opening anything."""
        ...


@runtime_checkable
class Concluding(Protocol):
    """A reader whose blocks carry an account and that can judge the whole store by its sums."""

    def conclude(self, account: Mapping[str, int]) -> list[Finding]:
        """Return what is wrong with the store as a whole, after all its shards were read.

        The account has "died" if a record killed its reader; it then lacks what that record's block would have added.
        It has "pieces" if a shard was read in several pieces after its reader had died.
        """
        ...


@runtime_checkable
class ReadsMore(Protocol):
    """A reader of files that lie neither at its path nor below it."""

    def reads(self) -> Iterator[Path]:
        """Yield the path of each of these files, whether it exists or not; only a list that names them is opened."""
        ...


@runtime_checkable
class TakingRisks(Protocol):
    """A reader whose layout takes less time in a process that may die of it."""

    def layout_at_risk(self) -> Layout:
        """Return what `layout` returns. If this process dies of it, `layout` survives the same."""
        ...


@runtime_checkable
class Heeding(Protocol):
    """A reader of files that are compared with lists beside them."""

    def heeds(self) -> Iterator[Path]:
        """Yield the path of each list that says something of the files."""
        ...


@runtime_checkable
class OfFiles(Protocol):
    """A reader of many named files whose records do not depend on the content of the other files."""

    @property
    def files(self) -> Sequence[Path]: ...

    @property
    def names(self) -> Sequence[str]:
        """The escaped name of each file, as in findings; empty for a single file."""
        ...

    def file_of(self, shard: Shard) -> tuple[int, str]:
        """Return the number of the file of a shard, and the table of its blocks, or "" if they may be of any table."""
        ...


@runtime_checkable
class WithDatabases(Protocol):
    """A reader of a key-value store that may have several databases, or several values for a key."""

    def databases(self) -> Mapping[str, bool]:
        """Return each database that holds records, "" being the unnamed one, and whether a key may have many values."""
        ...


@runtime_checkable
class WithNames(Protocol):
    """A reader of a store whose parts have names of their own, which options may give."""

    def part_names(self) -> tuple[Iterator[str], bool]:
        """Return the paths of all parts, as they are printed, and whether the list is complete."""
        ...


@runtime_checkable
class Sparing(Protocol):
    """A reader of a key-value store that can skip a record without touching its value, which may kill the process."""

    def sparing(self, shard: Shard, keys: Collection[bytes]) -> Iterator[Block]:
        """Yield the records of the shard as `blocks` does, with empty values for these keys."""
        ...


@runtime_checkable
class Peeking(Protocol):
    """A reader of a key-value store whose values cost nothing until they are accessed."""

    def peek(self, shard: Shard, limit: int | None = None) -> Iterator[Block]:
        """Yield the records of the shard as `blocks` does, without findings that require access to a value."""
        ...


@runtime_checkable
class Sorted(Protocol):
    """A reader of a key-value store that can tell whether the keys of a part are in byte order."""

    def in_byte_order(self, part: str) -> bool:
        """Return whether the keys of a part are in the order of their bytes; False if that is unknown."""
        ...


class Copier(Protocol):
    """Writes a copy of one kind of store. Runs in a worker; everything is on disk (fsync) when `copy` returns.

    The class that a row of BACKENDS names is called with `to`, the name of the backend to write, and with `lost`: the
    file (None for the source itself) and the escaped path ("" for the whole file) of everything that a scan found
    damaged.
    """

    @property
    def acceptable(self) -> bool:
        """Whether the objections are losses, which `--accept-losses` accepts.

        They then matter only if a record is left out or altered or something is damaged. Otherwise they are reasons not
        to start.
        """
        ...

    def objections(self, reader: Reader, *, changed: bool = True) -> list[str]:
        """Return a sentence for each thing in the source that a copy could not keep.

        If nothing is `changed`, that is, no record is left out or altered, return only what even such a copy would
        lose.
        """
        ...

    def fills(self, decoders: Collection[str]) -> bool:
        """Return whether this copier can replace values in a source whose payloads have these decoders."""
        ...

    def copy(self, reader: Reader, plan: Plan) -> Copying:
        """Write the copy and the quarantine. Raises OSError if the disk is full or refuses."""
        ...

    def verify(self, reader: Reader, plan: Plan, share: int = 0, shares: int = 1) -> Verifying:
        """Open the copy again and read all of it, or share number `share` of `shares` that cover it together."""
        ...

    def joined(self, digests: Sequence[str]) -> str | None:
        """Return the digest of a copy from the digests of its shares, or None if its copies are not read in shares."""
        ...


@runtime_checkable
class WithSamples(Protocol):
    """A copier of a store whose records belong together in another way than by their keys."""

    def gone(
        self,
        reader: Reader,
        indexes: bytes,
        marked: frozenset[tuple[str | None, str]],
        *,
        drop_rows: bool,
        renumber: bool | None,
    ) -> Gone:
        """Return everything that goes with the records at these indexes, ascending int64, and with the marked samples.

        With `drop_rows` only the corresponding rows of the tables in step go, not the whole sample. `renumber` says
        whether gaps in the remaining numbers are closed; None leaves it to the store.
        """
        ...


class Writer(Protocol):
    """Writes a new key-value store, the records of each database in key order. A context manager."""

    @classmethod
    def refusals(cls, reader: Reader) -> list[str]:
        """Return a sentence for each reason why such a store cannot hold everything in this reader's store."""
        ...

    @classmethod
    def like(cls, reader: Reader, path: Path) -> Writer:
        """Return a writer of a new store at `path` for what this reader reads."""
        ...

    @classmethod
    def let_go(cls, path: Path) -> None:
        """Free the memory that holds what was read from a finished store, if that is much."""
        ...

    def __enter__(self) -> Writer: ...

    def __exit__(self, *exc: object) -> None: ...

    def put(self, part: str, pairs: Sequence[tuple[bytes, bytes | memoryview]], *, ordered: bool = True) -> None:
        """Write records of the database `part`; if they are `ordered`, they come behind the records already there."""
        ...

    def finish(self) -> None:
        """Write what is left; the store is then complete."""
        ...
