"""Mark a folder of unfinished work, so that a later run recognises it as datacheck's own, and no other folder as such.

The folder holds an empty file, the stamp, and the mark. The mark names the target of the work, the inode of the folder,
and the time at which the system created the stamp. No archive can carry a valid mark: unpacking gives other inodes, and
only the system can set the time at which an inode was last changed.
"""

from __future__ import annotations

import os
import re
import stat

MARK = ".datacheck-work"
STAMP = ".datacheck-stamp"
MAGIC = b"unfinished work of a datacheck rebuild, to be removed by the next one of the same target\n"
LONGEST_MARK = 8192
COPY, QUARANTINE = "copy", "quarantine"
_OWN = re.compile(rf"{COPY}|{QUARANTINE}|(dropped|altered)\.indexes|left-[0-9]+")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def create(folder: int, name: str, mode: int = 0o600) -> int:
    """Return the descriptor of a new file in an open folder. Raises FileExistsError if the name is taken."""
    return os.open(name, _NEW, mode, dir_fd=folder)


def own_names(folder: int) -> list[str]:
    """Return the entries of a folder whose names a rebuild gives."""
    return [it for it in os.listdir(folder) if _OWN.fullmatch(it)]


def holds_more(folder: int) -> bool:
    """Check whether a folder holds anything that a rebuild does not put there."""
    return not {MARK, STAMP}.issuperset(it for it in os.listdir(folder) if not _OWN.fullmatch(it))


def stamp(folder: int) -> bool:
    """Put the stamp into a folder that was just created, or return False if it is a different folder.

    Another process may have renamed ours away. Our folder is empty, has the owner of the files that we create in it,
    and is closed to everyone else, unless the file system does not store such modes. No stamp is left in a different
    folder.
    """
    if os.listdir(folder):
        return False
    descriptor = create(folder, STAMP)
    try:
        stamp_status, status = os.fstat(descriptor), os.fstat(folder)
    finally:
        os.close(descriptor)
    is_open = stat.S_IMODE(status.st_mode) & 0o077 and not stat.S_IMODE(stamp_status.st_mode) & 0o077
    is_ours = stamp_status.st_uid == status.st_uid and not is_open and os.listdir(folder) == [STAMP]
    if not is_ours:
        os.unlink(STAMP, dir_fd=folder)
    return is_ours


def mark(folder: int, target: str) -> None:
    """Mark a stamped folder as holding the work for a target. Raises OSError."""
    with os.fdopen(create(folder, MARK), "wb") as file:
        file.write(_mark_content(folder, target))


def unmark(folder: int) -> bool:
    """Remove the mark, so that no run takes the contents for something to remove; return whether there was one."""
    try:
        os.unlink(MARK, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def unstamp(folder: int) -> None:
    """Remove the stamp of a folder that has no mark."""
    os.unlink(STAMP, dir_fd=folder)


def is_marked(folder: int, target: str) -> bool:
    """Check whether a run for this target left a folder: the mark was written in it, and by this user."""
    try:
        return os.fstat(folder).st_uid == os.geteuid() and _read(folder) == _mark_content(folder, target)
    except OSError:
        return False


def is_bare(folder: int) -> bool:
    """Check whether a folder of ours is empty, or was left by a run that was killed before it wrote the mark."""
    try:
        names = os.listdir(folder)
        entries = [os.stat(it, dir_fd=folder, follow_symlinks=False) for it in names]
    except OSError:
        return False
    empty = all(stat.S_ISREG(it.st_mode) and not it.st_size for it in entries)
    return os.fstat(folder).st_uid == os.geteuid() and empty and {MARK, STAMP}.issuperset(names)


def _mark_content(folder: int, target: str) -> bytes:
    status = os.stat(STAMP, dir_fd=folder, follow_symlinks=False)
    return MAGIC + b"%d %d %d\n" % (os.fstat(folder).st_ino, status.st_ino, status.st_ctime_ns) + os.fsencode(target)


def _read(folder: int) -> bytes:
    """Return the contents of the mark in a folder. Raises OSError."""
    descriptor = os.open(MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        regular = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        return os.read(descriptor, LONGEST_MARK) if regular else b""
    finally:
        os.close(descriptor)
