"""Bound what the HDF5 library may take for what a file has to offer.

A damaged heap or a chunk made for it has the library ask for gigabytes where the file has kilobytes. A limit on what
the process may have refuses that at once, and the library says that it failed.
"""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

SPARE = 64 << 20
"""What reading may take whatever there is to read."""
_STATM = Path("/proc/self/statm")


@contextlib.contextmanager
def at_most(size: int) -> Iterator[None]:
    """Let the process have so many bytes more of its own than it has, and SPARE. Where that cannot be known, go on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    try:
        now = int(_STATM.read_bytes().split()[5]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        yield
        return
    limit = now + size + SPARE
    if soft != resource.RLIM_INFINITY and limit >= soft:
        yield
        return
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
