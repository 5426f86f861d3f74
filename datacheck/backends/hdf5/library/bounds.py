"""Limit the memory that the HDF5 library may allocate for a file.

A damaged heap or a crafted chunk makes the library ask for gigabytes although the file has kilobytes. With a limit on
the memory of the process, that allocation fails at once, and the library reports the failure.
"""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

SPARE = 64 << 20
"""Bytes that reading may always allocate, however little there is to read."""
OBJECT_SHARE = 64
"""Memory for the object that holds a variable-length value, as a multiple of the reference's size, beside the value."""
HEAP_SHARE = 8
"""Maximum memory for all variable-length values of a file, as a multiple of the file's size.

The library and h5py hold up to five copies of a value: its heap, buffers for its conversion, and the result.
"""
DECODING = 6
"""Memory for decoding a chunk, as a multiple of its size: the library doubles its buffer until it is large enough."""
_STATM = Path("/proc/self/statm")


@contextlib.contextmanager
def at_most(size: int) -> Iterator[None]:
    """Limit the data of the process to what it has now plus `size` and SPARE bytes.

    No limit is set if the present size is unknown or a lower limit is in force.
    """
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
