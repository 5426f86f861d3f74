"""Rename without replacing, and exchange two names, each in one step (renameat2(2)) if the system supports it."""

from __future__ import annotations

import ctypes
import errno
import os
import stat

import msgspec

from datacheck.files.place import UNSUPPORTED

RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2


class Name(msgspec.Struct, frozen=True):
    """A name in an open folder."""

    folder: int
    name: str


class ExchangeUnsupported(OSError):
    """The file system cannot exchange two names in one step."""


def rename_anew(old: Name, new: Name) -> None:
    """Rename without replacing anything. Raises FileExistsError if something lies at the new name."""
    if _renameat2(old, new, RENAME_NOREPLACE):
        return
    status = os.stat(old.name, dir_fd=old.folder, follow_symlinks=False)
    if not stat.S_ISDIR(status.st_mode):
        try:
            os.link(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder, follow_symlinks=False)
        except OSError as exc:
            if exc.errno not in (*UNSUPPORTED, errno.EPERM, errno.EMLINK):
                raise
        else:
            os.unlink(old.name, dir_fd=old.folder)
            return
    try:
        os.stat(new.name, dir_fd=new.folder, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder)
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new.name)


def exchange(one: Name, other: Name) -> None:
    """Exchange two names in one step. Raises ExchangeUnsupported if that is not possible."""
    if not _renameat2(one, other, RENAME_EXCHANGE):
        raise ExchangeUnsupported(
            errno.ENOSYS,
            "this file system cannot replace a store in one step; remove the existing one first",
            other.name,
        )


def _renameat2(old: Name, new: Name, flags: int) -> bool:
    """Call renameat2; return False if the system or the file system does not support it. Raises OSError."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if not renameat2(old.folder, os.fsencode(old.name), new.folder, os.fsencode(new.name), flags):
        return True
    number = ctypes.get_errno()
    if number in UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), new.name)
