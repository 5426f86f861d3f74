"""Whether what is stored of a chunk inflates to as many bytes as its values take, which the library does not ask."""

from __future__ import annotations

import zlib
from typing import Any

from datacheck.backends.hdf5.trouble import TROUBLE

DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3
KNOWN = frozenset({DEFLATE, SHUFFLE, FLETCHER32})
"""The filters of which it is known how many bytes they leave (HDF5 File Format Specification 3.0, IV.A.2.l)."""


TEXT, SEQUENCE = 3, 9
"""Classes of types whose values may be of variable length (H5Tpublic.h)."""


def value_bytes(dataset: Any, file: Any) -> int | None:
    """Return how many bytes a value of an open dataset takes in an open file, both by their ids.

    Values of variable length lie elsewhere: of each there is its length, an address and a number. None where such are
    members of others.
    """
    stored = dataset.get_type()
    if not dataset.dtype.hasobject:
        return int(stored.get_size())
    kind = stored.get_class()
    if kind == SEQUENCE or (kind == TEXT and stored.is_variable_str()):
        return 8 + int(file.get_create_plist().get_sizes()[0])
    return None


def other_size(opened: Any, origin: tuple[int, ...], filters: tuple[int, ...], size: int | None) -> str | None:
    """Return what is wrong with the size of a chunk whose values take `size` bytes; None if nothing, or nobody knows.

    The library takes what a chunk inflates to for its values: it leaves out what is too much, and reads on behind the
    end of what is too little.
    """
    if size is None or DEFLATE not in filters or not KNOWN.issuperset(filters):
        return None
    try:
        mask, held = opened.read_direct_chunk(origin)
    except (*TROUBLE, MemoryError):  # it is not stored, or reading it says what is wrong
        return None
    done = [number for at, number in enumerate(filters) if not mask >> at & 1]
    inflated = False
    while done:
        number = done.pop()
        if number == FLETCHER32:
            held = held[:-4]
        elif number == DEFLATE:
            wanted = size + 4 * done.count(FLETCHER32)
            if DEFLATE in done:
                return None
            stream = zlib.decompressobj()
            try:
                held = stream.decompress(held, wanted + 1)
            except zlib.error:
                return None  # such as a chunk at the edge, which filters may leave alone
            inflated = True
    if not inflated or len(held) == size:
        return None
    count = f"more than {size}" if len(held) > size else f"{len(held)}"
    return f"inflates to {count} bytes, but its values take {size}"
