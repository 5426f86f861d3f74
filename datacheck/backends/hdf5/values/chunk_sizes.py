"""Check that a stored chunk inflates to exactly as many bytes as its values take; the library does not check this."""

from __future__ import annotations

import zlib
from typing import Any

from datacheck.backends.hdf5.trouble import TROUBLE

DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3
KNOWN = frozenset({DEFLATE, SHUFFLE, FLETCHER32})
"""Filters whose output size is known (HDF5 File Format Specification 3.0, IV.A.2.l)."""


TEXT, SEQUENCE = 3, 9
"""Type classes whose values may have variable length (H5Tpublic.h)."""


def value_bytes(dataset: Any, file: Any) -> int | None:
    """Return the number of bytes that a value of an open dataset takes in an open file, both given by their ids.

    Values of variable length are stored elsewhere; the dataset has a length, an address and a number for each. The
    result is None if such values are members of others.
    """
    stored = dataset.get_type()
    if not dataset.dtype.hasobject:
        return int(stored.get_size())
    kind = stored.get_class()
    if kind == SEQUENCE or (kind == TEXT and stored.is_variable_str()):
        return 8 + int(file.get_create_plist().get_sizes()[0])
    return None


def other_size(opened: Any, origin: tuple[int, ...], filters: tuple[int, ...], size: int | None) -> str | None:
    """Return what is wrong with the size of a chunk whose values take `size` bytes, or None if nothing or unknown.

    The library takes the inflated bytes for the values: it ignores surplus bytes, and if there are too few, it reads on
    past their end.
    """
    if size is None or DEFLATE not in filters or not KNOWN.issuperset(filters):
        return None
    try:
        mask, content = opened.read_direct_chunk(origin)
    except (*TROUBLE, MemoryError):  # the chunk is not stored, or reading its values reports the error
        return None
    applied = [number for at, number in enumerate(filters) if not mask >> at & 1]
    inflated = False
    while applied:
        number = applied.pop()
        if number == FLETCHER32:
            content = content[:-4]
        elif number == DEFLATE:
            expected = size + 4 * applied.count(FLETCHER32)
            if DEFLATE in applied:
                return None
            stream = zlib.decompressobj()
            try:
                content = stream.decompress(content, expected + 1)
            except zlib.error:
                return None  # for example a chunk at the edge, to which filters may not have been applied
            inflated = True
    if not inflated or len(content) == size:
        return None
    count = f"more than {size}" if len(content) > size else f"{len(content)}"
    return f"inflates to {count} bytes, but its values take {size}"
