"""Limit the memory that the HDF5 library may allocate for a file.

A damaged heap or a crafted chunk makes the library ask for gigabytes although the file has kilobytes. With a limit on
the memory of the process, that allocation fails at once, and the library reports the failure.
"""

from __future__ import annotations

import contextlib
import re
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


_ALLOCATION = re.compile("memory allocation failed|unable to allocate|can't allocate", re.IGNORECASE)
"""What the library says if it gets no memory; h5py raises that as an error of the file."""


class Starved(MemoryError):
    """The limits of the process leave less memory than sound data may need. This says nothing about the data."""


@contextlib.contextmanager
def at_most(size: int) -> Iterator[None]:
    """Limit the data of the process to what it has now plus `size` and SPARE bytes.

    No limit is set if the present size is unknown or a lower limit is in force. If an allocation fails where a lower
    limit is in force, raises Starved instead of its error.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    now = _sizes()
    if now is None or _is_below(soft, now[1] + size + SPARE):
        with unbounded():
            yield
        return
    address_space, data = now
    lower = _is_below(resource.getrlimit(resource.RLIMIT_AS)[0], address_space + size + SPARE)
    resource.setrlimit(resource.RLIMIT_DATA, (data + size + SPARE, hard))
    try:
        with unbounded() if lower else contextlib.nullcontext():
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@contextlib.contextmanager
def unbounded() -> Iterator[None]:
    """Raise Starved instead of the error of an allocation that fails: the limit was not set for the data."""
    try:
        yield
    except Starved:
        raise
    except (MemoryError, OSError, RuntimeError, ValueError) as exc:
        if isinstance(exc, MemoryError) or _ALLOCATION.search(str(exc)):
            raise Starved(str(exc)) from exc
        raise


def _sizes() -> tuple[int, int] | None:
    """Return the sizes of the process's address space and of its data, in bytes, or None if they are unknown."""
    try:
        pages = _STATM.read_bytes().split()
        return int(pages[0]) * resource.getpagesize(), int(pages[5]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return None


def _is_below(limit: int, size: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit <= size
