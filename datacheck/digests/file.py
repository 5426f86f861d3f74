"""Read and write checksum files: the key and the digest of the value of each record, sorted by part and key.

========== ==========================================================================================================
head       the 16 bytes of MAGIC
blocks     of a part up to 8,192 records or so: a zstd frame with the keys, then the digests, 16 bytes each
index      a zstd frame of msgpack: the store, its parts, and of every block its part, first key, place and XXH3-64
tail       the place, the length and the unpacked length of the index, little-endian uint64, its XXH3-128, and MAGIC
========== ==========================================================================================================

Keys of one length are stored column by column in their frame (all first bytes, all second bytes, ...), which compresses
best. Other keys are concatenated, with their lengths as little-endian uint32 before all of them. The tail has the
checksum of the index, and the index has those of the blocks, so each worker can verify what it reads without reading
the rest.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import NoReturn

import msgspec
import numpy as np

from datacheck import compression
from datacheck.digests.hashing import SIZE, digest, short_digest
from datacheck.digests.of_blocks import Digests, Part, joined_keys
from datacheck.errors import SourceMissing, UsageError
from datacheck.files.regular import open_descriptor
from datacheck.files.retrying import pread

MAGIC = b"datacheck sums 1"
RECORDS, KEY_BYTES = 8192, 1 << 20
"""Number of records, or bytes of keys, at which a block ends."""
SAME_KEY, SAME_KEY_BYTES = 1 << 20, 16 << 20
"""Number of records, or bytes of keys, at which a block ends even if the next record has the same key."""
TAIL = 3 * 8 + SIZE + len(MAGIC)
SMALL_KEYS, MOST_PACKED = 64 << 20, 64
"""Limit of a block's unpacked keys: this many bytes, or this many times the stored bytes if that is more."""
SMALL_INDEX, LARGEST_INDEX, INDEX_PACKED = 1 << 20, 1 << 28, 32
"""Limit of the unpacked size of an index: INDEX_PACKED times its stored bytes, but at least SMALL_INDEX and at most
LARGEST_INDEX bytes. The index of a hundred billion records is smaller."""
UNREADABLE: tuple[type[Exception], ...] = (*compression.Broken, msgspec.DecodeError, msgspec.ValidationError)
"""Exceptions that unpacking an index raises."""
Entry = tuple[Part, bytes, bytes]
"""A record: its part, its key, and the digest of its value."""


class BlockPlace(msgspec.Struct, frozen=True, array_like=True):
    """The place of a block: its part by number, first and last key, records, offset, and packed and unpacked key bytes.

    `lengths` is the length of every key, or -1 if they differ. `check` is the XXH3-64 of the block as stored.
    """

    part: int
    first: bytes
    last: bytes
    records: int
    at: int
    packed: int
    keys: int
    lengths: int
    check: int


class Index(msgspec.Struct):
    """The index of a checksum file: the store that it was made from, its parts, and the places of all blocks."""

    version: str = ""
    source: str = ""
    backend: str = ""
    records: int = 0
    parts: list[Part] = []
    blocks: list[BlockPlace] = []


class BlockWriter:
    """Writes blocks of sorted records from an offset on; `index` grows with them."""

    def __init__(self, write: Callable[[bytes], object], at: int = 0, index: Index | None = None) -> None:
        self.index = Index() if index is None else index
        self.at = at
        self._write = write
        self._part: Part | None = None
        self._keys: list[bytes] = []
        self._digests: list[bytes] = []
        self._size = 0

    def add(self, part: Part, key: bytes, digest: bytes) -> None:
        """Add a record that sorts after all records added before."""
        count, size = len(self._keys), self._size
        full = count >= RECORDS or size >= KEY_BYTES
        overfull = count >= SAME_KEY or size >= SAME_KEY_BYTES
        if count and (part != self._part or overfull or (full and key != self._keys[-1])):
            self.flush()
        self._part = part
        self._keys.append(key)
        self._digests.append(digest)
        self._size += len(key)

    def flush(self) -> None:
        """Write the records added so far as a block."""
        if not self._keys or self._part is None:
            return
        index = self.index
        if not index.parts or index.parts[-1] != self._part:
            index.parts.append(self._part)
        keys, lengths = joined_keys(self._keys)
        if isinstance(lengths, int):
            plain = np.frombuffer(keys, np.uint8).reshape(-1, lengths).T.tobytes() if lengths else b""
        else:
            plain = lengths + keys
        packed = compression.zstd(plain)
        block = packed + b"".join(self._digests)
        common_length = lengths if isinstance(lengths, int) else -1
        sizes = (len(self._keys), self.at, len(packed), len(plain), common_length)
        place = BlockPlace(len(index.parts) - 1, self._keys[0], self._keys[-1], *sizes, short_digest(block))
        index.blocks.append(place)
        index.records += len(self._keys)
        self._write(block)
        self.at += len(block)
        self._keys, self._digests, self._size = [], [], 0


def write(entries: Iterator[Entry], put: Callable[[bytes], object], index: Index) -> None:
    """Write a checksum file of sorted entries."""
    put(MAGIC)
    writer = BlockWriter(put, len(MAGIC), index)
    for entry in entries:
        writer.add(*entry)
    writer.flush()
    plain = msgspec.msgpack.encode(index)
    packed = compression.zstd(plain)
    numbers = b"".join(it.to_bytes(8, "little") for it in (writer.at, len(packed), len(plain)))
    put(packed + numbers + digest(numbers + packed) + MAGIC)


