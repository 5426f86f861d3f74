"""The stores datacheck reads: one file per store, a literal table, and `recognise`."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from datacheck.backends.foreign import foreign
from datacheck.copying import Copying, Plan, Verifying
from datacheck.errors import SourceMissing, SourceUnknown, SourceUnreadable, UsageError
from datacheck.files.regular import folder_of_process, irregular, is_regular, open_regular
from datacheck.model import AnyBlock, Block, Finding, Layout, Note, Position, Shard, ignore


@dataclass(frozen=True)
class StoreOptions:
    """What a caller says about a store's meaning that cannot be read off it; only HDF5 has use for it.

    `label_field` is the name of the dataset that holds labels, `together` lists groups of dataset paths that must have
    as many rows as each other.
    """

    label_field: str | None = None
    together: tuple[tuple[str, ...], ...] = ()


DEFAULTS = StoreOptions()


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

        The account has "died" where a record killed its reader: what its block would have added is not in it.
        """
        ...


@runtime_checkable
class ReadsMore(Protocol):
    """A reader of files that lie neither at its path nor below it."""

    def reads(self) -> Iterator[Path]:
        """Yield each of these files, whether it is there or not; nothing is opened but a list that names them."""
        ...


@runtime_checkable
class WithDatabases(Protocol):
    """A reader of a key-value store that has more than one database of one value for each key."""

    def databases(self) -> Mapping[str, bool]:
        """Return each database that holds records, "" being the unnamed one, and whether a key may have many values."""
        ...


@runtime_checkable
class Sparing(Protocol):
    """A reader of a key-value store that can pass over a record without touching its value, which may kill."""

    def sparing(self, shard: Shard, keys: Collection[bytes]) -> Iterator[Block]:
        """Yield the records of the shard as `blocks` does; the values of these keys come as no bytes."""
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

    def objections(self, reader: Reader) -> list[str]:
        """Return a sentence for each thing in the source that a copy could not keep."""
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

    def put(self, part: str, pairs: Sequence[tuple[bytes, bytes | memoryview]]) -> None:
        """Write records of the database `part`, behind those that are there."""
        ...

    def finish(self) -> None:
        """Write what is left; the store is then whole."""
        ...


Class = tuple[str, str]
"""A module and the name of a class in it, which is imported when it is needed."""


class Roots(NamedTuple):
    """What of a store's files changes whenever its records do: files by pattern, and their first bytes (None: all)."""

    names: tuple[str, ...] = ("*",)
    size: int | None = 4096


SUPERBLOCK = Roots()


@dataclass(frozen=True)
class Backend:
    """A row of BACKENDS: all that the rest of datacheck has to know of one kind of store.

    `reads` says what the reader reads, `title` is its name in a headline, `noun` in a sentence. `roots` go into the
    fingerprint. `copier` (a Copier) copies it, None: it cannot be rebuilt; `writer` (a Writer) writes a key-value store
    of this kind: `PairCopier` copies from and to all that have one.
    """

    reader: Class
    reads: str
    title: str
    noun: str
    roots: Roots = SUPERBLOCK
    copier: Class | None = None
    writer: Class | None = None


BACKENDS: dict[str, Backend] = {
    "lmdb": Backend(
        ("datacheck.backends.lmdb", "LmdbReader"),
        "an LMDB environment: a directory with data.mdb, or the file itself",
        title="LMDB",
        noun="an LMDB environment",
        roots=Roots(size=2 * 65536),  # the two meta pages, whatever the page size
        copier=("datacheck.pair_copier", "PairCopier"),
        writer=("datacheck.backends.lmdb", "LmdbWriter"),
    ),
    "leveldb": Backend(
        ("datacheck.backends.leveldb", "LevelDbReader"),
        "a LevelDB directory",
        title="LevelDB",
        noun="a LevelDB",
        roots=Roots(("CURRENT", "MANIFEST-*"), None),
        copier=("datacheck.pair_copier", "PairCopier"),
        writer=("datacheck.backends.leveldb_plyvel", "LevelDbWriter"),
    ),
    "hdf5": Backend(
        ("datacheck.backends.hdf5", "Hdf5Reader"),
        "an HDF5 file, a folder of them, or a text list of them",
        title="HDF5",
        noun="HDF5",
        roots=SUPERBLOCK,
        copier=("datacheck.backends.hdf5_copy", "Hdf5Copier"),
    ),
}
"""The kinds of store by name, in the order in which they are asked."""


