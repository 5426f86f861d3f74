"""Detect whether a store has changed since a report was made from it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from datacheck.backends import BACKENDS, Roots
from datacheck.backends.interface import Gathering, Heeding, OfFiles, Reader, ReadsMore
from datacheck.files.regular import open_regular
from datacheck.model.escaping import plain
from datacheck.reporting.per_file import FileState
from datacheck.reporting.source import FileStamp, Fingerprint

ROOT_BYTES = 1 << 28
"""Maximum number of bytes read of a file; size and time cover the rest."""
PIECE_BYTES = 1 << 20
HEAD_BYTES, HEAD_DIGEST = 4096, 8
"""For each of many files, the number of bytes read, and the number of bytes kept of their digest."""
TRIALS = 4
PASSING = ("LOCK", "LOG", "LOG.old", "lock.mdb")
"""Files that are not part of a store's contents, and change when another process opens it."""


def fingerprint(reader: Reader) -> Fingerprint:
    """Return the fingerprint of a reader's store. Raises OSError if a file cannot be read."""
    for _ in range(TRIALS):
        with suppress(FileNotFoundError):  # a file was deleted after the folder was listed
            return _fingerprint(reader)
    return _fingerprint(reader)


def _fingerprint(reader: Reader) -> Fingerprint:
    wanted = BACKENDS[reader.backend].roots if reader.backend in BACKENDS else Roots()
    stamps = []
    roots = hashlib.sha256()
    for file in sources_of(reader):
        status = file.stat()
        within = file != reader.path and file.is_relative_to(reader.path)
        name = str(file.relative_to(reader.path)) if within else file.name if file == reader.path else str(file)
        stamps.append(FileStamp(plain(name), status.st_size, status.st_mtime_ns))
        if any(fnmatchcase(file.name, pattern) for pattern in wanted.names):
            for piece in _head(file, wanted.size):
                roots.update(piece)
    return Fingerprint(tuple(stamps), roots.hexdigest())


def stamps_of_lists(reader: Reader) -> tuple[FileStamp, ...]:
    """Return the stamps of the lists that are compared with a reader's files."""
    stamps = []
    for path in reader.heeds() if isinstance(reader, Heeding) else ():
        with suppress(OSError):
            status = path.stat()
            stamps.append(FileStamp(plain(os.path.relpath(path, reader.path)), status.st_size, status.st_mtime_ns))
    return tuple(stamps)


def fingerprint_if_any(reader: Reader) -> Fingerprint | None:
    """Return the fingerprint, or None if a file cannot be read or is gone, which the readers report."""
    try:
        return fingerprint(reader)
    except OSError:
        return None


def states_of(reader: OfFiles) -> list[FileState | None]:
    """Return the state of each of many files, None for a file that cannot be read."""
    states: list[FileState | None] = []
    for name, file in zip(reader.names, reader.files, strict=True):
        try:
            status = file.stat()
            head = hashlib.sha256(b"".join(_head(file, HEAD_BYTES))).digest()[:HEAD_DIGEST]
            states.append(FileState(name, status.st_size, status.st_mtime_ns, head))
        except OSError:
            states.append(None)
    return states


def files_of(reader: Reader) -> list[Path]:
    """Return the files that make up a store, sorted."""
    if not reader.path.is_dir():
        return [reader.path]
    if isinstance(reader, Gathering):  # of all the files below the folder, only these belong to the store
        return sorted(getattr(reader, "files", ()))
    return sorted(it for it in reader.path.iterdir() if it.is_file() and it.name not in PASSING)


def sources_of(reader: Reader) -> list[Path]:
    """Return the files that hold a store's records, including those that a list names."""
    return list(dict.fromkeys([*files_of(reader), *getattr(reader, "files", ())]))


def read_by(reader: Reader) -> Iterator[Path]:
    """Yield every path that is read for a reader, and all files in its folder, without opening any.

    A caller that is about to write must not overwrite any of them.
    """
    yield reader.path
    for folder, _, names in os.walk(reader.path):
        yield from (Path(folder) / name for name in names)
    if isinstance(reader, ReadsMore):
        yield from reader.reads()


def _head(file: Path, size: int | None) -> Iterator[bytes]:
    """Yield the first `size` bytes of a file in pieces, or the first ROOT_BYTES if `size` is None."""
    left = ROOT_BYTES if size is None else size
    with open_regular(file) as opened:
        while left and (piece := opened.read(min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece
