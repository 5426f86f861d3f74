"""Share one file in memory between a process and its workers, for results that all of them can use.

The file has no name, so nothing is left of it even if all processes are killed. Workers find it through its owner's
entry in /proc, which only processes of the same user can open.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

from datacheck.files.descriptors import above_streams

VARIABLE = "_DATACHECK_COMMON_FILE"
"""Environment variable that gives workers the path of the file."""
_NAME = "datacheck-common"


@functools.cache
def _shared_file() -> int | None:
    try:
        descriptor = above_streams(os.memfd_create(_NAME))
        os.fchmod(descriptor, 0o600)
    except (AttributeError, OSError):
        return None
    return descriptor


def forget() -> None:
    """Forget the file, in a process that closes the descriptor it has inherited."""
    _shared_file.cache_clear()


def worker_environment() -> dict[str, str]:
    """Return the environment variables that workers need; the first call creates the file."""
    descriptor = _shared_file()
    return {VARIABLE: "" if descriptor is None else f"/proc/{os.getpid()}/fd/{descriptor}"}


def opened() -> int | None:
    """Return a descriptor of the file that this worker shares with others, or None if there is none.

    Each descriptor can be locked separately. Writes are appended. Raises OSError.
    """
    path = os.environ.get(VARIABLE, "")
    if not _is_shared_file(path):
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK)
    if _is_shared_file(f"/proc/self/fd/{descriptor}") and os.fstat(descriptor).st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    return None


def _is_shared_file(path: str) -> bool:
    """Check whether a descriptor is of such a file: its owner may have closed it and reused its number."""
    return path.startswith("/proc/") and str(Path(path).readlink()).startswith(f"/memfd:{_NAME} ")
