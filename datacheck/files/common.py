"""A file in memory that a process has in common with its workers: there one can put what it has made for all of them.

It has no name, so nothing is left of it, also if all of them are killed. Workers find it by its owner, whose entry in
/proc is open to processes of the same user only.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

VARIABLE = "_DATACHECK_COMMON_FILE"
"""Tells workers where it is."""
_NAME = "datacheck-common"


@functools.cache
def _own() -> int | None:
    try:
        descriptor = os.memfd_create(_NAME)
        os.fchmod(descriptor, 0o600)
    except (AttributeError, OSError):
        return None
    return descriptor


def told() -> dict[str, str]:
    """Return what workers are to have in their environment; the file is made when this is first called."""
    descriptor = _own()
    return {VARIABLE: "" if descriptor is None else f"/proc/{os.getpid()}/fd/{descriptor}"}


def opened() -> int | None:
    """Return a descriptor of the file that this worker has in common with others; None where there is none.

    Each has a lock of its own. What is written goes to the end. Raises OSError.
    """
    path = os.environ.get(VARIABLE, "")
    if not _is_ours(path):
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK)
    if _is_ours(f"/proc/self/fd/{descriptor}") and os.fstat(descriptor).st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    return None


def _is_ours(path: str) -> bool:
    """Say whether a descriptor is of such a file: its owner may have closed it, and opened another one in its place."""
    return path.startswith("/proc/") and str(Path(path).readlink()).startswith(f"/memfd:{_NAME} ")
