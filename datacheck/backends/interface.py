"""What a store has to offer: a Reader; to be rebuilt, a Copier. A row of `BACKENDS` names both."""

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
    """What a caller says about a store's meaning that cannot be read off it; only HDF5 has use for it.

    `label_field` is the name of the dataset that holds labels, `together` lists groups of dataset paths that must have
    as many rows as each other. `records` says of sibling datasets with like names whether they are a "table" or a
    record each, "per-sample"; None where the store tells. Where it is said to keep no convention, what it says of its
    counts, names and row numbers is not `heeded`.
    """

    label_field: str | None = None
    together: tuple[tuple[str, ...], ...] = ()
    records: str | None = None
    heeded: bool = True


DEFAULTS = StoreOptions()
READINGS = ("table", "per-sample")


def records_of(conventions: Collection[str]) -> str | None:
    """Return the one of READINGS that is among the names of conventions."""
    return next((it for it in READINGS if it in conventions), None)


class InFolders(msgspec.Struct, frozen=True):
    """How stores of a kind are told in a folder that is searched, before their reader is asked.

    `suffixes` say of a file or an empty directory that it should be one. If they may be `files`, those with such a
    suffix are asked and those with one of `magics` (offset and bytes); every file where there are none. `own` are the
    names of what belongs to a directory that is such a store (None: all); a directory with one of the names `marks`
    should be one. Where a directory has none of the names it `needs`, the reader is not asked (None: it always is).
    `holds` says of a file that it is one of those that are one source together: the reader is Gathering.
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
        """Return the reader of these files, whose names are relative to a folder, and of what is wrong with others."""
        ...


@runtime_checkable
class Knowing(Protocol):
    """A reader that need not find out again what it has told in a layout."""

    def knowing(self, known: bytes) -> Reader:
        """Return the reader with what `Layout.known` has; as long as the store is as it was it goes by that."""
        ...


class Reader(Protocol):
    """A description of a store until used: frozen, picklable, with no handle open.

    Whoever iterates opens the store, and does so in a worker, since opening may kill the process. What is wrong with
    the store is a finding in the layout or in a block, never an exception.
    """

    @property
    def backend(self) -> str: ...

    @property
    def path(self) -> Path: ...

    @classmethod
    def recognise(cls, path: Path, options: StoreOptions) -> Reader | None:
        """Return a reader if its kind of store lies at `path`, by the bytes there and without the store's library.

        Raises SourceUnknown where it is that kind of store, but one that cannot be read anywhere on this machine.
        """
        ...

    def layout(self) -> Layout:
        """Open the store and return its shards, probes and size."""
        ...

    def blocks(self, shard: Shard, *, limit: int | None = None, note: Note = ignore) -> Iterator[AnyBlock]:
        """Yield the records of the shard in source order, at most `limit` a block.

        With a limit the reader touches nothing behind the shard's stop, where what kills may lie. With `limit=1` it
        notes each record's place before it touches the value.
        """
        ...

    def find(self, key: str) -> Shard | None:
        """Return the range of the one record with this escaped key, or None."""
        ...

    def name(self, shard: Shard, place: Position, finding: Finding) -> Finding:
        """Return the finding with the name of the record at a place that was noted in this shard, opening nothing."""
        ...


@runtime_checkable
class Concluding(Protocol):
    """A reader that gives an account in its blocks, and can tell something from the sums of all of them."""

    def conclude(self, account: Mapping[str, int]) -> list[Finding]:
        """Return what is wrong with the store as a whole, after all its shards were read.

        The account has "died" where a record killed its reader: what its block would have added is not in it. It has
        "pieces" where a shard was read in several, after its reader had died.
        """
        ...


@runtime_checkable
class ReadsMore(Protocol):
    """A reader of files that lie neither at its path nor below it."""

    def reads(self) -> Iterator[Path]:
        """Yield each of these files, whether it is there or not; nothing is opened but a list that names them."""
        ...


@runtime_checkable
class OfFiles(Protocol):
    """A reader of many files, each with a name, whose records come to the same whatever is in the others."""

    @property
    def files(self) -> Sequence[Path]: ...

    @property
    def names(self) -> Sequence[str]:
        """The escaped name of each file, as findings have it; none where it is a single one."""
        ...

    def file_of(self, shard: Shard) -> tuple[int, str]:
        """Return the number of the file that a shard is of, and the table of its blocks, "" where they are of any."""
        ...


@runtime_checkable
class WithDatabases(Protocol):
    """A reader of a key-value store that has more than one database of one value for each key."""

    def databases(self) -> Mapping[str, bool]:
        """Return each database that holds records, "" being the unnamed one, and whether a key may have many values."""
        ...


@runtime_checkable
class WithNames(Protocol):
    """A reader of a store whose parts have names of their own, which options may give."""

    def part_names(self) -> tuple[Iterator[str], bool]:
        """Return the paths of all parts, as they are printed, and whether no other can be there."""
        ...


@runtime_checkable
class Sparing(Protocol):
    """A reader of a key-value store that can pass over a record without touching its value, which may kill."""

    def sparing(self, shard: Shard, keys: Collection[bytes]) -> Iterator[Block]:
        """Yield the records of the shard as `blocks` does; the values of these keys come as no bytes."""
        ...


@runtime_checkable
class Peeking(Protocol):
    """A reader of a key-value store whose values cost nothing until somebody looks at them."""

    def peek(self, shard: Shard, limit: int | None = None) -> Iterator[Block]:
        """Yield the records of the shard as `blocks` does, without any finding that takes a look at a value."""
        ...


@runtime_checkable
class Sorted(Protocol):
    """A reader of a key-value store that tells whether the keys of a part are in the order of their bytes."""

    def in_byte_order(self, part: str) -> bool:
        """Say whether each key of a part comes before those that are larger byte by byte; false if nobody knows."""
        ...


class Copier(Protocol):
    """Writes a copy of one kind of store. Runs in a worker; everything is on disk (fsync) when `copy` returns.

    The class that a row of BACKENDS names is called with `to`, the name of the backend to write, and `lost`, the file
    (None for the source itself) and the escaped path ("" for all of it) of each thing that a scan found damaged.
    """

    @property
    def acceptable(self) -> bool:
        """Whether the objections are losses, which `--accept-losses` accepts.

        They then matter only where a record is left out or altered or something is damaged. Otherwise they are reasons
        not to begin.
        """
        ...

    def objections(self, reader: Reader, *, changed: bool = True) -> list[str]:
        """Return a sentence for each thing in the source that a copy could not keep.

        Where nothing is `changed`, no record left out or altered: each thing that is not even in such a copy.
        """
        ...

    def fills(self, decoders: Collection[str]) -> bool:
        """Say whether it can replace values in a source whose payloads have these decoders."""
        ...

    def copy(self, reader: Reader, plan: Plan) -> Copying:
        """Write the copy, and the quarantine. Raises OSError where the disk is full or refuses."""
        ...

    def verify(self, reader: Reader, plan: Plan, share: int = 0, shares: int = 1) -> Verifying:
        """Re-open the copy and read all of it, or one of several shares that are all of it together."""
        ...

    def joined(self, digests: Sequence[str]) -> str | None:
        """Return the digest of a copy from those of its shares; None if its copies are not read in shares."""
        ...


@runtime_checkable
class WithSamples(Protocol):
    """A copier of a store whose records belong together otherwise than by their keys."""

    def gone(
        self,
        reader: Reader,
        indexes: bytes,
        marked: frozenset[tuple[str | None, str]],
        *,
        drop_rows: bool,
        renumber: bool | None,
    ) -> Gone:
        """Return all that goes with the records at these indexes, ascending int64, and with marked samples.

        With `drop_rows` only the same rows go of what is in step with them, and not the whole sample. `renumber` says
        whether the numbers of what is left are closed up, None where the store tells.
        """
        ...


class Writer(Protocol):
    """Writes a new key-value store, the records of each database in key order. A context manager."""

    @classmethod
    def refusals(cls, reader: Reader) -> list[str]:
        """Return a sentence for each reason why no such store can take all that this reader's store holds."""
        ...

    @classmethod
    def like(cls, reader: Reader, path: Path) -> Writer:
        """Return a writer of a new store at `path` for what this reader reads."""
        ...

    @classmethod
    def let_go(cls, path: Path) -> None:
        """Let go of the memory that holds what was read of a finished store, where that is much."""
        ...

    def __enter__(self) -> Writer: ...

    def __exit__(self, *exc: object) -> None: ...

    def put(self, part: str, pairs: Sequence[tuple[bytes, bytes | memoryview]], *, ordered: bool = True) -> None:
        """Write records of the database `part`, behind those that are there unless they are not `ordered`."""
        ...

    def finish(self) -> None:
        """Write what is left; the store is then whole."""
        ...
