"""Create unnamed temporary files, never in the working directory, which may be a dataset's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from datacheck.errors import ReportFailed

VARIABLES = ("TMPDIR", "TEMP", "TMP")
PLACES = ("/tmp", "/var/tmp")  # noqa: S108  (the files have no names there)


def scratch_file() -> IO[bytes]:
    """Return a new file without a name, unbuffered. Raises ReportFailed if no temporary folder accepts one.

    The folder is the one that TMPDIR names, or else the system's. `tempfile` by itself would fall back to the working
    directory.
    """
    import tempfile  # not needed on systems with files in memory

    reason = "there is none"
    for folder in [*filter(None, map(os.environ.get, VARIABLES)), *PLACES]:
        try:
            return tempfile.TemporaryFile(buffering=0, dir=Path(folder).absolute())
        except OSError as exc:
            reason = f"{folder}: {exc.strerror}"
    raise ReportFailed("the temporary folder", f"could not be written: {reason}; set TMPDIR to a folder with room")


def small_file() -> IO[bytes] | None:
    """Return a new file in memory if the system supports it, otherwise a temporary file, or None if both fail."""
    try:
        if hasattr(os, "memfd_create"):
            return os.fdopen(os.memfd_create("datacheck"), "w+b", 0)
        return scratch_file()
    except (OSError, ReportFailed):
        return None


@contextlib.contextmanager
def writing_scratch() -> Iterator[None]:
    """Convert a system error about a temporary file into ReportFailed."""
    try:
        yield
    except OSError as exc:
        reason = f"could not be written: {exc.strerror or exc}; set TMPDIR to a folder with room"
        raise ReportFailed("the temporary folder", reason) from exc


def write_all(file: IO[bytes], piece: bytes) -> None:
    """Write all of a piece to an unbuffered file. Raises ReportFailed if the disk is full."""
    remaining = memoryview(piece)
    with writing_scratch():
        while len(remaining):
            remaining = remaining[file.write(remaining) :]
