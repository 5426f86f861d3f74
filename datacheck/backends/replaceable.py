"""Check whether a path holds a store and nothing else, since a copy may replace only that.

Files that the source of the copy also holds under the same name are allowed: an earlier copy took them from there.

The check uses names and first bytes; no link is followed, and no library opens anything.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from datacheck.backends.hdf5.structure.superblock import SIGNATURE, offsets
from datacheck.backends.lmdb.format import MAGIC
from datacheck.backends.taken_over import is_taken_over
from datacheck.errors import UsageError
from datacheck.files.place import FOLDER
from datacheck.files.renaming import Name

HEAD = 512
LMDB_FILES = frozenset({"data.mdb", "lock.mdb"})
LEVELDB_FILE = re.compile(r"CURRENT|LOCK|LOG(\.old)?|MANIFEST-[0-9]+|[0-9]+\.(ldb|sst|log|dbtmp)")
LOST = "lost"
"""The folder into which LevelDB's repair moves files that it could not use."""
LIST_BYTES = 1 << 20
DEEPEST = 32


def store_at(name: Name, path: Path, source: Path | None = None) -> str:
    """Return a description of the store at a name that the user calls `path`. Raises UsageError if it is none.

    Other things beside the store are allowed if they come from the `source` of a copy.
    """
    status = os.stat(name.name, dir_fd=name.folder, follow_symlinks=False)
    if stat.S_ISREG(status.st_mode):
        kind = _kind(name)
        if kind is None:
            raise UsageError(f"{path}: is not a store, and --force replaces nothing else; name another target")
        return f"{kind} file"
    if not stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{path}: is neither a file nor a folder, and --force replaces stores only")
    with _open_folder(name) as folder:
        what, unexpected = _store_in(folder, source)
    if unexpected is not None:
        raise UsageError(
            f"{path}: holds {unexpected}, which no store has, and --force replaces nothing else; "
            "move it away, or name another target"
        )
    return what


def _store_in(folder: int, source: Path | None) -> tuple[str, str | None]:
    """Return which store a folder is, and the first name in it that belongs to neither it nor the source of a copy."""
    names = _names(folder)
    if not names:
        return "an empty folder", None
    if "data.mdb" in names:
        what, belongs = "an LMDB environment", _is_lmdb_file
    elif any(it == "CURRENT" or it.startswith("MANIFEST-") for it in names):
        what, belongs = "a LevelDB", _is_leveldb_file
    else:
        return "a folder of HDF5 files", _unexpected_in_hdf5(folder, names, source)
    unexpected = (it for it in names if not belongs(Name(folder, it)) and not _is_from_source(Name(folder, it), source))
    return what, next(unexpected, None)


def _is_from_source(name: Name, folder: Path | None) -> bool:
    """Return whether what has this name comes from this folder of the source."""
    return folder is not None and is_taken_over(name, folder / name.name)


def _names(folder: int) -> list[str]:
    return sorted(os.listdir(folder))


def _is_lmdb_file(name: Name) -> bool:
    if name.name == "data.mdb":
        return _kind(name) == "an LMDB"
    return name.name in LMDB_FILES and _is_file(name)


def _is_leveldb_file(name: Name) -> bool:
    if name.name != LOST:
        return LEVELDB_FILE.fullmatch(name.name) is not None and _is_file(name)
    if not _is_folder(name):
        return False
    with _open_folder(name) as folder:
        return all(LEVELDB_FILE.fullmatch(it) and _is_file(Name(folder, it)) for it in _names(folder))


def _unexpected_in_hdf5(folder: int, names: Collection[str], source: Path | None, depth: int = 0) -> str | None:
    """Return the first thing in a folder that is neither HDF5, a list of HDF5 files, nor a folder of these, or None.

    Anything that comes from the `source` is skipped.
    """
    stores = {it for it in names if _kind(Name(folder, it)) == "an HDF5"}
    for name in names:
        entry = Name(folder, name)
        if name in stores or (_is_file(entry) and _is_list_of_stores(entry, stores)) or _is_from_source(entry, source):
            continue
        if not _is_folder(entry) or depth == DEEPEST:
            return name
        with _open_folder(entry) as subfolder:
            unexpected = _unexpected_in_hdf5(subfolder, _names(subfolder), source and source / name, depth + 1)
        if unexpected is not None:
            return f"{name}/{unexpected}"
    return None


def _is_list_of_stores(name: Name, stores: Collection[str]) -> bool:
    """Return whether a file is a text that names only HDF5 files beside it, as the copy of a list does."""
    with _open_file(name) as file:
        words = os.read(file, LIST_BYTES + 1)
    return len(words) <= LIST_BYTES and bool(words.split()) and {os.fsdecode(it) for it in words.split()} <= set(stores)


def _kind(name: Name) -> str | None:
    """Return the kind of store that a file is by its first bytes, or None if it is neither kind or no file."""
    if not _is_file(name):
        return None
    with _open_file(name) as file:
        head = os.pread(file, HEAD, 0)
        if MAGIC in (head[16:20], head[24:28]):
            return "an LMDB"
        size = os.fstat(file).st_size
        return "an HDF5" if any(os.pread(file, len(SIGNATURE), it) == SIGNATURE for it in offsets(size)) else None


def _is_file(name: Name) -> bool:
    return stat.S_ISREG(os.stat(name.name, dir_fd=name.folder, follow_symlinks=False).st_mode)


def _is_folder(name: Name) -> bool:
    return stat.S_ISDIR(os.stat(name.name, dir_fd=name.folder, follow_symlinks=False).st_mode)


@contextmanager
def _open_file(name: Name) -> Iterator[int]:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name.name, flags, dir_fd=name.folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _open_folder(name: Name) -> Iterator[int]:
    descriptor = os.open(name.name, os.O_RDONLY | os.O_NOFOLLOW | FOLDER, dir_fd=name.folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
