"""Open the stores that datacheck reads: the table of backends, and finding the sources at a path."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from datacheck.backends.folder import FOLDER, SearchedKind, kinds_text, search
from datacheck.backends.image_list import list_of_pictures
from datacheck.backends.interface import DEFAULTS, Gathering, InFolders, Reader, StoreOptions
from datacheck.backends.shared.magic import other_format
from datacheck.errors import DENIED, SourceUnknown, SourceUnreadable, UsageError
from datacheck.files.fetching import fetch_advice
from datacheck.files.near import source_missing
from datacheck.files.regular import folder_of_process, irregular, is_regular, open_regular, url_scheme
from datacheck.model.blocks import ignore
from datacheck.model.escaping import plain
from datacheck.model.listing import and_more
from datacheck.model.nearest import suggestion

Class = tuple[str, str]
"""A module and the name of a class in it. The class is imported when it is needed."""


class Roots(NamedTuple):
    """The parts of a store that change whenever its records do: patterns of file names, and the bytes taken of each.

    `size` is the number of bytes at the beginning of each file; None means the whole file.
    """

    names: tuple[str, ...] = ("*",)
    size: int | None = 4096


SUPERBLOCK = Roots()
NAMED = 5
"""Maximum number of a folder's sources that a sentence names."""


class Backend(msgspec.Struct, frozen=True):
    """A row of BACKENDS: everything that the rest of datacheck knows about one kind of store.

    `reads` says what the reader reads. `title` is the name of the kind in a headline, `noun` in a sentence. `roots` go
    into the fingerprint. `in_folders` (an InFolders) says how to recognise such a store in a folder; if it is None, the
    reader's own `in_folders` is used, or, if it has none, a default without names or signatures.

    `copier` (a Copier) copies the store; None means that it cannot be rebuilt. `writer` (a Writer) writes a key-value
    store of this kind: `PairCopier` copies from and to all kinds that have one. `written_by` names a library that the
    writer needs and that may not be installed. If `folders_only` is set, the reader is never asked about a file, so its
    module need not be loaded for one.
    """

    reader: Class
    reads: str
    title: str
    noun: str
    roots: Roots = SUPERBLOCK
    in_folders: Class | None = None
    copier: Class | None = None
    writer: Class | None = None
    written_by: str | None = None
    folders_only: bool = False


BACKENDS: dict[str, Backend] = {
    "lmdb": Backend(
        ("datacheck.backends.lmdb.reader", "LmdbReader"),
        "an LMDB environment: a directory with data.mdb, or the file itself",
        title="LMDB",
        noun="an LMDB environment",
        roots=Roots(size=2 * 65536),  # the two meta pages, whatever the page size
        in_folders=("datacheck.backends.lmdb.in_folders", "IN_FOLDERS"),
        copier=("datacheck.rebuilding.pair_copier", "PairCopier"),
        writer=("datacheck.backends.lmdb.library", "LmdbWriter"),
    ),
    "leveldb": Backend(
        ("datacheck.backends.leveldb.reader", "LevelDbReader"),
        "a LevelDB directory",
        title="LevelDB",
        noun="a LevelDB",
        roots=Roots(("CURRENT", "MANIFEST-*"), None),
        in_folders=("datacheck.backends.leveldb.in_folders", "IN_FOLDERS"),
        copier=("datacheck.rebuilding.pair_copier", "PairCopier"),
        writer=("datacheck.backends.leveldb.writer", "LevelDbWriter"),
        written_by="plyvel",
        folders_only=True,
    ),
    "hdf5": Backend(
        ("datacheck.backends.hdf5.reader", "Hdf5Reader"),
        "an HDF5 file, a folder of them, or a text list of them",
        title="HDF5",
        noun="HDF5",
        roots=SUPERBLOCK,
        in_folders=("datacheck.backends.hdf5.in_folders", "IN_FOLDERS"),
        copier=("datacheck.backends.hdf5.copier", "LazyCopier"),
    ),
}
"""The kinds of store by name, in the order in which they are tried."""


def load_class(place: Class) -> Any:
    """Return the class that a row names."""
    module, name = place
    return getattr(importlib.import_module(module), name)


