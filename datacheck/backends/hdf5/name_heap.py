"""The names that a group of the old kind keeps in its local heap, where the nodes that lead to its objects are damaged.

HDF5 File Format Specification 3.0, III.D (local heaps) and IV.A.2.r (the symbol table message).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any

from datacheck.backends.hdf5.superblock import CONTINUATION, CONTINUATIONS, SYMBOL_TABLE, header_bytes
from datacheck.backends.hdf5.trouble import TROUBLE

HEADER_BYTES = 1 << 16
HEAP_BYTES = 16 << 20
"""Of a larger heap the rest of the names is not looked at."""
NO_HOLE = 1
"""What ends the list of what is free in a heap."""
Read = Callable[[int, int], bytes]
"""Returns so many bytes at an address of the file, or fewer where that ends."""


def names(h5: Any, group: Any, address: int) -> tuple[list[bytes], bool]:
    """Return the names in the heap of a group, and whether all of the heap is there.

    There are none where it has no heap or that cannot be read.
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
        heap = _heap(read, address)
        return ([], False) if heap is None else (in_heap(read, heap), _is_whole(read, heap))
    except (OSError, struct.error):
        return [], False


def _heap(read: Read, address: int) -> int | None:
    """Return where the heap of the group is whose header lies there; None if it is of the new kind."""
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


def _is_whole(read: Read, heap: int) -> bool:
    """Say whether a heap ends before its file does, and all of it is looked at."""
    size, _, at_data = struct.unpack_from("<QQQ", read(heap, 32), 8)
    return 0 < size <= HEAP_BYTES and len(read(at_data + size - 1, 1)) == 1


def in_heap(read: Read, heap: int) -> list[bytes]:
    """Return the names in the heap there, without what is left in its free parts; none where there is no heap."""
    head = read(heap, 32)
    if len(head) < 32 or not head.startswith(b"HEAP\0"):
        return []
    size, free, at_data = struct.unpack_from("<QQQ", head, 8)
    raw = read(at_data, min(size, HEAP_BYTES))
    holes: dict[int, int] = {}
    while free != NO_HOLE and free not in holes and free + 16 <= len(raw):
        onward, long = struct.unpack_from("<QQ", raw, free)
        holes[free] = max(16, long)
        free = onward
    found, at = [], 0
    while at < len(raw):
        if at in holes:
            at += holes[at]
            continue
        end = raw.find(b"\0", at)
        if end < 0:
            break
        if end > at:
            found.append(raw[at:end])
        at = end + 8 - end % 8  # a name begins at a multiple of eight, and has a zero behind it
    return found
