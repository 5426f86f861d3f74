"""Tell whether a store is still the one a report was made from."""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase
from pathlib import Path

from datacheck.backends import BACKENDS, Reader, Roots
from datacheck.report import FileStamp, Fingerprint

PASSING = ("LOCK", "LOG", "LOG.old", "lock.mdb")
"""Files that say nothing of a store's contents, and change when somebody else opens it."""


def fingerprint(reader: Reader) -> Fingerprint:
    """Return the fingerprint of a reader's store. Raises OSError where a file cannot be read."""
    wanted = BACKENDS[reader.backend].roots if reader.backend in BACKENDS else Roots()
    stamps = []
    roots = hashlib.sha256()
    for file in files_of(reader):
        status = file.stat()
        name = file.name if file == reader.path else str(file.relative_to(reader.path))
        stamps.append(FileStamp(name, status.st_size, status.st_mtime_ns))
        if any(fnmatchcase(file.name, pattern) for pattern in wanted.names):
            with file.open("rb") as opened:
                roots.update(opened.read(wanted.size))
    return Fingerprint(tuple(stamps), roots.hexdigest())


def files_of(reader: Reader) -> list[Path]:
    """Return the files that make up a store, by name."""
    if not reader.path.is_dir():
        return [reader.path]
    return sorted(it for it in reader.path.iterdir() if it.is_file() and it.name not in PASSING)