class Blocks:
    """The blocks of an index in an open file, by number."""

    def __init__(self, descriptor: int, index: Index, name: str) -> None:
        self._descriptor, self.index, self._name = descriptor, index, name
        self.ordinals = list(accumulate((it.records for it in index.blocks), initial=0))
        """The ordinal of the first record of each block, followed by the total number of records."""
        self._of_part: dict[Part, tuple[list[bytes], list[bytes], int]] = {}
        for at, it in enumerate(index.blocks):
            firsts, lasts, _ = self._of_part.setdefault(index.parts[it.part], ([], [], at))
            firsts.append(it.first)
            lasts.append(it.last)

    def holding(self, part: Part, key: bytes) -> Iterator[int]:
        """Yield the number of each block that may contain a key: at most one, unless the key has very many values."""
        firsts, lasts, start = self._of_part.get(part, ([], [], 0))
        at = bisect_right(firsts, key) - 1
        while at >= 0 and lasts[at] >= key:
            yield start + at
            if firsts[at] < key:
                return
            at -= 1

    def read(self, number: int) -> Digests:
        """Return a block. Raises UsageError if it is damaged."""
        place = self.index.blocks[number]
        size = place.packed + place.records * SIZE
        block = pread(self._descriptor, size, place.at)
        if len(block) != size or short_digest(block) != place.check:
            refuse(self._name, f"is damaged: the block at byte {place.at:,} is not what was written")
        plain = bytearray(place.keys)
        try:
            count = compression.zstd_into(memoryview(block)[: place.packed], plain)
        except compression.Broken:
            count = -1
        if count != place.keys or not _is_possible(place):
            refuse(self._name, f"is not as datacheck writes it: the block at byte {place.at:,} holds no keys")
        lengths: bytes | int = place.lengths
        keys = bytes(plain)
        if place.lengths >= 0:
            keys = np.frombuffer(keys, np.uint8).reshape(place.lengths, -1).T.tobytes() if place.lengths else b""
        else:
            lengths, keys = keys[: 4 * place.records], keys[4 * place.records :]
            if sum(np.frombuffer(lengths, "<u4").tolist()) != len(keys):
                refuse(self._name, f"is not as datacheck writes it: the keys at byte {place.at:,} do not add up")
        return Digests(self.index.parts[place.part], place.records, keys, lengths, block[place.packed :])

    def entries(self) -> Iterator[Entry]:
        """Yield all records in order."""
        for number in range(len(self.index.blocks)):
            block = self.read(number)
            for key, value_digest in zip(block.each_key(), block.each_digest(), strict=True):
                yield block.part, key, value_digest


class ChecksumFile(Blocks):
    """An open checksum file. Use as a context manager. Raises UsageError if it is damaged or not a checksum file."""

    def __init__(self, path: Path) -> None:
        name = str(path)
        try:
            self._own = open_descriptor(path)
        except FileNotFoundError as exc:
            raise SourceMissing(name) from exc
        except OSError as exc:
            raise UsageError(f"{name}: could not be read: {exc.strerror or exc}") from exc
        try:
            self.seal, index = _index(self._own, name)
            super().__init__(self._own, index, name)
        except BaseException:
            os.close(self._own)
            raise

    def __enter__(self) -> ChecksumFile:
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._own)


def _index(descriptor: int, name: str) -> tuple[bytes, Index]:
    """Return the digest of an index and its decoded content. Raises UsageError."""
    size = os.fstat(descriptor).st_size
    if pread(descriptor, len(MAGIC), 0) != MAGIC:
        refuse(name, "is not a checksum file of datacheck; make one with datacheck checksum SOURCE --out FILE")
    tail = pread(descriptor, TAIL, max(0, size - TAIL))
    if size < len(MAGIC) + TAIL or not tail.endswith(MAGIC):
        refuse(name, "ends before the checksum file does: it was cut short")
    at, packed, plain = (int.from_bytes(tail[it : it + 8], "little") for it in (0, 8, 16))
    seal = tail[24 : 24 + SIZE]
    if at + packed + TAIL != size or plain > min(LARGEST_INDEX, max(SMALL_INDEX, packed * INDEX_PACKED)):
        refuse(name, "is damaged: its end does not fit what is before it")
    stored = pread(descriptor, packed, at)
    if digest(tail[:24] + stored) != seal:
        refuse(name, "is damaged: the checksum at its end does not match")
    room = bytearray(plain)
    try:
        if compression.zstd_into(stored, room) != plain:
            raise IndexError
        index = msgspec.msgpack.decode(room, type=Index)
    except UNREADABLE:
        refuse(name, "is not as datacheck writes it: its index cannot be read")
    if not _is_sound(index, at):
        refuse(name, "is not as datacheck writes it: its index leads nowhere")
    return seal, index


def _is_sound(index: Index, end: int) -> bool:
    """Check whether the blocks of an index are contiguous and sorted, and their sizes are possible."""
    at, last = len(MAGIC), (-1, b"")
    for it in index.blocks:
        if it.at != at or not 0 <= it.part < len(index.parts) or not _is_possible(it):
            return False
        if (it.part, it.first) < last or it.first > it.last:
            return False
        at, last = at + it.packed + it.records * SIZE, (it.part, it.last)
    ascend = all(one < other for one, other in zip(index.parts, index.parts[1:], strict=False))
    return at == end and ascend and index.records == sum(it.records for it in index.blocks)


def _is_possible(it: BlockPlace) -> bool:
    if (
        not 1 <= it.records <= SAME_KEY
        or it.packed < 0
        or it.keys < 0
        or it.keys > max(SMALL_KEYS, MOST_PACKED * it.packed)
    ):
        return False
    return it.keys == it.records * it.lengths if it.lengths >= 0 else it.keys >= 4 * it.records


def refuse(name: str, reason: str) -> NoReturn:
    """Raise UsageError about a checksum file."""
    raise UsageError(f"{name}: {reason}")
