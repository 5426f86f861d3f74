"""Hash with XXH3. This is the only module that imports its library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import xxhash

from datacheck.model.equal_lengths import EqualLengths

SIZE = 16
"""Bytes of a digest."""
Bytes = bytes | bytearray | memoryview
Hasher = xxhash.xxh3_128
"""Class that hashes bytes given in pieces."""


def digest(value: Bytes, seed: int = 0) -> bytes:
    """Return the 128-bit XXH3 of some bytes, as 16 bytes, most significant byte first."""
    hashed: bytes = xxhash.xxh3_128_digest(value, seed)
    return hashed


def short_digest(value: Bytes) -> int:
    """Return the 64-bit XXH3 of some bytes."""
    hashed: int = xxhash.xxh3_64_intdigest(value)
    return hashed


def digests(values: Sequence[bytes | memoryview]) -> bytes:
    """Return the concatenated digests of many values."""
    rows: Iterable[Bytes] = values
    if isinstance(values, EqualLengths):
        rows = iter(values.rows) if values.rows.flags.c_contiguous else values
    return b"".join(map(xxhash.xxh3_128_digest, rows))
