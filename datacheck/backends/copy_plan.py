"""The values that flow in a rebuild: what to leave out, what to alter, and what a copy came to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from datacheck.model.blocks import Block

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Drops(msgspec.Struct, frozen=True):
    """Which records a copy leaves out, by their index in the source; the indexes are in a file, ascending int64.

    `deadly` are the escaped keys of those that kill whoever reads them: they are not even to be touched.
    """

    file: Path
    deadly: frozenset[str] = frozenset()

    def indexes(self) -> NDArray[Any]:
        """Return the indexes, mapped from the file: any number of them costs no memory of this process."""
        import numpy as np

        if not self.file.stat().st_size:
            return np.empty(0, np.int64)
        return np.memmap(self.file, np.int64, "r")


class Change(msgspec.Struct, frozen=True):
    """What becomes of some rows of a block of keys and values: those that go, new keys, new values."""

    leaves: frozenset[int] = frozenset()
    keys: Mapping[int, bytes] = msgspec.field(default_factory=dict)
    values: Mapping[int, bytes] = msgspec.field(default_factory=dict)


class Changing(Protocol):
    """Says what becomes of records for what they have to do with others; `ordered` if keys stay in their order.

    `added` are records that the copy has and the source has not.
    """

    @property
    def added(self) -> Mapping[bytes, bytes]: ...

    @property
    def ordered(self) -> bool: ...

    @property
    def looked_up(self) -> Collection[bytes]:
        """The keys of the source whose values `of` asks for."""
        ...

    def files(self, folder: Path) -> Mapping[str, bytes]:
        """Return what files beside the store are to hold in a copy that is a folder, by name."""
        ...

    def of(self, block: Block, value: Callable[[bytes], bytes | None]) -> Change:
        """Return what becomes of the records of a block; `value` returns that of a key in `looked_up`."""
        ...


class Renumbered(msgspec.Struct, frozen=True):
    """What has other numbers in a copy: from the number `first` to `last` it has them from `to` on.

    Its names are `before`, at least `width` digits, and `after`, both escaped.
    """

    before: str
    after: str
    width: int
    first: int
    last: int
    to: int

    def renamed(self) -> Iterator[tuple[str, str]]:
        """Yield each escaped name in the source and in the copy."""
        for number in range(self.first, self.last + 1):
            yield self.name(number), self.name(number - self.first + self.to)

    def name(self, number: int) -> str:
        """Return the escaped name of what has this number."""
        return f"{self.before}{number:0{self.width}}{self.after}"


class Move(Renumbered, frozen=True):
    """Files that have other numbers in a copy; `counted` says whether their loader counts them."""

    counted: bool = False


class Plan(msgspec.Struct, frozen=True):
    """All that a copy is to do.

    `target` is a path that does not exist, of the directory or file to write; `quarantine`, if not None, likewise one
    for the records left out. `fill`, if not None, replaces NaN and infinite values in the records at the indexes of
    `fills`. `changing`, for stores of keys and values, says by the database which further records go, or get other keys
    or values. Of HDF5 `samples` are the groups and files that go as a whole, with records or without (see Gone),
    `numbered` those whose members get new numbers. As many as `threads` compress.
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

    `rows` are their numbers, ascending int64 as bytes; `start` is the index of the table's first record in the source.
    `names` are theirs where they are not numbered.
    """

    file: str | None
    table: str
    start: int
    rows: bytes
    names: tuple[str, ...] = ()

    def records(self) -> Iterator[tuple[str, int]]:
        """Yield the escaped name and the index of each."""
        rows = memoryview(self.rows).cast("q")
        for at, row in enumerate(rows):
            yield self.names[at] if self.names else f"{self.table}[{row}]", self.start + row


class Gone(msgspec.Struct, frozen=True):
    """What goes with records that are dropped: all their indexes, ascending int64 as bytes, and whole samples.

    A sample is the file (None for the source itself) and the escaped path of a group, "" for the file as a whole.
    `losses` say what a copy would leave untrue; `mends` if it changes more than rows; `moves` are the files that are
    called by another number in it. `values` are what attributes and datasets hold in it that count or number records,
    as people read them, `lists` the datasets of names that have lost some. `others` are of the indexes those that go
    with other records, and in no sample. `notes` say what a loader may miss in a copy that is true all the same.
    `numbered` are the files and escaped paths of the groups in which the groups that are left get new numbers.
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
    """What a copy came to: records kept (altered ones among them), dropped, altered; the digest of all that was kept.

    `digest` is of the records as they are to be in the copy: re-reading the copy must give the same. `held` counts the
    records that went into the quarantine, `added` those of the copy that the source has not.
    """

    kept: int
    dropped: int
    altered: int
    held: int
    digest: str
    added: int = 0


Copying = Generator[int, None, Copied]
"""Yields the number of source records done so far, returns what it came to."""
Verifying = Generator[int, None, tuple[int, str]]
"""Yields the number of records compared so far, returns how many there are in the copy, and their digest."""
