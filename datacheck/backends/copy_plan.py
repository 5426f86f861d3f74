"""The values that a rebuild passes around: records to leave out, changes to make, and the result of a copy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from datacheck.model.blocks import Block

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Drops(msgspec.Struct, frozen=True):
    """The records that a copy leaves out, by their index in the source. `file` holds the indexes, ascending int64.

    `deadly` are the escaped keys of records that kill the process that reads them; the copier must not touch those at
    all.
    """

    file: Path
    deadly: frozenset[str] = frozenset()

    def indexes(self) -> NDArray[Any]:
        """Return the indexes, mapped from the file, so that their number costs this process no memory."""
        import numpy as np

        if not self.file.stat().st_size:
            return np.empty(0, np.int64)
        return np.memmap(self.file, np.int64, "r")


class Change(msgspec.Struct, frozen=True):
    """The changes to the rows of a block of keys and values: rows that are left out, new keys, and new values.

    `lists` are the names of the counts, lists and other records about the records that have new values.
    """

    leaves: frozenset[int] = frozenset()
    keys: Mapping[int, bytes] = msgspec.field(default_factory=dict)
    values: Mapping[int, bytes] = msgspec.field(default_factory=dict)
    lists: frozenset[str] = frozenset()


class Changing(Protocol):
    """A rule that changes records because of other records. `ordered` says whether keys stay in their order.

    `added` are records that the copy has and the source does not have.
    """

    @property
    def added(self) -> Mapping[bytes, bytes]: ...

    @property
    def ordered(self) -> bool: ...

    @property
    def looked_up(self) -> Collection[bytes]:
        """The keys of the source whose values `changes_to` asks for."""
        ...

    def files(self, folder: Path) -> Mapping[str, bytes]:
        """Return the contents, by name, of the files that a copy that is a folder holds beside the store."""
        ...

    def changes_to(self, block: Block, value: Callable[[bytes], bytes | None]) -> Change:
        """Return the changes to the records of a block; `value` returns the value of a key in `looked_up`."""
        ...


class Renumbered(msgspec.Struct, frozen=True):
    """Names with other numbers in a copy: numbers `first` to `last` become consecutive numbers that start at `to`.

    A name consists of `before`, the number with at least `width` digits, and `after`. Both strings are escaped.
    """

    before: str
    after: str
    width: int
    first: int
    last: int
    to: int

    def renamed(self) -> Iterator[tuple[str, str]]:
        """Yield each escaped name in the source together with the one in the copy."""
        for number in range(self.first, self.last + 1):
            yield self.name(number), self.name(number - self.first + self.to)

    def name(self, number: int) -> str:
        """Return the escaped name that has this number."""
        return f"{self.before}{number:0{self.width}}{self.after}"


class Move(Renumbered, frozen=True):
    """Files that are renumbered in a copy; `counted` says whether their loader counts them."""

    counted: bool = False


class Plan(msgspec.Struct, frozen=True):
    """Everything that a copy does.

    `target` is the path of the directory or file to write, which must not exist yet. `quarantine`, if not None, is a
    path of the same kind for the records left out. `fill`, if not None, replaces NaN and infinite values in the records
    at the indexes of `fills`. `changing`, for key-value stores, says by database which further records are left out or
    get other keys or values. For HDF5, `samples` are the groups and files that are left out as a whole, with records or
    without (see Gone), and `numbered` are those whose members get new numbers. Up to `threads` threads compress.
    """

    target: Path
    drops: Drops
    quarantine: Path | None = None
    fill: float | None = None
    fills: Drops | None = None
    changing: Mapping[str, Changing] = msgspec.field(default_factory=dict)
    samples: frozenset[tuple[str | None, str]] = frozenset()
    moves: tuple[Move, ...] = ()
    numbered: frozenset[tuple[str | None, str]] = frozenset()
    threads: int = 1


class Others(msgspec.Struct, frozen=True):
    """Records of a table that are dropped because of other records, but not as part of a sample dropped as a whole.

    `rows` are their numbers, ascending int64 as bytes. `start` is the index of the table's first record in the source.
    `names` are the records' names if they have no numbers.
    """

    file: str | None
    table: str
    start: int
    rows: bytes
    names: tuple[str, ...] = ()

    def records(self) -> Iterator[tuple[str, int]]:
        """Yield the escaped name and the index of each record."""
        rows = memoryview(self.rows).cast("q")
        for at, row in enumerate(rows):
            yield self.names[at] if self.names else f"{self.table}[{row}]", self.start + row


class Gone(msgspec.Struct, frozen=True):
    """Everything that goes when records are dropped: indexes of records, ascending int64 as bytes, and whole samples.

    A sample is the file (None for the source itself) and the escaped path of a group, or "" for the whole file.
    `losses` say what would no longer be true in a copy. `mends` says whether the copy changes more than rows. `moves`
    are the files that get another number in the copy. `values` are the new values of attributes and datasets that count
    or number records, as text for people. `lists` are the datasets of names that lose some names. `others` are those
    records of `indexes` that go because of other records and are in no sample. `notes` say what a loader may miss in a
    copy that is correct all the same. `numbered` are the files and escaped paths of the groups whose remaining groups
    get new numbers.
    """

    indexes: bytes = b""
    samples: frozenset[tuple[str | None, str]] = frozenset()
    losses: tuple[str, ...] = ()
    mends: bool = False
    moves: tuple[Move, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    lists: tuple[str, ...] = ()
    others: tuple[Others, ...] = ()
    notes: tuple[str, ...] = ()
    numbered: frozenset[tuple[str | None, str]] = frozenset()

    @property
    def count(self) -> int:
        return len(self.indexes) // 8


class Copied(msgspec.Struct, frozen=True):
    """The result of a copy: numbers of records kept (including altered ones), dropped and altered, and a digest.

    `digest` covers the kept records as they should be in the copy; reading the copy again must give the same digest.
    `held` counts the records that went into the quarantine, `added` the records of the copy that the source does not
    have. `lists` are the names of the counts and lists whose values changed, or None if these are not known.
    """

    kept: int
    dropped: int
    altered: int
    held: int
    digest: str
    added: int = 0
    lists: frozenset[str] | None = None


Copying = Generator[int, None, Copied]
"""A copy in progress: yields the number of source records done so far and returns the result."""
Verifying = Generator[int, None, tuple[int, str]]
"""A verification in progress: yields the number of records compared so far, returns the copy's count and digest."""
