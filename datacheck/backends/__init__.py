"""The stores datacheck reads: one file per store, a literal table, and `recognise`."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from datacheck.backends.folder import FOLDER, SearchedKind, counted_kinds, search
from datacheck.backends.image_list import list_of_pictures
from datacheck.backends.interface import DEFAULTS, Gathering, InFolders, Reader, StoreOptions
from datacheck.backends.shared.magic import other_format
from datacheck.errors import SourceMissing, SourceUnknown, SourceUnreadable, UsageError
from datacheck.files.fetching import fetched
from datacheck.files.near import near
from datacheck.files.regular import folder_of_process, irregular, is_regular, open_regular, url_scheme
from datacheck.model.escaping import plain
from datacheck.model.nearest import instead

Class = tuple[str, str]
"""A module and the name of a class in it, which is imported when it is needed."""


class Roots(NamedTuple):
    """What of a store's files changes whenever its records do: files by pattern, and their first bytes (None: all)."""

    names: tuple[str, ...] = ("*",)
    size: int | None = 4096


SUPERBLOCK = Roots()
NAMED = 5
"""So many of the sources in a folder are named in a sentence."""


class Backend(msgspec.Struct, frozen=True):
    """A row of BACKENDS: all that the rest of datacheck has to know of one kind of store.

    `reads` says what the reader reads, `title` is its name in a headline, `noun` in a sentence. `roots` go into the
    fingerprint. `in_folders` (an InFolders) tells one in a folder; None: the reader has it, or there is nothing to be
    told by. `copier` (a Copier) copies it, None: it cannot be rebuilt; `writer` (a Writer) writes a key-value store
    of this kind: `PairCopier` copies from and to all that have one. `written_by` names a library that this needs and
    that may not be installed. Where stores are `folders_only`, the reader is not asked of a file, and need not be
    loaded for that.
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
        copier=("datacheck.backends.hdf5.copying.copier", "Hdf5Copier"),
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


def kind_of_copy(backend: str) -> str:
    """Return the kind of store that a copy can be here: the same, or another where no library writes the same."""

    def lacks_library(row: Backend) -> bool:
        return row.written_by is not None and importlib.util.find_spec(row.written_by) is None

    if not lacks_library(BACKENDS[backend]):
        return backend
    return next((name for name in writable() if not lacks_library(BACKENDS[name])), backend)


def _either() -> str:
    """Return the titles of all kinds of store, as a sentence has them."""
    *titles, last = (row.title for row in BACKENDS.values())
    return f"{', '.join(titles)} or {last}" if titles else last


class Opened(NamedTuple):
    """The sources at a path; `not_read` counts what else lies in a folder, by kind."""

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
    raise SourceUnknown(str(path), f"is a folder with {of_several(path, stores)}; name the one that is meant")


def of_several(folder: Path, readers: Sequence[Reader]) -> str:
    """Say in a clause which sources a folder holds, a few of them by name."""
    spelled = [_within(folder, it) for it in readers[:NAMED]]
    more = f" and {len(readers) - NAMED:,} more" if len(readers) > NAMED else ""
    count = "one source in it" if len(readers) == 1 else f"{len(readers):,} sources in it"
    return f"{count}: {', '.join(spelled)}{more}"


def _within(folder: Path, reader: Reader) -> str:
    files = getattr(reader, "files", ())
    if reader.path == folder:
        count = (
            f"{len(files):,} {title(reader.backend)} file{'s' * (len(files) > 1)}" if files else title(reader.backend)
        )
        return f"{count} (--backend {reader.backend})"
    return f"{plain(os.path.relpath(reader.path, folder))} ({title(reader.backend)})"


def open_stores(path: str | Path, backend: str | None = None, options: StoreOptions = DEFAULTS) -> Opened:
    """Return the readers of all sources at `path`, of which a folder may hold many. Raises as `open_store` does."""
    if not str(path):  # as an unset variable of a shell gives it: the working directory is not what was meant
        raise SourceUnknown("''", "is an empty name, not a path")
    refuse_url(path)
    path = Path(path)
    if backend is not None and backend not in BACKENDS:
        raise UsageError(f"no backend is called {backend!r}; {instead(backend, BACKENDS)}")
    try:
        if not path.exists():
            with suppress(FileNotFoundError, NotADirectoryError, ValueError):
                path.stat()  # links in a circle are there, but lead nowhere
            raise SourceMissing(str(path), near(path))
        if (folder := folder_of_process(path)) is not None and path.is_file():
            why = f"leads to {folder}, where each process finds other files; name the file itself"
            raise SourceUnknown(str(path), why)
        names = [backend] if backend else list(BACKENDS)
        if path.is_dir():
            return _searched(path, backend, [_searched_kind(name) for name in names], options)
        for name in names:
            reader = None if BACKENDS[name].folders_only else _reader_class(name).recognise(path, options)
            if reader is not None:
                return Opened((reader,))
        raise SourceUnknown(str(path), _not_of(path, backend))
    except PermissionError as exc:
        raise SourceUnreadable(exc.filename or str(path), "may not be read: permission denied") from exc
    except OSError as exc:
        raise SourceUnreadable(exc.filename or str(path), f"may not be read: {exc.strerror}") from exc


def _searched(folder: Path, backend: str | None, kinds: Sequence[SearchedKind], options: StoreOptions) -> Opened:
    """Return the sources in a folder. Raises SourceUnknown where there is nothing that is a store or should be one."""
    there = search(folder, kinds, options)
    if not there.sound and there.refusal is not None:
        raise there.refusal
    if not there.sound and (not there.readers or _stands_for_stores(folder)):
        what = _not_of(folder, backend)
        counted = f"; not read: {counted_kinds(there.not_read)}" if there.not_read and backend is None else ""
        raise SourceUnknown(str(folder), what + counted)
    return Opened(there.readers, there.not_read)


def _not_of(path: Path, backend: str | None) -> str:
    """Say in a clause what lies at a path that is no store, or not of the kind that was named."""
    if backend is None:
        return what_is(path)
    said = other_format(path) if path.is_file() else irregular(path)
    return said or f"is not a store that the backend {backend} reads"


def _searched_kind(name: str) -> SearchedKind:
    row = BACKENDS[name]
    find_reader = partial(_reader_class, name)
    told = getattr(find_reader(), "in_folders", InFolders()) if row.in_folders is None else load_class(row.in_folders)
    return SearchedKind(row.title, row.noun, find_reader, told)


def refuse_url(name: str | Path) -> None:
    """Raise SourceUnknown where a name is the URL of something that does not lie on this machine."""
    scheme = url_scheme(name)
    if scheme is None:
        return
    if scheme == "file":
        raise SourceUnknown(str(name), f"is a URL; name the path: /{str(name).partition(':')[2].lstrip('/')}")
    raise SourceUnknown(str(name), f"is a URL, and datacheck reads files of this machine; {fetched(scheme)}")


def _reader_class(name: str) -> type[Reader]:
    made: type[Reader] = load_class(BACKENDS[name].reader)
    return made


def what_is(path: Path) -> str:
    """Say in a clause what lies at `path` instead of a store."""
    if path.is_dir():
        entries = sorted(entry.name for entry in path.iterdir())
        if not entries:
            return "is an empty directory"
        stands = _stands_for_stores(path)
        if stands is not None:
            return stands
        said = ((name, irregular(path / name) or _leading_nowhere(path / name)) for name in entries)
        more = next((f" ({name} {what})" for name, what in said if what), "")
        return f"is a directory, but holds no {_either()} files{more}"
    special = irregular(path) or _leading_nowhere(path)
    if special is not None:
        return special
    return other_format(path) or list_of_pictures(path) or f"is not an {_either()} store"


def _stands_for_stores(folder: Path) -> str | None:
    """Say in a clause what a folder holds instead of a store that was never brought there; None if it holds no such."""
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


def _leading_nowhere(path: Path) -> str | None:
    return "is a link that leads nowhere" if path.is_symlink() and not path.exists() else None


_LFS = b"version https://git-lfs"


def _head(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read(512)
