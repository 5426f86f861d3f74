"""Write beside the target, and give the finished work its name in one atomic step.

The folder for unfinished work is created for the purpose and marked. A folder without our mark is never touched, nor is
a marked one that holds a file which the command reads, or anything that no rebuild puts there.
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
from typing import IO, NoReturn

from datacheck.errors import RebuildFailed, TargetExists, UsageError
from datacheck.files.deferring import interrupts_deferred
from datacheck.files.guard import Guard
from datacheck.files.marking import create, holds_more, is_bare, is_marked, mark, own_names, stamp, unmark, unstamp
from datacheck.files.place import FOLDER, Identity, Place, hold, identity
from datacheck.files.renaming import ExchangeUnsupported, Name, exchange, rename_anew

ENDING = ".datacheck-partial"
TOKEN_BYTES = 4

Examine = Callable[[Name, Path], str]
"""Function that returns in words which store lies at a name, given the user's path for it; raises UsageError if it is
not a store."""


class Workplace:
    """A folder beside `target` for unfinished work, under a name that says so. Use as a context manager.

    On entry, it removes what a dead run for this target left, and raises UsageError if another run is writing there. On
    exit, it is removed. Raises TargetExists if something lies at the target, unless `examine` is given and says that it
    is a store, which is then replaced; UsageError if it is a link. `replaced` describes the replaced store. Nothing
    that the command reads, according to `guard`, is removed or replaced. `what` is the word for the target; only one
    called "target" can be replaced.

    Write through `inside`, or with `create` and `make_folder`: another process may put something else at `path`.
    """

    def __init__(
        self, target: Path, *, examine: Examine | None = None, guard: Guard | None = None, what: str = "target"
    ) -> None:
        self._target, self._what = target, what
        self._examine = examine
        self._guard = Guard() if guard is None else guard
        self.path = self.inside = target
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
            raise RebuildFailed(str(self._target), "its parent directory does not exist") from exc
        except OSError as exc:
            raise RebuildFailed(str(self._target), f"could not be written: {exc.strerror}") from exc
        try:
            self._found = self._find_existing(place)
            with interrupts_deferred():
                self._make_work_folder(place)
            self._remove_left(place)
        except OSError as exc:
            self._remove_work_folder(place)
            raise RebuildFailed(str(self._target), f"could not be written: {exc.strerror}") from exc
        except BaseException:
            self._remove_work_folder(place)
            raise
        return self

    def _find_existing(self, place: Place) -> Identity | None:
        """Return the identity of the store at the target, or None.

        Raises TargetExists or UsageError if it must not be replaced.
        """
        status = place.status()
        if status is None:
            return None
        if stat.S_ISLNK(status.st_mode):
            raise UsageError(
                f"{self._target}: is a symbolic link, and no copy is written through one; name another target"
            )
        self._describe_store(Name(place.folder, place.name))
        return identity(status)

    def _describe_store(self, name: Name) -> str:
        """Return which store lies at a name. Raises UsageError if it is none, or if the command reads any of it."""
        if self._examine is None:
            raise self._target_exists()
        store = self._examine(name, self._target)
        source = self._guard.source_in(name)
        if source is not None:
            raise UsageError(f"{self._target}: holds {source}, which is being read; name another target")
        return store

    def _target_exists(self) -> TargetExists:
        return TargetExists(str(self._target), self._what, forceable=self._what == "target")

    def _make_work_folder(self, place: Place) -> None:
        while self._folder < 0:
            name = place.beside(f".{secrets.token_hex(TOKEN_BYTES)}{ENDING}", ".")
            try:
                os.mkdir(name, 0o700, dir_fd=place.folder)
            except FileExistsError:
                continue
            self._folder, locked = self._open_made(place, name)
            self._name = name
        self.path = self._target.parent / self._name
        self.inside = _by_descriptor(self._folder) or self.path
        if locked:  # the mark comes after the lock: a mark without a lock means that its run is dead
            mark(self._folder, place.name)

    def _open_made(self, place: Place, name: str) -> tuple[int, bool]:
        """Return the folder just created under a name, open and stamped, and whether it could be locked.

        Raises RebuildFailed if another folder lies there.
        """
        folder = os.open(name, os.O_RDONLY | FOLDER | os.O_NOFOLLOW, dir_fd=place.folder)
        is_ours = False
        try:
            locked = _lock(folder)
            is_ours = stamp(folder)
        finally:
            if not is_ours:
                os.close(folder)
        if not is_ours:
            reason = f"another process put something else in place of the work folder {name}; it is left unchanged"
            raise RebuildFailed(str(self._target), reason)
        return folder, locked

    def _remove_left(self, place: Place) -> None:
        """Remove what dead runs for the same target left. Raises UsageError if one is alive."""
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
                    if is_bare(folder):  # a run that is about to begin, or locks are not supported here
                        continue
                    raise UsageError(f"{self._target}: another rebuild is writing there")
                if holds_more(folder) or self._guard.source_in(Name(folder, ".")) is not None:
                    continue
                self._remove_left_folder(place, name, identity(os.fstat(folder)), f"left-{number}")

    def _remove_left_folder(self, place: Place, name: str, own: Identity, within: str) -> None:
        """Remove a folder after moving it into ours, where no process can put another one under its name."""
        os.rename(name, within, src_dir_fd=place.folder, dst_dir_fd=self._folder)
        if identity(os.stat(within, dir_fd=self._folder, follow_symlinks=False)) == own:
            shutil.rmtree(within, dir_fd=self._folder)
        else:
            rename_anew(Name(self._folder, within), Name(place.folder, name))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._place is not None
        self._remove_work_folder(self._place)

    def _remove_work_folder(self, place: Place) -> None:
        """Remove our own folder with its contents; what cannot be removed is left to the next rebuild."""
        if self._folder >= 0:
            with contextlib.suppress(OSError):
                if not self._unsure:
                    self._remove_contents()
                unmark(self._folder)
                unstamp(self._folder)
                status = os.stat(self._name, dir_fd=place.folder, follow_symlinks=False)
                if identity(status) == identity(os.fstat(self._folder)):
                    os.rmdir(self._name, dir_fd=place.folder)
            os.close(self._folder)
        os.close(place.folder)

    def _remove_contents(self) -> None:
        """Remove what a rebuild put here, but keep the mark: the next run needs it if this is interrupted."""
        for name in own_names(self._folder):
            if stat.S_ISDIR(os.stat(name, dir_fd=self._folder, follow_symlinks=False).st_mode):
                shutil.rmtree(name, dir_fd=self._folder)
            else:
                os.unlink(name, dir_fd=self._folder)

    def create(self, name: str) -> IO[bytes]:
        """Return a new file here, open for writing. Raises FileExistsError if the name is taken."""
        return os.fdopen(create(self._folder, name, 0o666), "wb")

    def make_folder(self, name: str) -> None:
        """Make a folder here."""
        os.mkdir(name, dir_fd=self._folder)

    def publish(self, work: Path) -> None:
        """Give `work`, a file or folder directly in this workplace, the target's name.

        A store that lay there when the work began is replaced if that was allowed; anything else there raises
        TargetExists. Raises OSError if it cannot be done.
        """
        assert self._place is not None
        new, old = Name(self._folder, work.name), Name(self._place.folder, self._place.name)
        if self._found is not None and self._place.status() is not None:
            # until the replaced store is identified, neither we nor another rebuild may remove it
            marked = unmark(self._folder)
            self._unsure = True
            self._replace(new, old, self._found)
            self._unsure = False
            if marked:
                mark(self._folder, self._place.name)
        else:
            try:
                rename_anew(new, old)
            except FileExistsError as exc:
                raise self._target_exists() from exc
        self._place.flush()

    def _replace(self, new: Name, old: Name, found: Identity) -> None:
        """Exchange the names.

        Before the old store is removed, check that it is the one that was there from the start.
        """
        try:
            exchange(new, old)
        except ExchangeUnsupported:
            self._unsure = False
            self._rename_over(new, old, found)
            return
        try:
            old_status = os.stat(new.name, dir_fd=new.folder, follow_symlinks=False)
            if identity(old_status) != found:
                self._refuse_new()
            self.replaced = self._describe_store(new)
        except BaseException:
            exchange(new, old)
            self._unsure = False
            raise

    def _rename_over(self, new: Name, old: Name, found: Identity) -> None:
        """Replace a file by a file if names cannot be exchanged. Raises ExchangeUnsupported for a folder."""
        status = os.stat(old.name, dir_fd=old.folder, follow_symlinks=False)
        new_status = os.stat(new.name, dir_fd=new.folder, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or not stat.S_ISREG(new_status.st_mode):
            exchange(new, old)
        if identity(status) != found:
            self._refuse_new()
        self.replaced = self._describe_store(old)
        os.rename(new.name, old.name, src_dir_fd=new.folder, dst_dir_fd=old.folder)

    def _refuse_new(self) -> NoReturn:
        raise RebuildFailed(str(self._target), "something else is there by now, and is left unchanged")


@contextlib.contextmanager
def _opened_work(place: Place, name: str) -> Iterator[int | None]:
    """Yield the open folder of a run for the same target, or None if it is anything else."""
    try:
        folder = os.open(name, os.O_RDONLY | FOLDER | os.O_NOFOLLOW, dir_fd=place.folder)
    except OSError:  # a link, a file, or not readable
        yield None
        return
    try:
        yield folder if is_marked(folder, place.name) or is_bare(folder) else None
    finally:
        os.close(folder)


def _by_descriptor(folder: int) -> Path | None:
    """Return a path to an open folder that is independent of its name and also valid for our workers, or None.

    The kernel lets workers through because they belong to the same user, unless this process is closed to all others
    (prctl(2), PR_SET_DUMPABLE); then its entry in /proc has another owner.
    """
    process = Path(f"/proc/{os.getpid()}")
    path = process / "fd" / str(folder)
    try:
        reachable = process.stat().st_uid == os.geteuid() and identity(path.stat()) == identity(os.fstat(folder))
    except OSError:
        return None
    return path if reachable else None


def _lock(folder: int) -> bool:
    """Lock a folder for as long as it is open; return False if it is locked already, or locks are not supported."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno not in (*_NO_LOCKS, errno.EAGAIN, errno.EACCES):
            raise
        return False
    return True


_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)