def title(backend: str) -> str:
    """Return the name of a kind of store for a headline, also for a reader without a row that a caller supplied."""
    return BACKENDS[backend].title if backend in BACKENDS else backend.replace("-", " ")


def writable() -> list[str]:
    """Return the kinds of key-value store that a rebuild can write."""
    return [name for name, row in BACKENDS.items() if row.writer is not None]


def kind_of_copy(backend: str) -> str:
    """Return the kind of store that a copy can have here: the same, or another kind if its library is not installed."""

    def lacks_library(row: Backend) -> bool:
        return row.written_by is not None and importlib.util.find_spec(row.written_by) is None

    if not lacks_library(BACKENDS[backend]):
        return backend
    return next((name for name in writable() if not lacks_library(BACKENDS[name])), backend)


def _titles_text() -> str:
    """Return the titles of all kinds of store, joined for a sentence."""
    *titles, last = (row.title for row in BACKENDS.values())
    return f"{', '.join(titles)} or {last}" if titles else last


class Opened(NamedTuple):
    """The sources at a path; `not_read` counts the other things in a folder, by kind."""

    readers: tuple[Reader, ...]
    not_read: Mapping[str, int] = {}


def open_store(path: str | Path, backend: str | None = None, options: StoreOptions = DEFAULTS) -> Reader:
    """Return the reader for the store at `path`, recognised by its content; its library opens nothing yet.

    Of a folder it is the store that the folder itself is, or all HDF5 files below it if it holds no other store.
    Raises SourceMissing, SourceUnknown, SourceUnreadable, or UsageError for an unknown `backend`.
    """
    readers = open_stores(path, backend, options).readers
    path = Path(path)
    stores = [it for it in readers if it.backend != FOLDER]
    itself = [it for it in stores if it.path == path and not isinstance(it, Gathering)] or stores
    if len(itself) == 1 and itself[0].path == path:
        return itself[0]
    if not stores:
        raise SourceUnknown(str(path), what_is(path))
    raise SourceUnknown(str(path), f"is a folder with {sources_clause(path, stores)}; name the one that is meant")


def sources_clause(folder: Path, readers: Sequence[Reader]) -> str:
    """Return a clause that says which sources a folder holds, naming up to NAMED of them."""
    descriptions = [_describe_source(folder, it) for it in readers[:NAMED]]
    count = "one source in it" if len(readers) == 1 else f"{len(readers):,} sources in it"
    return f"{count}: {and_more(descriptions, len(readers))}"


def _describe_source(folder: Path, reader: Reader) -> str:
    files = getattr(reader, "files", ())
    if reader.path == folder:
        count = (
            f"{len(files):,} {title(reader.backend)} file{'s' * (len(files) > 1)}" if files else title(reader.backend)
        )
        return f"{count} (--backend {reader.backend})"
    return f"{plain(os.path.relpath(reader.path, folder))} ({title(reader.backend)})"


def open_stores(
    path: str | Path,
    backend: str | None = None,
    options: StoreOptions = DEFAULTS,
    watch: Callable[[int], None] = ignore,
) -> Opened:
    """Return the readers of all sources at `path`; a folder may hold many. Raises what `open_store` raises.

    `watch` is called with the number of entries of a folder that were looked at so far.
    """
    if not str(path):  # an unset shell variable gives an empty path; the working directory was not meant
        raise SourceUnknown("''", "is an empty name, not a path")
    refuse_url(path)
    path = Path(path)
    if backend is not None and backend not in BACKENDS:
        raise UsageError(f"no backend is called {backend!r}; {suggestion(backend, BACKENDS)}")
    try:
        if not path.exists():
            with suppress(FileNotFoundError, NotADirectoryError, ValueError):
                path.stat()  # a circle of links exists, but leads nowhere
            raise source_missing(path)
        if (folder := folder_of_process(path)) is not None and path.is_file():
            why = f"leads to {folder}, where each process finds other files; name the file itself"
            raise SourceUnknown(str(path), why)
        names = [backend] if backend else list(BACKENDS)
        if path.is_dir():
            return _search_folder(path, backend, [_searched_kind(name) for name in names], options, watch)
        for name in names:
            reader = None if BACKENDS[name].folders_only else _reader_class(name).recognise(path, options)
            if reader is not None:
                return Opened((reader,))
        raise SourceUnknown(str(path), _describe_unrecognised(path, backend))
    except PermissionError as exc:
        raise SourceUnreadable(exc.filename or str(path), DENIED) from exc
    except OSError as exc:
        raise SourceUnreadable(exc.filename or str(path), f"may not be read: {exc.strerror}") from exc


