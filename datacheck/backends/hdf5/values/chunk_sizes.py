"""Check that a stored chunk decompresses to exactly as many bytes as its values take; the library does not check this.

The Zstandard filter of hdf5plugin does not even check that a chunk can be decompressed: the values of one that cannot
are whatever its memory held.
"""

from __future__ import annotations

import contextlib
import zlib
from typing import Any

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.trouble import TROUBLE

DEFLATE, SHUFFLE, FLETCHER32, ZSTD = 1, 2, 3, 32015
KNOWN = frozenset({DEFLATE, SHUFFLE, FLETCHER32})
"""Filters whose output size is known (HDF5 File Format Specification 3.0, IV.A.2.l)."""
COMPRESSING = frozenset({DEFLATE, ZSTD})
"""Filters after which the library does not check the size."""
ZSTD_FRAME = b"\x28\xb5\x2f\xfd"
"""The first bytes of what Zstandard compressed."""

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


def short_size(dataset: Dataset, origin: tuple[int, ...], size: int | None) -> int | None:
    """Return how many bytes a chunk takes without the rows beyond the end of the dataset, or None if it has none."""
    assert dataset.chunks is not None
    left = dataset.rows - origin[0]
    if size is None or dataset.across or left >= dataset.chunks[0]:
        return None
    return size // dataset.chunks[0] * left


def other_size(
    opened: Any, origin: tuple[int, ...], filters: tuple[int, ...], size: int | None, short: int | None = None
) -> str | None:
    """Return what is wrong with the size of a chunk whose values take `size` bytes, or None if nothing or unknown.

    A last chunk may take `short` bytes: some writers leave out the rows that it has beyond the end of the dataset.
    The library takes the decompressed bytes for the values: it ignores surplus bytes, and if there are too few, it
    reads on past their end.
    """
    if size is None or COMPRESSING.isdisjoint(filters) or not (KNOWN | COMPRESSING).issuperset(filters):
        return None
    try:
        mask, content = opened.read_direct_chunk(origin)
    except (*TROUBLE, MemoryError):  # the chunk is not stored, or reading its values reports the error
        return None
    applied = [number for at, number in enumerate(filters) if not mask >> at & 1]
    while applied:
        number = applied.pop()
        if number == FLETCHER32:
            content = content[:-4]
        elif number in COMPRESSING:
            if not COMPRESSING.isdisjoint(applied):
                return None
            sums = 4 * applied.count(FLETCHER32)
            if number == ZSTD:
                return _zstd_problem(content, size + sums)
            return _inflating_problem(content, size + sums, None if short is None else short + sums)
    return None


def _inflating_problem(content: bytes, size: int, short: int | None) -> str | None:
    try:
        count = len(zlib.decompressobj().decompress(content, size + 1))
    except zlib.error:
        return None  # for example a chunk at the edge, to which filters may not have been applied
    if count in (size, short):
        return None
    return f"inflates to {f'more than {size}' if count > size else count} bytes, but its values take {size}"


def _zstd_problem(content: bytes, size: int) -> str | None:
    if len(content) == size and not content.startswith(ZSTD_FRAME):
        return None  # a chunk at the edge, to which filters may not have been applied
    if unpacked_zstd(content, size) is not None:
        return None
    return f"does not decompress to the {size} bytes of its values"


def unpacked_zstd(content: bytes | memoryview, size: int) -> bytearray | None:
    """Return the `size` bytes that the Zstandard filter stored as `content`, or None if it does not hold them."""
    from datacheck import compression  # few files need it

    with contextlib.suppress(*compression.Broken, MemoryError):
        room = bytearray(size)
        if compression.zstd_into(content, room) == size:
            return room
    return None