def load_class(place: Class) -> Any:
    """Return the class that a row names."""
    module, name = place
    return getattr(importlib.import_module(module), name)


def title(backend: str) -> str:
    """Return the name of a kind of store in a headline, also of one that is no row: a reader that was handed over."""
    return BACKENDS[backend].title if backend in BACKENDS else backend.replace("-", " ")


def writable() -> list[str]:
    """Return the kinds of key-value store that a rebuild can write."""
    return [name for name, row in BACKENDS.items() if row.writer is not None]


def _either() -> str:
    """Return the titles of all kinds of store, as a sentence has them."""
    *titles, last = (row.title for row in BACKENDS.values())
    return f"{', '.join(titles)} or {last}" if titles else last


def open_store(path: str | Path, backend: str | None = None, options: StoreOptions = DEFAULTS) -> Reader:
    """Return the reader for what lies at `path`, recognised by its content; nothing is opened by its library yet.

    Raises SourceMissing, SourceUnknown, SourceUnreadable, or UsageError for an unknown `backend`.
    """
    if not str(path):  # as an unset variable of a shell gives it: the working directory is not what was meant
        raise SourceUnknown("''", "is an empty name, not a path")
    path = Path(path)
    if backend is not None and backend not in BACKENDS:
        raise UsageError(f"no backend is called {backend!r}; there are {', '.join(BACKENDS)}")
    try:
        if not path.exists():
            with suppress(FileNotFoundError, NotADirectoryError, ValueError):
                path.stat()  # links in a circle are there, but lead nowhere
            raise SourceMissing(str(path))
        if (folder := folder_of_process(path)) is not None and path.is_file():
            why = f"leads to {folder}, where each process finds other files; name the file itself"
            raise SourceUnknown(str(path), why)
        for name in [backend] if backend else BACKENDS:
            reader = _reader_class(name).recognise(path, options)
            if reader is not None:
                return reader
        if backend is None:
            raise SourceUnknown(str(path), what_is(path))
        said = foreign(path) if path.is_file() else irregular(path)
        raise SourceUnknown(str(path), said or f"is not a store that the backend {backend} reads")
    except PermissionError as exc:
        raise SourceUnreadable(exc.filename or str(path), "may not be read: permission denied") from exc
    except OSError as exc:
        raise SourceUnreadable(exc.filename or str(path), f"may not be read: {exc.strerror}") from exc


def _reader_class(name: str) -> type[Reader]:
    made: type[Reader] = load_class(BACKENDS[name].reader)
    return made


def what_is(path: Path) -> str:
    """Say in a clause what lies at `path` instead of a store."""
    if path.is_dir():
        entries = sorted(entry.name for entry in path.iterdir())
        if not entries:
            return "is an empty directory"
        pointer = next(
            (name for name in entries if is_regular(path / name) and _head(path / name).startswith(_LFS)), None
        )
        if pointer is not None:
            return f"holds git-lfs pointers instead of the files ({pointer}); fetch them with 'git lfs pull'"
        placeholder = next((name for name in entries if name.startswith(".") and name.endswith(".icloud")), None)
        if placeholder is not None:
            return f"holds a placeholder of a cloud drive instead of the file ({placeholder}); download it first"
        if "data.mdb" in entries:
            return f"holds a data.mdb that {what_is(path / 'data.mdb')}"
        said = ((name, irregular(path / name) or _leading_nowhere(path / name)) for name in entries)
        more = next((f" ({name} {what})" for name, what in said if what), "")
        return f"is a directory, but holds no {_either()} files{more}"
    special = irregular(path) or _leading_nowhere(path)
    if special is not None:
        return special
    return foreign(path) or f"is not an {_either()} store"


def _leading_nowhere(path: Path) -> str | None:
    return "is a link that leads nowhere" if path.is_symlink() and not path.exists() else None


_LFS = b"version https://git-lfs"


def _head(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read(512)
