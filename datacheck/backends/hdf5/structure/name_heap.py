"""Read the names in the local heap of an old-style group, for when the nodes that point to its objects are damaged.

HDF5 File Format Specification 3.0, III.D (local heaps) and IV.A.2.r (the symbol table message).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any

from datacheck.backends.hdf5.structure.superblock import CONTINUATION, CONTINUATIONS, SYMBOL_TABLE, header_bytes
from datacheck.backends.hdf5.trouble import TROUBLE

HEADER_BYTES = 1 << 16
"""Maximum number of bytes of a block of an object header that are read."""
HEAP_BYTES = 16 << 20
"""Maximum number of bytes of a heap that are read. Names after that are ignored."""
NO_HOLE = 1
"""Offset that ends the free list of a heap."""
Read = Callable[[int, int], bytes]
"""A function that reads bytes, given an address in the file and a size; it returns fewer at the end of the file."""


def names(h5: Any, group: Any, address: int) -> tuple[list[bytes], bool]:
    """Return the names in the local heap of a group, and whether the heap is complete.

    There are no names if the group has no heap or it cannot be read.
    """
    try:
        file = h5.h5i.get_file_id(group)
        if file.get_access_plist().get_driver() != h5.h5fd.SEC2:
            return [], False
        descriptor, base = file.get_vfd_handle(), file.get_create_plist().get_userblock()
    except TROUBLE:
        return [], False

    def read(at: int, size: int) -> bytes:
        return os.pread(descriptor, size, base + at) if 0 <= at < 1 << 62 else b""

    try:
        heap = _heap_address(read, address)
        return ([], False) if heap is None else (names_in_heap(read, heap), _is_complete(read, heap))
    except (OSError, struct.error):
        return [], False


def _heap_address(read: Read, address: int) -> int | None:
    """Return the address of the heap of a group, given its header's address, or None if it is a new-style group."""
    length = header_bytes(read(address, 16))
    blocks = [] if length is None else [(address + 16, length - 16)]
    for _ in range(CONTINUATIONS):
        if not blocks:
            return None
        start, size = blocks.pop()
        raw = read(start, min(size, HEADER_BYTES))
        at = 0
        while at + 24 <= len(raw):
            kind, long = struct.unpack_from("<HH", raw, at)
            first, second = struct.unpack_from("<QQ", raw, at + 8)
            if kind == SYMBOL_TABLE and long >= 16:
                return int(second)
            if kind == CONTINUATION and long >= 16:
                blocks.append((first, second))
            at += 8 + long
    return None


def _is_complete(read: Read, heap: int) -> bool:
    """Check whether a heap ends before the file does and is small enough to be read completely."""
    size, _, at_data = struct.unpack_from("<QQQ", read(heap, 32), 8)
    return 0 < size <= HEAP_BYTES and len(read(at_data + size - 1, 1)) == 1


def names_in_heap(read: Read, heap: int) -> list[bytes]:
    """Return the names in the heap at an address, without the remains in its free parts; empty if there is no heap."""
    return list(names_by_place(read, heap).values())


def names_by_place(read: Read, heap: int) -> dict[int, bytes]:
    """Return the names of `names_in_heap`, each under its offset in the data of the heap."""
    head = read(heap, 32)
    if len(head) < 32 or not head.startswith(b"HEAP\0"):
        return {}
    size, free, at_data = struct.unpack_from("<QQQ", head, 8)
    raw = read(at_data, min(size, HEAP_BYTES))
    holes: dict[int, int] = {}
    while free != NO_HOLE and free not in holes and free + 16 <= len(raw):
        onward, long = struct.unpack_from("<QQ", raw, free)
        holes[free] = max(16, long)
        free = onward
    found: dict[int, bytes] = {}
    at = 0
    while at < len(raw):
        if at in holes:
            at += holes[at]
            continue
        end = raw.find(b"\0", at)
        if end < 0:
            break
        if end > at:
            found[at] = raw[at:end]
        at = end + 8 - end % 8  # names start at multiples of eight and end with a zero byte
    return found
