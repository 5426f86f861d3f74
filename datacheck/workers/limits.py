"""The limits that bound a worker: datacheck's own, and those that its caller lives under."""

from __future__ import annotations

import contextlib
import errno
import resource
from dataclasses import dataclass

from datacheck.errors import WorkersFailed

UNLIMITED = resource.RLIM_INFINITY
LEAST_BYTES = 192 << 20
"""Without so much memory nothing can be done."""
FILES = 4096
"""So many files may be open at once."""


@dataclass(frozen=True)
class MemoryLimit:
    """How many bytes a worker may have, and the words that tell whose limit that is."""

    size: int
    words: str


def memory_limit(memory: int) -> MemoryLimit:
    """Return the least of `memory`, the bound on a worker's private bytes, and the caller's own limits."""
    found = MemoryLimit(memory, f"the {memory >> 20} MiB allowed")
    for limit, option in ((resource.RLIMIT_DATA, "-d"), (resource.RLIMIT_AS, "-v")):
        size = _least(*resource.getrlimit(limit))
        if size != UNLIMITED and size < found.size:
            found = MemoryLimit(size, f"the {size >> 20} MiB that a memory limit (ulimit {option}) allows")
    return found


def require_memory() -> None:
    """Raise WorkersFailed where there is so little memory that NumPy's libraries end the process without a word."""
    limit = memory_limit(LEAST_BYTES)
    if limit.size < LEAST_BYTES:
        raise WorkersFailed(f"{limit.words} are too few, at least {LEAST_BYTES >> 20} are needed")


def bound_memory(memory: int) -> None:
    """Bound the private bytes of this process, to less than `memory` where its caller has less."""
    size = _least(memory, *resource.getrlimit(resource.RLIMIT_DATA))
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def use_all_files() -> None:
    """Let this process open enough files, if it is allowed to allow itself that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _least(FILES, hard)
    if UNLIMITED != soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS names a hard limit that it does not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def limit_hint(number: int | None) -> str:
    """Say which limit an error number may come from."""
    return {
        errno.EAGAIN: " (a limit on processes, ulimit -u?)",
        errno.EMFILE: " (a limit on open files, ulimit -n?)",
        errno.ENOMEM: " (a limit on memory, ulimit -v?)",
    }.get(number or 0, "")


def _least(*limits: int) -> int:
    return min((it for it in limits if it != UNLIMITED), default=UNLIMITED)
