"""Tell whether a store is still the one a report was made from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from datacheck.backends import BACKENDS, Roots
from datacheck.backends.interface import Gathering, OfFiles, Reader, ReadsMore
from datacheck.files.regular import open_regular
from datacheck.model.escaping import plain
from datacheck.reporting.per_file import FileState
from datacheck.reporting.source import FileStamp, Fingerprint

ROOT_BYTES = 1 << 28
"""Of a file no more than this is looked at: its size and time tell the rest."""
PIECE_BYTES = 1 << 20
HEAD_BYTES, HEAD_DIGEST = 4096, 8
"""Of each of many files so many bytes are looked at, and so many kept of their digest."""
TRIALS = 4
PASSING = ("LOCK", "LOG", "LOG.old", "lock.mdb")
"""Files that say nothing of a store's contents, and change when somebody else opens it."""


def fingerprint(reader: Reader) -> Fingerprint:
    """Return the fingerprint of a reader's store. Raises OSError where a file cannot be read."""
    for _ in range(TRIALS):
        with suppress(FileNotFoundError):  # somebody has deleted it since the folder was listed
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


def fingerprint_if_any(reader: Reader) -> Fingerprint | None:
    """Return the fingerprint; None where a file cannot be read or is none any more, of which the readers tell."""
    try:
        return fingerprint(reader)
    except OSError:
        return None


def states_of(reader: OfFiles) -> list[FileState | None]:
    """Return the state of each of many files; None for one that cannot be read."""
    made: list[FileState | None] = []
    for name, file in zip(reader.names, reader.files, strict=True):
        try:
            status = file.stat()
            head = hashlib.sha256(b"".join(_head(file, HEAD_BYTES))).digest()[:HEAD_DIGEST]
            made.append(FileState(name, status.st_size, status.st_mtime_ns, head))
        except OSError:
            made.append(None)
    return made


def files_of(reader: Reader) -> list[Path]:
    """Return the files that make up a store, by name."""
    if not reader.path.is_dir():
        return [reader.path]
    if isinstance(reader, Gathering):  # of all that lies below the folder, only these are its own
        return sorted(getattr(reader, "files", ()))
    return sorted(it for it in reader.path.iterdir() if it.is_file() and it.name not in PASSING)


def sources_of(reader: Reader) -> list[Path]:
    """Return the files that hold a store's records, those that a list names among them."""
    return list(dict.fromkeys([*files_of(reader), *getattr(reader, "files", ())]))


def read_by(reader: Reader) -> Iterator[Path]:
    """Yield every file that is read on a reader's account, and all that lies in its folder; nothing is opened for it.

    For who is about to write: none of these is to be written over.
    """
    yield reader.path
    for folder, _, names in os.walk(reader.path):
        yield from (Path(folder) / name for name in names)
    if isinstance(reader, ReadsMore):
        yield from reader.reads()


def _head(file: Path, size: int | None) -> Iterator[bytes]:
    """Yield the first `size` bytes of a file (None: all, within a bound) piece by piece."""
    left = ROOT_BYTES if size is None else size
    with open_regular(file) as opened:
        while left and (piece := opened.read(min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece
