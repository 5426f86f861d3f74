"""Open a path for reading only if it is a regular file, so that no read waits for a pipe, uses a device or never ends.

A dataset's folder, or a list of files, may contain anything: opening a named pipe without a writer blocks, opening a
tape device rewinds it, `/dev/zero` has no end. So a path is examined first, opened without waiting, and examined again
once it is open, in case it was replaced in between. Links are followed: datasets lie behind them.

Reading a whole file needs a limit, which the caller must know. The size that the file system reports is no limit: files
below `/proc` report 0 and have contents, or never end.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from datacheck.files.retrying import retried

BLOCK = 1 << 20
KERNELS = ("/proc", "/sys", "/sys/kernel/debug", "/sys/kernel/tracing", "/sys/kernel/security", "/sys/fs/cgroup")
"""Mount points of the kernel's virtual file systems: their files have no size or no end, and reading some of them
consumes the contents."""
PIPE = "a named pipe"
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
KINDS = (
    (stat.S_ISFIFO, PIPE),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)
MOST_LINKS = 40
"""Maximum number of links in a path, as in Linux."""
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://|(?:s3|gs|hf|https?|ftp|file):/")
"""Matches names that begin with a scheme; common schemes also with one slash, since a path loses the other."""
_OF_PROCESS = ("/proc/", "/dev/fd/")


class NotRegular(OSError):
    """There is no regular file at a path; `kind` says what it is, as in "a named pipe"."""

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(errno.EINVAL, f"it is {kind}, not a regular file", path)
        self.kind = kind

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"

    @property
    def clause(self) -> str:
        return f"is {self.kind}, not a regular file"

    def __reduce__(self) -> tuple[Any, ...]:
        return NotRegular, (self.filename, self.kind)


class TooLarge(OSError):
    """A file is larger than the limit for its kind."""

    def __init__(self, path: str, limit: int) -> None:
        super().__init__(errno.EFBIG, f"it has more than {_size(limit)}, the most that is read of such a file", path)
        self.limit = limit

    def __reduce__(self) -> tuple[Any, ...]:
        return TooLarge, (self.filename, self.limit)


def open_descriptor(path: Path, *, follow: bool = True) -> int:
    """Return a descriptor of the regular file at `path`, open for reading; the caller closes it.

    Without `follow`, a symbolic link at the path is refused too.

    Raises NotRegular, IsADirectoryError or another OSError, also for a name that no file can have.
    """
    try:
        before = retried(lambda: path.stat(follow_symlinks=follow))
    except ValueError as exc:
        raise FileNotFoundError(errno.ENOENT, "no file has a NUL byte in its name", str(path)) from exc
    _require_regular(path, before)
    descriptor = retried(lambda: os.open(path, _FLAGS | (0 if follow else os.O_NOFOLLOW)))
    try:
        _require_regular(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_regular(path: Path) -> BinaryIO:
    """Return the regular file at `path`, open for reading up to its present size. Raises as `open_descriptor`."""
    return io.BufferedReader(_Regular(open_descriptor(path)), BLOCK >> 3)


def read_whole(path: Path, limit: int, *, follow: bool = True) -> bytes:
    """Return all bytes of a regular file, at most `limit`. Raises TooLarge, or as `open_descriptor`."""
    with _Regular(open_descriptor(path, follow=follow)) as file:
        if file.end > limit:
            raise TooLarge(str(path), limit)
        pieces = []
        remaining = limit + 1
        while remaining and (piece := file.read(min(remaining, file.end or BLOCK))):
            pieces.append(piece)
            remaining -= len(piece)
    if not remaining:
        raise TooLarge(str(path), limit)
    return b"".join(pieces)


def require_regular(path: Path) -> None:
    """Raise as `open_descriptor` does, for a path that a library will open itself."""
    os.close(open_descriptor(path))


def irregular(path: Path) -> str | None:
    """Return a clause about what lies at `path`, or None for a regular file, a directory or nothing."""
    try:
        _require_regular(path, path.stat())
    except NotRegular as exc:
        return exc.clause
    except (OSError, ValueError):
        return None
    return None


def next_data(descriptor: int, at: int) -> int | None:
    """Return the offset of the next byte, from `at` on, that is not in a hole, or None if there is none."""
    try:
        return os.lseek(descriptor, at, os.SEEK_DATA)
    except OSError as exc:
        if exc.errno != errno.ENXIO:
            raise
        return None


def is_regular(path: Path) -> bool:
    """Check whether a regular file lies at `path`; False also if that cannot be determined, or the name is invalid."""
    try:
        _require_regular(path, path.stat())
    except (OSError, ValueError):
        return False
    return True


def url_scheme(name: str | Path) -> str | None:
    """Return the scheme of a name that is a URL (`s3://bucket/key`), or None if it is not, or exists as a path."""
    match = _URL.match(str(name))
    return None if match is None or os.path.lexists(name) else match[0].partition(":")[0].lower()


def real_path(path: Path) -> Path:
    """Return the path behind all links, or the absolute path if links form a cycle or no file can have that name."""
    try:
        return Path(os.path.realpath(path))
    except ValueError:  # a NUL in it
        return path.absolute()


def folder_of_process(path: Path) -> Path | None:
    """Return the folder of a path, or of a link in it, whose files differ by process, as for `/dev/stdin`; or None."""
    current = path.absolute()
    for _ in range(MOST_LINKS):
        current = Path(os.path.realpath(current.parent), current.name)
        if str(current).startswith(_OF_PROCESS):
            return current.parent
        try:
            current = current.parent / current.readlink()
        except (OSError, ValueError):
            return None
    return None


def _require_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        if status.st_dev in _kernels():
            raise NotRegular(str(path), "a file that the kernel makes up as it is read")
        return
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise NotRegular(str(path), next((kind for is_kind, kind in KINDS if is_kind(status.st_mode)), "a special file"))


@cache
def _kernels() -> frozenset[int]:
    """Return the devices of the kernel's own file systems that are mounted."""
    devices = set()
    for place in KERNELS:
        with suppress(OSError):
            devices.add(Path(place).stat().st_dev)
    return frozenset(devices - {Path("/").stat().st_dev})


NO_END = "it has no end, and nothing to read now"


class _Regular(io.FileIO):
    """A file opened without waiting: it ends at the size that it had when it was opened, and reads never block.

    Files that the kernel generates on reading report no size: they end when a read returns nothing.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "rb")
        self.end = os.fstat(descriptor).st_size

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if self.end:
            view = view[: max(0, self.end - self.tell())]
        count = retried(lambda: super(_Regular, self).readinto(view))
        if count is None:
            raise BlockingIOError(errno.EAGAIN, NO_END)
        return count

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            return self.readall()
        limit = min(size, max(0, self.end - self.tell())) if self.end else size
        raw = retried(lambda: super(_Regular, self).read(limit))
        if raw is None:
            raise BlockingIOError(errno.EAGAIN, NO_END)
        return raw

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self.read(BLOCK), b""))


def _size(count: int) -> str:
    return f"{count >> 30} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"
