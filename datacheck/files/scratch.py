"""Temporary files, which nobody sees: never in the working directory, which may be a dataset's."""

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
    """Return a new file without a name, unbuffered. Raises ReportFailed where no temporary folder takes one.

    The folder is the one that TMPDIR names, or else the system's. `tempfile` itself ends in the working directory.
    """
    import tempfile  # who has files in memory does without it

    said = "there is none"
    for folder in [*filter(None, map(os.environ.get, VARIABLES)), *PLACES]:
        try:
            return tempfile.TemporaryFile(buffering=0, dir=Path(folder).absolute())
        except OSError as exc:
            said = f"{folder}: {exc.strerror}"
    raise ReportFailed("the temporary folder", f"could not be written: {said}; set TMPDIR to a folder with room")


def small_file() -> IO[bytes] | None:
    """Return a new file in memory where the system has those, or else a temporary one; None where neither can be."""
    try:
        if hasattr(os, "memfd_create"):
            return os.fdopen(os.memfd_create("datacheck"), "w+b", 0)
        return scratch_file()
    except (OSError, ReportFailed):
        return None


@contextlib.contextmanager
def writing_scratch() -> Iterator[None]:
    """Translate what the system says of a temporary file into ReportFailed."""
    try:
        yield
    except OSError as exc:
        reason = f"could not be written: {exc.strerror or exc}; set TMPDIR to a folder with room"
        raise ReportFailed("the temporary folder", reason) from exc


def write_all(file: IO[bytes], piece: bytes) -> None:
    """Write all of a piece into a file that has no buffer. Raises ReportFailed where the disk is full."""
    left = memoryview(piece)
    with writing_scratch():
        while len(left):
            left = left[file.write(left) :]
