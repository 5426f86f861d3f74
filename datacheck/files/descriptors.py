"""Keep descriptors away from the numbers of the standard streams."""

from __future__ import annotations

import fcntl
import os


def above_streams(descriptor: int) -> int:
    """Return a descriptor, or a duplicate that replaces it if it has the number of a standard stream.

    The caller may have closed that stream. Whatever gets its number would receive what is printed.
    """
    if descriptor > 2:
        return descriptor
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(descriptor)
    return moved
