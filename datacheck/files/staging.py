"""Write beside the target, and give the finished work its name in one step that nothing can cut in two."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
from pathlib import Path

from datacheck.errors import RebuildFailed, TargetExists, UsageError
from datacheck.files.disk import flush

AT_FDCWD = -100
RENAME_EXCHANGE = 2


class Workplace:
    """A folder beside `target` for unfinished work, under a name that says what it is. Use as a context manager.

    What a dead run left there is removed first; what a living one is writing is not (UsageError). Leaving it removes
    it. Raises TargetExists if something lies at the target and it is not to be replaced (`force`).
    """

    def __init__(self, target: Path, *, force: bool = False) -> None:
        self._target, self._force = target, force
        self.path = target.parent / f".{target.name}.datacheck-partial"
        self._lock = -1

    def __enter__(self) -> Workplace:
        if os.path.lexists(self._target) and not self._force:
            raise TargetExists(str(self._target))
        if not self._target.parent.is_dir():
            raise RebuildFailed(str(self._target), "the directory it is to lie in does not exist")
        try:
            self._take()
        except OSError as exc:
            raise RebuildFailed(str(self._target), f"could not be written: {exc.strerror}") from exc
        return self

    def _take(self) -> None:
        with contextlib.suppress(FileExistsError):
            self.path.mkdir()
        self._lock = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(self._lock)
            raise UsageError(f"{self._target}: another rebuild is writing there") from exc
        for left in self.path.iterdir():
            _remove(left)

    def __exit__(self, *exc: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)

    def publish(self, work: Path) -> None:
        """Give `work`, a file or folder in this workplace, the target's name; what lay there goes, if it was to."""
        if not os.path.lexists(self._target):
            work.rename(self._target)
        elif not self._force:
            raise TargetExists(str(self._target))
        elif work.is_file() and self._target.is_file():
            work.replace(self._target)
        else:
            _exchange(work, self._target)
        flush(self._target.parent)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _exchange(one: Path, other: Path) -> None:
    """Swap the names of two things: renameat2(2), since a folder that is not empty cannot be renamed over."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        raise OSError(errno.ENOSYS, "a directory cannot be replaced in one step on this system; remove it first")
    if libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))
