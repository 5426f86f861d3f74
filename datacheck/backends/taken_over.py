"""What an earlier copy has from its source beside the store: it may go with the copy, since the source has it still."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from datacheck.files.regular import open_regular
from datacheck.files.renaming import Name

PIECE = 1 << 20
LINES_BYTES = 64 << 20
"""Larger files are compared as a whole only."""


def taken_over(name: Name, source: Path) -> bool:
    """Say whether what has a name holds nothing that `source`, the same thing in the source, does not hold.

    That is a file of the same bytes, or of some of its lines, as a list of keys has them in a copy; or a link where the
    source has one. Nothing is followed. Raises OSError where the name cannot be looked at.
    """
    status = os.stat(name.name, dir_fd=name.folder, follow_symlinks=False)
    try:
        there = source.lstat()
        if stat.S_ISLNK(status.st_mode) or not stat.S_ISREG(status.st_mode):
            return stat.S_ISLNK(status.st_mode) and stat.S_ISLNK(there.st_mode)
        if not stat.S_ISREG(there.st_mode) or there.st_size < status.st_size:
            return False
        with open_regular(source) as its, _opened(name) as own:
            if there.st_size == status.st_size:
                return _same(own, its)
            return there.st_size <= LINES_BYTES and set(own.read().splitlines(True)) <= set(its.read().splitlines(True))
    except (OSError, ValueError):  # nothing there, or nothing that can be read
        return False


def _opened(name: Name) -> BinaryIO:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.fdopen(os.open(name.name, flags, dir_fd=name.folder), "rb")


def _same(own: BinaryIO, other: BinaryIO) -> bool:
    while piece := own.read(PIECE):
        if piece != other.read(PIECE):
            return False
    return True