def _search_folder(
    folder: Path,
    backend: str | None,
    kinds: Sequence[SearchedKind],
    options: StoreOptions,
    watch: Callable[[int], None],
) -> Opened:
    """Return the sources in a folder. Raises SourceUnknown if nothing in it is a store or should be one."""
    result = search(folder, kinds, options, watch)
    if not result.sound and result.refusal is not None:
        raise result.refusal
    if not result.sound and (not result.readers or _describe_placeholders(folder)):
        what = _describe_unrecognised(folder, backend)
        counts = f"; not read: {kinds_text(result.not_read)}" if result.not_read and backend is None else ""
        raise SourceUnknown(str(folder), what + counts)
    return Opened(result.readers, result.not_read)


def _describe_unrecognised(path: Path, backend: str | None) -> str:
    """Return a clause that says what lies at a path that is no store, or not one of the requested kind."""
    if backend is None:
        return what_is(path)
    clause = other_format(path) if path.is_file() else irregular(path)
    return clause or f"is not a store that the backend {backend} reads"


def _searched_kind(name: str) -> SearchedKind:
    row = BACKENDS[name]
    find_reader = partial(_reader_class, name)
    in_folders = (
        getattr(find_reader(), "in_folders", InFolders()) if row.in_folders is None else load_class(row.in_folders)
    )
    return SearchedKind(row.title, row.noun, find_reader, in_folders)


def refuse_url(name: str | Path) -> None:
    """Raise SourceUnknown if a name is a URL."""
    scheme = url_scheme(name)
    if scheme is None:
        return
    if scheme == "file":
        raise SourceUnknown(str(name), f"is a URL; name the path: /{str(name).partition(':')[2].lstrip('/')}")
    raise SourceUnknown(str(name), f"is a URL, and datacheck reads files of this machine; {fetch_advice(scheme)}")


def _reader_class(name: str) -> type[Reader]:
    reader: type[Reader] = load_class(BACKENDS[name].reader)
    return reader


def what_is(path: Path) -> str:
    """Return a clause that says what lies at `path` instead of a store."""
    if path.is_dir():
        entries = sorted(entry.name for entry in path.iterdir())
        if not entries:
            return "is an empty directory"
        placeholders = _describe_placeholders(path)
        if placeholders is not None:
            return placeholders
        clauses = ((name, irregular(path / name) or _describe_broken_link(path / name)) for name in entries)
        more = next((f" ({name} {what})" for name, what in clauses if what), "")
        return f"is a directory, but holds no {_titles_text()} files{more}"
    special = irregular(path) or _describe_broken_link(path)
    if special is not None:
        return special
    return other_format(path) or list_of_pictures(path) or f"is not an {_titles_text()} store"


def _describe_placeholders(folder: Path) -> str | None:
    """Return a clause about placeholders or a bad data.mdb that a folder holds in place of a store, or None."""
    entries = sorted(entry.name for entry in folder.iterdir())
    pointer = next(
        (name for name in entries if is_regular(folder / name) and _head(folder / name).startswith(_LFS)), None
    )
    if pointer is not None:
        return f"holds git-lfs pointers instead of the files ({pointer}); fetch them with 'git lfs pull'"
    placeholder = next((name for name in entries if name.startswith(".") and name.endswith(".icloud")), None)
    if placeholder is not None:
        return f"holds a placeholder of a cloud drive instead of the file ({placeholder}); download it first"
    if "data.mdb" in entries:
        return f"holds a data.mdb that {what_is(folder / 'data.mdb')}"
    return None


def _describe_broken_link(path: Path) -> str | None:
    return "is a link that leads nowhere" if path.is_symlink() and not path.exists() else None


_LFS = b"version https://git-lfs"


def _head(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read(512)
