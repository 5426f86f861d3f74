"""Hold the folder of a name open, so that the checks and the write concern the same folder."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

Identity = tuple[int, int]
"""Device and inode: two names with the same identity are the same file."""
FOLDER = os.O_DIRECTORY | os.O_CLOEXEC
PATH_ONLY = getattr(os, "O_PATH", 0)
"""Flag that opens a folder without reading it, on systems that have it: its permissions may allow no more."""
LONGEST_NAME = 255
DEEPEST = 4096
UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def identity(status: os.stat_result) -> Identity:
    """Return the device and the inode of a file."""
    return status.st_dev, status.st_ino


def identity_at(path: str | Path) -> Identity | None:
    """Return the identity of what lies at a path, following links, or None if nothing can be reached there."""
    try:
        return identity(Path(path).stat())
    except (OSError, ValueError):  # the latter for a NUL in the name
        return None


class Place(msgspec.Struct, frozen=True):
    """A name in an open folder, made with `held`; `path` is the user's path of it. `listed`: the folder may be read."""

    path: Path
    folder: int
    name: str
    listed: bool

    def status(self) -> os.stat_result | None:
        """Return the status of what lies there, without following a link, or None if nothing does."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def folders(self) -> Iterator[Identity]:
        """Yield the identity of the folder and of each folder above it, whatever path leads to them."""
        folder = os.dup(self.folder)
        try:
            for _ in range(DEEPEST):
                own = identity(os.fstat(folder))
                yield own
                above = os.open("..", PATH_ONLY | FOLDER, dir_fd=folder)
                os.close(folder)
                folder = above
                if identity(os.fstat(folder)) == own:
                    return
        except PermissionError:  # the folders above cannot be reached from here
            return
        finally:
            os.close(folder)

    def beside(self, end: str, start: str = "") -> str:
        """Return the name with a prefix and a suffix, shortened to the longest name that the file system accepts."""
        return f"{start}{self._cut(len(os.fsencode(start + end)))}{end}"

    def _cut(self, reserved: int) -> str:
        try:
            longest = os.fpathconf(self.folder, "PC_NAME_MAX")
        except (OSError, ValueError):
            longest = LONGEST_NAME
        return os.fsdecode(os.fsencode(self.name)[: max(1, longest - reserved)])

    def flush(self) -> None:
        """Flush the entries of the folder to disk."""
        if self.listed:
            put_on_disk(self.folder)


def put_on_disk(descriptor: int) -> None:
    """Call fsync, and ignore that a file system does not support it."""
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in UNSUPPORTED:
            raise


@contextlib.contextmanager
def held(path: Path) -> Iterator[Place]:
    """Yield the place that a path names, with its folder held open. Raises OSError if there is no such folder."""
    place = hold(path)
    try:
        yield place
    finally:
        os.close(place.folder)


def hold(path: Path) -> Place:
    """Return the place that a path names; the caller must close its open `folder`. Raises OSError."""
    name = path.name
    if not name or name == ".." or "\0" in str(path):
        raise OSError(errno.EINVAL, "this names no file in a folder", str(path))
    try:
        return Place(path, os.open(path.parent, os.O_RDONLY | FOLDER), name, listed=True)
    except PermissionError:
        if not PATH_ONLY:
            raise
        return Place(path, os.open(path.parent, PATH_ONLY | FOLDER), name, listed=False)
