"""Write beside the target, and give the finished work its name in one step that nothing can cut in two.

The folder for unfinished work is made for the purpose and marked; what has no mark of ours is never touched.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from datacheck.errors import RebuildFailed, TargetExists, UsageError
from datacheck.files.place import FOLDER, Identity, Place, hold, identity
from datacheck.files.renaming import ExchangeUnsupported, Name, exchange, rename_anew

ENDING = ".datacheck-partial"
MARK = ".datacheck-work"
MAGIC = b"unfinished work of a datacheck rebuild, to be removed by the next one of the same target\n"
LONGEST_MARK = 8192
TOKEN_BYTES = 4

Examine = Callable[[Name, Path], str]
"""Says in words which store lies at a name, that the user calls by this path; raises UsageError where it is none."""


def _nothing_is(name: Name, path: Path) -> str:
    raise TargetExists(str(path))


class Workplace:
    """A folder beside `target` for unfinished work, under a name that says what it is. Use as a context manager.

    What a dead run for this target left is removed first; what a living one is writing is not (UsageError). Leaving it
    removes it. Raises TargetExists if something lies at the target, unless `examine` is given and says that it is a
    store, which is then replaced; UsageError for a link. `replaced` says what was.
    """

    def __init__(self, target: Path, *, examine: Examine | None = None) -> None:
        self._target = target
        self._force = examine is not None
        self._examine = _nothing_is if examine is None else examine
        self.path = target
        self.replaced: str | None = None
        self._place: Place | None = None
        self._folder = -1
        self._name = ""
        self._found: Identity | None = None
        self._unsure = False

    def __enter__(self) -> Workplace:
        try:
            self._place = place = hold(self._target)
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise RebuildFailed(str(self._target), "the directory it is to lie in does not exist") from exc
        except OSError as exc:
            raise RebuildFailed(str(self._target), f"could not be written: {exc.strerror}") from exc
        try:
            self._found = self._look(place)
            self._make(place)
            self._clear(place)
        except OSError as exc:
            self._leave(place)
            raise RebuildFailed(str(self._target), f"could not be written: {exc.strerror}") from exc
        except BaseException:
            self._leave(place)
            raise
        return self

    def _look(self, place: Place) -> Identity | None:
        """Return which store lies at the target. Raises TargetExists, or UsageError, where that may not be replaced."""
        status = place.status()
        if status is None:
            return None
        if stat.S_ISLNK(status.st_mode):
            raise UsageError(
                f"{self._target}: is a symbolic link, which no copy is written through; name another target"
            )
        self._examine(Name(place.folder, place.name), self._target)
        return identity(status)

    def _make(self, place: Place) -> None:
        while self._folder < 0:
            name = place.beside(f".{secrets.token_hex(TOKEN_BYTES)}{ENDING}", ".")
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=place.folder)
                self._folder = os.open(name, os.O_RDONLY | FOLDER | os.O_NOFOLLOW, dir_fd=place.folder)
                self._name = name
        self.path = self._target.parent / self._name
        if _lock(self._folder):  # the mark comes after the lock: without a lock, a mark says that its run is dead
            self._mark(place)

    def _mark(self, place: Place) -> None:
        descriptor = os.open(MARK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._folder)
        with os.fdopen(descriptor, "wb") as mark:
            mark.write(MAGIC + os.fsencode(place.name))

    def _unmark(self) -> bool:
        """Remove the mark, so that nobody takes what is here for something to remove; return whether there was one."""
        try:
            os.unlink(MARK, dir_fd=self._folder)
        except FileNotFoundError:
            return False
        return True

    def _clear(self, place: Place) -> None:
        """Remove what dead runs for the same target left. Raises UsageError where one is alive."""
        if not place.listed:
            return
        begin = place.beside(f".{'0' * 2 * TOKEN_BYTES}{ENDING}", ".")[: -len(ENDING) - 2 * TOKEN_BYTES]
        with os.scandir(place.folder) as entries:
            names = [it.name for it in entries if it.name.startswith(begin) and it.name.endswith(ENDING)]
        for number, name in enumerate(sorted(names)):
            if name == self._name:
                continue
            with _opened_work(place, name) as folder:
                if folder is None:
                    continue
                if not _lock(folder):
                    raise UsageError(f"{self._target}: another rebuild is writing there")
                self._take_away(place, name, identity(os.fstat(folder)), f"left-{number}")

    def _take_away(self, place: Place, name: str, own: Identity, within: str) -> None:
        """Remove a folder, once it lies in ours, where nobody can put another thing under its name."""
        os.rename(name, within, src_dir_fd=place.folder, dst_dir_fd=self._folder)
        if identity(os.stat(within, dir_fd=self._folder, follow_symlinks=False)) == own:
            shutil.rmtree(within, dir_fd=self._folder)
        else:
            rename_anew(Name(self._folder, within), Name(place.folder, name))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._place is not None
        self._leave(self._place)

    def _leave(self, place: Place) -> None:
        """Remove our own folder with what is in it; what cannot be removed is left to the next rebuild."""
        if self._folder >= 0:
            with contextlib.suppress(OSError):
                if not self._unsure:
                    self._empty()
                self._unmark()
                status = os.stat(self._name, dir_fd=place.folder, follow_symlinks=False)
                if identity(status) == identity(os.fstat(self._folder)):
                    os.rmdir(self._name, dir_fd=place.folder)
            os.close(self._folder)
        os.close(place.folder)

    def _empty(self) -> None:
        """Remove all but the mark, by which the next rebuild knows what is left if this one is cut short."""
        with os.scandir(self._folder) as entries:
            found = [(it.name, it.is_dir(follow_symlinks=False)) for it in entries if it.name != MARK]
        for name, is_folder in found:
            if is_folder:
                shutil.rmtree(name, dir_fd=self._folder)
            else:
                os.unlink(name, dir_fd=self._folder)

    def publish(self, work: Path) -> None:
        """Give `work`, a file or folder right in this workplace, the target's name.

        A store that lay there when the work began goes, if it was to; anything else that lies there raises
        TargetExists. Raises OSError where it cannot be done.
        """
        assert self._place is not None
        new, old = Name(self._folder, work.name), Name(self._place.folder, self._place.name)
        if self._found is not None and self._place.status() is not None:
            marked = self._unmark()  # until it is known what came out, neither we nor another rebuild may remove it
            self._unsure = True
            self._replace(new, old, self._found)
            self._unsure = False
            if marked:
                self._mark(self._place)
        else:
            try:
                rename_anew(new, old)
            except FileExistsError as exc:
                raise TargetExists(str(self._target)) from exc
        self._place.flush()

    def _replace(self, new: Name, old: Name, found: Identity) -> None:
        """Exchange the names, and look at what came out before it goes: it must be what lay there from the start."""
        try:
            exchange(new, old)
        except ExchangeUnsupported:
            self._unsure = False
            self._rename_over(new, old, found)
            return
        try:
            came_out = os.stat(new.name, dir_fd=new.folder, follow_symlinks=False)
            if identity(came_out) != found:
                self._refuse_new()
            self.replaced = self._examine(new, self._target)
        except BaseException:
            exchange(new, old)
            self._unsure = False
            raise

    def _rename_over(self, new: Name, old: Name, found: Identity) -> None:
        """Replace a file by a file where names cannot be exchanged. Raises ExchangeUnsupported for a folder."""
        status = os.stat(old.name, dir_fd=old.folder, follow_symlinks=False)
        made = os.stat(new.name, dir_fd=new.folder, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or not stat.S_ISREG(made.st_mode):
            exchange(new, old)
        if identity(status) != found:
            self._refuse_new()
        self.replaced = self._examine(old, self._target)
        os.rename(new.name, old.name, src_dir_fd=new.folder, dst_dir_fd=old.folder)

    def _refuse_new(self) -> NoReturn:
        raise RebuildFailed(str(self._target), "something else was put there meanwhile, and is left as it is")


@contextlib.contextmanager
def _opened_work(place: Place, name: str) -> Iterator[int | None]:
    """Yield the open folder of a run for the same target, None where it is anything else."""
    try:
        folder = os.open(name, os.O_RDONLY | FOLDER | os.O_NOFOLLOW, dir_fd=place.folder)
    except OSError:  # a link, a file, or not ours to read
        yield None
        return
    try:
        ours = os.fstat(folder).st_uid == os.geteuid() and _mark(folder) == MAGIC + os.fsencode(place.name)
        yield folder if ours else None
    finally:
        os.close(folder)


def _mark(folder: int) -> bytes:
    """Return what the mark in a folder says, nothing where there is none."""
    try:
        descriptor = os.open(MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return b""
    try:
        status = os.fstat(descriptor)
        regular = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        return os.read(descriptor, LONGEST_MARK) if regular else b""
    finally:
        os.close(descriptor)


def _lock(folder: int) -> bool:
    """Lock a folder for as long as it is open; return False where it is locked, or nothing can be."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno not in (*_NO_LOCKS, errno.EAGAIN, errno.EACCES):
            raise
        return False
    return True


_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)
