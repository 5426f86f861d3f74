"""Write a file under a temporary name and rename it when complete: the old file is replaced or stays unchanged."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO

from datacheck.errors import ReportFailed, UsageError
from datacheck.files.deferring import interrupts_deferred
from datacheck.files.guard import Guard
from datacheck.files.place import Identity, Place, hold, identity, put_on_disk
from datacheck.model.replacing import replace

UNFINISHED = ".datacheck-partial"
TOKEN_BYTES = 4
GROWING = ".partial"
MOST_NAMES = 1000


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Convert a system error about a file that is being written into ReportFailed."""
    try:
        yield
    except OSError as exc:
        folder = Path(path).parent
        missing = isinstance(exc, FileNotFoundError) and not folder.exists()
        reason = f"there is no folder {folder}" if missing else exc.strerror or exc
        raise ReportFailed(str(path), f"could not be written: {reason}") from exc


class Output:
    """A file to write. Use as a context manager: write to `file`, then call `publish` to give it its name.

    Leaving the context without `publish` leaves the existing file as it was, and nothing beside it. Files that killed
    runs have left there are removed by the next run that writes the same file. An output that `grows` is written under
    a visible name (`NAME.partial`), so that people can look into it meanwhile. One that `resumes` continues the file
    that an earlier run left under such a name, if there is one; `resumed` is then true. An unpublished file that grows
    is kept if `keeps` is set; if `leaves` is set, the file that grew is kept in any case.

    Raises UsageError if the guard refuses the name, or another run writes there; ReportFailed if the file cannot be
    written.
    """

    def __init__(
        self,
        path: str | Path,
        guard: Guard | None = None,
        *,
        text: bool = False,
        grows: bool = False,
        resumes: bool = False,
    ) -> None:
        self.path = Path(path)
        self.file: IO[Any]
        self._guard = Guard() if guard is None else guard
        self._text, self._grows, self._resumes = text, grows, resumes
        self.resumed = self.keeps = self.leaves = False
        self._grown: tuple[str, Identity] | None = None
        self._place: Place | None = None
        self._name = ""
        self._own: Identity | None = None
        self._found: os.stat_result | None = None

    def __enter__(self) -> Output:
        with writing(self.path):
            self._guard.refuse_spelled(self.path)
            self._place = place = hold(self.path)
            try:
                self._guard.claim(place)
                self._found = self._check_existing(place)
                self._remove_left(place)
                with interrupts_deferred():
                    self._write_to(self._create(place))
            except BaseException:
                if self._own is None:
                    os.close(place.folder)
                else:
                    self._discard(place)
                raise
        return self

    def _write_to(self, descriptor: int) -> None:
        """Continue writing to an open file."""
        options: dict[str, Any] = {"encoding": "utf-8", "newline": ""} if self._text else {}
        self.file = os.fdopen(descriptor, "w" if self._text else "wb", **options)
        self._own = identity(os.fstat(descriptor))

    @property
    def growing(self) -> Path:
        """The path of the file that grows."""
        return self.path.with_name(self._name if self._grown is None else self._grown[0])

    def reading(self) -> BinaryIO:
        """Return the file that is being written, open for reading."""
        assert self._place is not None
        descriptor = os.open(self._name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self._place.folder)
        if identity(os.fstat(descriptor)) != self._own:
            os.close(descriptor)
            raise FileNotFoundError(errno.ENOENT, "somebody took away the file that was being written", self._name)
        return os.fdopen(descriptor, "rb")

    def begin_anew(self) -> None:
        """Continue in a new, empty file; the one that has grown is kept until this one is published."""
        assert self._place is not None
        assert self._own is not None
        self.file.close()
        self._grown = self._name, self._own
        self._grows = False
        self._write_to(self._create(self._place))

    def _check_existing(self, place: Place) -> os.stat_result | None:
        """Return the status of the existing file, or None.

        It must be replaceable, and its permissions must allow writing.
        """
        self._guard.refuse_output(place)
        status = place.status()
        if status is not None and not _may_be_written(place):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self.path))
        return status

    def _create(self, place: Place) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        leftover = self._open_left(place) if self._resumes and self._grows else None
        if leftover is not None:
            return leftover
        for number in range(1, MOST_NAMES):
            token = os.urandom(TOKEN_BYTES).hex()
            self._name = _growing(place, number) if self._grows else _unfinished(place, token)
            with contextlib.suppress(FileExistsError):
                descriptor = os.open(self._name, flags, 0o666, dir_fd=place.folder)
                if _locked(descriptor) and os.fstat(descriptor).st_nlink:
                    return descriptor
                os.close(descriptor)  # another run took the file for a dead run's before it was locked
        raise FileExistsError(errno.EEXIST, f"{self._name} and the like are there already", str(self.path))

    def _open_left(self, place: Place) -> int | None:
        """Return an open descriptor of the latest file left by an unfinished run, or None if there is none.

        Raises UsageError if another run is writing it, or if it has a second name (a hard link).
        """
        found: list[tuple[int, str]] = []
        for number in range(1, MOST_NAMES):
            name = _growing(place, number)
            try:
                status = os.stat(name, dir_fd=place.folder, follow_symlinks=False)
            except FileNotFoundError:
                break
            if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                found.append((status.st_mtime_ns, name))
        if not found:
            return None
        _, self._name = max(found)
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(self._name, flags, dir_fd=place.folder)
        reason = None if _locked(descriptor) else "another scan is writing this file"
        if os.fstat(descriptor).st_nlink > 1:  # the other name may be that of a source
            reason = "is a file with a second name (a hard link), which is not written to; copy it, or delete it"
        if reason is not None:
            os.close(descriptor)
            raise UsageError(f"{self.path.with_name(self._name)}: {reason}")
        self.resumed = True
        return descriptor

    def publish(self) -> None:
        """Give the file its name, in one step.

        Raises ReportFailed, or UsageError if another file took the name meanwhile.
        """
        place = self._place
        assert place is not None
        with writing(self.path):
            self.file.flush()
            put_on_disk(self.file.fileno())
            now = place.status()
            if now is not None and (self._found is None or identity(now) != identity(self._found)):
                self._found = self._check_existing(place)
            if self._found is not None:
                os.fchmod(self.file.fileno(), stat.S_IMODE(self._found.st_mode) & 0o777)
            if not self._is_ours(place):
                raise FileNotFoundError(errno.ENOENT, "another process removed the file that was being written")
            os.rename(self._name, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
            self._own = None
            if not self.leaves:
                self._remove_grown(place)
            place.flush()
            self.file.close()

    def _remove_grown(self, place: Place) -> None:
        """Remove the file that had grown before `begin_anew`."""
        if self._grown is not None:
            name, own = self._grown
            with contextlib.suppress(FileNotFoundError):
                if identity(os.stat(name, dir_fd=place.folder, follow_symlinks=False)) == own:
                    os.unlink(name, dir_fd=place.folder)

    def _remove_left(self, place: Place) -> None:
        """Remove what killed runs left of the same file, unless the command reads it or it is not the user's."""
        with contextlib.suppress(OSError):
            for name in _left_names(place):
                with contextlib.suppress(OSError, UsageError):
                    self._guard.refuse_output(replace(place, name=name))
                    _remove_if_left(place, name)

    def _is_ours(self, place: Place) -> bool:
        try:
            status = os.stat(self._name, dir_fd=place.folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return identity(status) == self._own

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._place is not None
        self._discard(self._place)

    def _discard(self, place: Place) -> None:
        """Close the file, and remove it unless it was published or is kept."""
        try:
            with contextlib.suppress(OSError):  # discarded data need not reach the disk
                self.file.close()
            kept = self.keeps or self.leaves
            with writing(self.path):
                if self._own is not None and not (kept and self._grown is None) and self._is_ours(place):
                    os.unlink(self._name, dir_fd=place.folder)
                if self._own is not None and not kept:
                    self._remove_grown(place)
        finally:
            os.close(place.folder)


def _growing(place: Place, number: int) -> str:
    """Return the name of a file that grows: the first, or a numbered one if that is taken."""
    return place.beside(GROWING if number == 1 else f"{GROWING}-{number}")


def _unfinished(place: Place, token: str) -> str:
    return place.beside(f".{token}{UNFINISHED}", ".")


def _left_names(place: Place) -> list[str]:
    """Return the names in the folder that only unfinished files for this place have."""
    if not place.listed:
        return []
    begin = _unfinished(place, "0" * 2 * TOKEN_BYTES)[: -len(UNFINISHED) - 2 * TOKEN_BYTES]
    pattern = re.compile(rf"{re.escape(begin)}[0-9a-f]{{{2 * TOKEN_BYTES}}}{re.escape(UNFINISHED)}")
    with os.scandir(place.folder) as entries:
        return [it.name for it in entries if pattern.fullmatch(it.name)]


def _remove_if_left(place: Place, name: str) -> None:
    """Remove an unfinished file that no run is writing: a run holds the lock of its file. Raises OSError."""
    descriptor = os.open(name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place.folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(descriptor)
        is_same = identity(os.stat(name, dir_fd=place.folder, follow_symlinks=False)) == identity(status)
        if is_same and stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_nlink == 1:
            os.unlink(name, dir_fd=place.folder)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock a file for as long as it is open; return False if another process has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _may_be_written(place: Place) -> bool:
    """Check whether the file there is writable: a rename would not check that."""
    options: dict[str, Any] = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    return os.access(place.name, os.W_OK, dir_fd=place.folder, **options)
