"""Set and check the resource limits of a worker: datacheck's own, and those of its caller."""

from __future__ import annotations

import contextlib
import errno
import resource

import msgspec

from datacheck.errors import WorkersFailed

UNLIMITED = resource.RLIM_INFINITY
LEAST_BYTES = 192 << 20
"""Least memory that a worker needs to do anything, in bytes."""
FILES = 4096
"""Number of files that a worker may open at once, if the hard limit allows it."""


class MemoryLimit(msgspec.Struct, frozen=True):
    """The number of bytes that a worker may have, and the words that say whose limit that is."""

    size: int
    words: str


def memory_limit(memory: int) -> MemoryLimit:
    """Return the lowest of `memory`, the limit of a worker's private bytes, and the caller's own limits."""
    found = MemoryLimit(memory, f"the {memory >> 20} MiB allowed")
    for limit, option in ((resource.RLIMIT_DATA, "-d"), (resource.RLIMIT_AS, "-v")):
        size = _lowest(*resource.getrlimit(limit))
        if size != UNLIMITED and size < found.size:
            found = MemoryLimit(size, f"the {size >> 20} MiB that a memory limit (ulimit {option}) allows")
    return found


def require_memory() -> None:
    """Raise WorkersFailed if there is so little memory that NumPy's libraries would end the process silently."""
    limit = memory_limit(LEAST_BYTES)
    if limit.size < LEAST_BYTES:
        raise WorkersFailed(f"{limit.words} are too few, at least {LEAST_BYTES >> 20} are needed")


def bound_memory(memory: int) -> None:
    """Limit the private bytes of this process to `memory`, or less if its caller has less; also disable core dumps."""
    size = _lowest(memory, *resource.getrlimit(resource.RLIMIT_DATA))
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def use_all_files() -> None:
    """Raise the limit of open files to FILES, as far as the hard limit permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _lowest(FILES, hard)
    if UNLIMITED != soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS reports a hard limit that it does not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def limit_hint(number: int | None) -> str:
    """Return the resource limit that an errno value may come from, as a clause; empty for other numbers."""
    return {
        errno.EAGAIN: " (a limit on processes, ulimit -u?)",
        errno.EMFILE: " (a limit on open files, ulimit -n?)",
        errno.ENOMEM: " (a limit on memory, ulimit -v?)",
    }.get(number or 0, "")


def _lowest(*limits: int) -> int:
    return min((it for it in limits if it != UNLIMITED), default=UNLIMITED)
