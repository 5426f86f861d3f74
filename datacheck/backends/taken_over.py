"""Recognise things beside a copy that an earlier copy took from its source. They may be deleted with the copy."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from datacheck.files.regular import open_regular
from datacheck.files.renaming import Name

PIECE = 1 << 20
LINES_BYTES = 64 << 20
"""Largest source file whose lines are compared, in bytes; larger files are compared as a whole only."""


def is_taken_over(name: Name, source: Path) -> bool:
    """Return whether what has a name holds only what `source`, its counterpart in the source, holds too.

    That is true of a file with the same bytes or with some of its lines (a list of keys in a copy is an example), and
    of a link if the source has a link. Nothing is followed. Raises OSError if the name cannot be examined.
    """
    status = os.stat(name.name, dir_fd=name.folder, follow_symlinks=False)
    try:
        original = source.lstat()
        if stat.S_ISLNK(status.st_mode) or not stat.S_ISREG(status.st_mode):
            return stat.S_ISLNK(status.st_mode) and stat.S_ISLNK(original.st_mode)
        if not stat.S_ISREG(original.st_mode) or original.st_size < status.st_size:
            return False
        with open_regular(source) as source_file, _open(name) as file:
            if original.st_size == status.st_size:
                return _have_same_content(file, source_file)
            return original.st_size <= LINES_BYTES and set(file.read().splitlines(True)) <= set(
                source_file.read().splitlines(True)
            )
    except (OSError, ValueError):  # not there, or unreadable
        return False


def _open(name: Name) -> BinaryIO:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.fdopen(os.open(name.name, flags, dir_fd=name.folder), "rb")


def _have_same_content(one: BinaryIO, other: BinaryIO) -> bool:
    while piece := one.read(PIECE):
        if piece != other.read(PIECE):
            return False
    return True
