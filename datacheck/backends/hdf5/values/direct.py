"""Read numeric datasets without the HDF5 library if that is faster.

Contiguous values are read from the file at their offset. For chunked data the library returns the stored bytes of a
chunk, and this module reverses the filters: libdeflate inflates twice as fast as zlib, and NumPy unshuffles bytes. A
result of None means that the caller has to read through the library, which knows more filters and layouts, fills in
values that are not stored, and reports errors. The library is passed as an argument, since only
`datacheck.backends.hdf5.file` imports it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values.chunk_parts import cells
from datacheck.backends.hdf5.values.chunk_sizes import DEFLATE, FLETCHER32, SHUFFLE, ZSTD, unpacked_zstd
from datacheck.backends.hdf5.values.decoding_ahead import AHEAD_BYTES, Ahead, Threads
from datacheck.backends.shared.read_buffers import aligned

CHUNK_BYTES = 64 << 20
"""Largest usual chunk, in bytes. Only a few larger ones fit, since each is in memory in several forms at once."""


class Direct(Protocol):
    """A reader of the rows of one dataset. Each read reuses the buffer of the previous one."""

    def read(self, start: int, stop: int) -> NDArray[Any] | None:
        """Return the rows from `start` to `stop`, or None if the library has to read them."""
        ...

    def decodes(self, origin: tuple[int, ...]) -> bool:
        """Check whether the stored bytes of a chunk can be decoded."""
        ...

    def spread(self, threads: Threads) -> None:
        """Use threads to decode what will be read next."""
        ...


def direct(
    h5: Any, dataset: Dataset, opened: Any, descriptor: int, end: int, largest: int = CHUNK_BYTES
) -> Direct | None:
    """Return a direct reader of an open dataset, or None if only the library can read it.

    `descriptor` is the file descriptor, and `end` is the offset at which the file's data ends. Chunks above CHUNK_BYTES
    and up to `largest` are read directly only if each holds whole rows, so that it is decoded once, and has no
    Fletcher-32 checksum.
    """
    dtype = dataset.dtype
    if dtype.hasobject or dtype.subdtype or not dataset.bytes or opened.get_type() != h5.h5t.py_create(dtype):
        return None  # the stored type is not the one of NumPy, so the library has to convert it
    created = opened.get_create_plist()
    layout = created.get_layout()
    if layout == h5.h5d.CONTIGUOUS and not created.get_external_count():
        offset = opened.get_offset()
        complete = offset is not None and opened.get_storage_size() == dataset.bytes and offset + dataset.bytes <= end
        return _Contiguous(dataset, descriptor, offset) if complete else None
    if layout == h5.h5d.CHUNKED and dataset.chunks and dataset.chunk_bytes <= max(CHUNK_BYTES, largest):
        filters = [created.get_filter(at) for at in range(created.get_nfilters())]
        if dataset.chunk_bytes > CHUNK_BYTES and (
            dataset.chunks[1:] != dataset.shape[1:] or FLETCHER32 in {number for number, *_ in filters}
        ):
            return None
        undo = [_undo_function(number, values) for number, _, values, _ in filters]
        return None if None in undo else _Chunked(dataset, opened, undo, [number for number, *_ in filters])
    return None


def contiguous(dataset: Dataset, descriptor: int, offset: int) -> Direct:
    """Return a reader of a dataset whose values are stored at an offset in NumPy's own form."""
    return _Contiguous(dataset, descriptor, offset)


class _Contiguous:
    """A reader of rows that are stored contiguously, which reads the file without parsing its structure."""

    def __init__(self, dataset: Dataset, descriptor: int, offset: int) -> None:
        self._dataset, self._descriptor, self._offset = dataset, descriptor, offset
        self._memory = np.empty(0, np.uint8)

    def read(self, start: int, stop: int) -> NDArray[Any] | None:
        """Return the rows, or None if the file ends early or cannot be read."""
        size = (stop - start) * self._dataset.row_bytes
        if len(self._memory) < size:
            self._memory = aligned(size)
        into = self._memory[:size].data
        at = self._offset + start * self._dataset.row_bytes
        while into:
            try:
                count = os.preadv(self._descriptor, [into], at)
            except OSError:
                return None
            if not count:
                return None
            into, at = into[count:], at + count
        return self._memory[:size].view(self._dataset.dtype).reshape(stop - start, *self._dataset.shape[1:])

    def decodes(self, origin: tuple[int, ...]) -> bool:
        """Return True, since contiguous data has no chunks to decode."""
        return True

    def spread(self, threads: Threads) -> None:
        """Do nothing, since there is nothing to decode."""


Undo = Callable[[Any, int, NDArray[Any]], Any]
"""A function that reverses a filter. It takes the filtered bytes, the number of bytes that went into the filter, and a
scratch buffer of the size of the decoded chunk. It returns the bytes that went into the filter, or None on failure."""


class _Chunked:
    """A reader of rows in chunks, which reverses the filters itself."""

    def __init__(self, dataset: Dataset, opened: Any, undo: Sequence[Any], numbers: Sequence[int]) -> None:
        assert dataset.chunks is not None
        self._dataset, self._opened, self._undo, self._numbers = dataset, opened, undo, numbers
        self._chunks = dataset.chunks
        self._size = dataset.chunk_bytes
        self._scratch: NDArray[Any] = np.empty(0, np.uint8)
        self._last: tuple[tuple[int, ...], NDArray[Any]] | None = None
        self._ahead: Ahead | None = None
        self._memory: NDArray[Any] = np.empty((0, *dataset.shape[1:]), dataset.dtype)

    def read(self, start: int, stop: int) -> NDArray[Any] | None:
        """Return the rows, or None if a chunk is not stored or is damaged."""
        parts = list(cells(self._dataset, start, stop))
        if len(parts) == 1 and self._chunks[1:] == self._dataset.shape[1:]:
            chunk = self._chunk(parts[0][0])
            first = start - parts[0][0][0]
            return None if chunk is None else chunk[first : first + stop - start]
        if len(self._memory) < stop - start:
            self._memory = np.empty((stop - start, *self._dataset.shape[1:]), self._dataset.dtype)
        for origin, cell in parts:
            chunk = self._chunk(origin)
            if chunk is None:
                return None
            rows, *others = cell
            within = tuple(slice(it.start - at, it.stop - at) for at, it in zip(origin, cell, strict=True))
            self._memory[(slice(rows.start - start, rows.stop - start), *others)] = chunk[within]
        return self._memory[: stop - start]

    def decodes(self, origin: tuple[int, ...]) -> bool:
        """Check whether the stored bytes of a chunk can be decoded."""
        return self._decoded(origin) is not None

    def _chunk(self, origin: tuple[int, ...]) -> NDArray[Any] | None:
        """Return a decoded chunk, or None if it cannot be decoded. The last chunk is cached."""
        if self._last is None or self._last[0] != origin:
            self._last = None  # free the old chunk before its successor is decoded
            chunk = self._decoded(origin) if self._ahead is None else self._ahead.chunk(origin)
            if chunk is None:
                return None
            self._last = origin, chunk
        return self._last[1]

    def spread(self, threads: Threads) -> None:
        """Use threads to decode the chunks after the one that is being read."""
        if threads.count > 1 and self._size <= AHEAD_BYTES and self._undo:
            self._ahead = Ahead(threads, self._size, self._stored, self._unfiltered, self._following)

    def _following(self, origin: tuple[int, ...], most: int) -> list[tuple[int, ...]]:
        """Return up to `most` chunks that come after one, in the order of `cells`."""
        grid = [math.ceil(extent / size) for extent, size in zip(self._dataset.shape, self._chunks, strict=True)]
        number = 0
        for at, size, count in zip(origin, self._chunks, grid, strict=True):
            number = number * count + at // size
        places = np.unravel_index(np.arange(number + 1, min(number + 1 + most, math.prod(grid))), grid)
        return list(zip(*((it * size).tolist() for it, size in zip(places, self._chunks, strict=True)), strict=True))

    def _decoded(self, origin: tuple[int, ...]) -> NDArray[Any] | None:
        stored = self._stored(origin)
        if SHUFFLE in self._numbers and not len(self._scratch):
            self._scratch = np.empty(self._size, np.uint8)
        return None if stored is None else self._unfiltered(*stored, self._scratch)

    def _stored(self, origin: tuple[int, ...]) -> tuple[int, Any] | None:
        """Return the mask of skipped filters and the stored bytes of a chunk, or None if it cannot be read."""
        try:
            mask, content = self._opened.read_direct_chunk(origin)
        except (*TROUBLE, MemoryError):
            return None
        return mask, content

    def _unfiltered(self, mask: int, content: Any, scratch: NDArray[Any]) -> NDArray[Any] | None:
        # If an optional filter was skipped when the chunk was written, its bit is set in the mask.
        applied = [at for at in range(len(self._undo)) if not mask >> at & 1]
        while applied:
            at = applied.pop()
            checksums = sum(self._numbers[other] == FLETCHER32 for other in applied)
            content = self._undo[at](content, self._size + 4 * checksums, scratch)
            if content is None:
                return None
        if len(content) != self._size:
            return None
        return np.frombuffer(content, self._dataset.dtype).reshape(self._chunks)


def _undo_function(number: int, values: tuple[int, ...]) -> Undo | None:
    if number == DEFLATE:
        return _inflater()
    if number == ZSTD:
        return lambda content, size, scratch: unpacked_zstd(content, size)
    if number == SHUFFLE:
        width = values[0] if values else 0
        return (lambda content, size, scratch: unshuffle(content, width, scratch)) if width else None
    return (lambda content, size, scratch: _without_checksum(content)) if number == FLETCHER32 else None


def _inflater() -> Undo:
    import deflate

    def inflate(content: Any, size: int, scratch: NDArray[Any]) -> Any:
        try:
            return deflate.zlib_decompress(content, size)
        except (deflate.DeflateError, MemoryError):
            return None

    return inflate


def deflated(octets: NDArray[np.uint8], level: int) -> bytes:
    """Compress bytes to a zlib stream with libdeflate at the given level."""
    import deflate

    return bytes(deflate.zlib_compress(octets.data, level))


def unshuffle(content: Any, width: int, scratch: NDArray[Any]) -> Any:
    """Reverse the shuffle filter, which stores the first byte of every value, then every second byte, and so on.

    Return None if the bytes are not whole values or do not fit into the scratch buffer.

    >>> bytes(unshuffle(b"adgbehcfi", 3, np.empty(9, np.uint8)))
    b'abcdefghi'
    """
    if width == 1:
        return content
    count, rest = divmod(len(content), width)
    if rest or len(content) > len(scratch):
        return None
    planes = np.frombuffer(content, np.uint8).reshape(width, count)
    result = scratch[: len(content)]
    if width in (2, 4, 8):
        into = result.view(f"<u{width}")
        for start in range(0, count, VALUES):
            _join(planes[:, start : start + VALUES], into[start : start + VALUES])  # five times as fast as the copy
    else:
        result.reshape(count, width)[...] = planes.T
    return result


VALUES = 1 << 18
"""Number of values that are joined at a time. It limits the temporary memory."""


def _join(planes: NDArray[Any], into: NDArray[Any]) -> None:
    """Join byte planes, the lowest first, to integers. The two halves are joined recursively."""
    half = len(planes) // 2
    if half == 1:
        low, high = planes
    else:
        low, high = np.empty((2, planes.shape[1]), f"<u{half}")
        _join(planes[:half], low)
        _join(planes[half:], high)
    into[...] = high
    into <<= 8 * half
    into |= low


WORDS = 128
_WEIGHTS = np.zeros((2 * WORDS, 4), np.float32)
_WEIGHTS[0::2, 0] = _WEIGHTS[1::2, 1] = 1
_WEIGHTS[0::2, 2] = _WEIGHTS[1::2, 3] = np.arange(WORDS, 0, -1)
"""Matrix that sums the high and the low bytes of WORDS words, plain and weighted by position. All sums are exact in
float32."""


def _without_checksum(content: Any) -> Any:
    """Return the bytes of a chunk without the checksum at its end, or None if the checksum does not match."""
    if len(content) < 4:
        return None
    verified = memoryview(content)[:-4]
    return verified if fletcher32(verified) == int.from_bytes(content[-4:], "little") else None


def fletcher32(content: Any) -> int:
    """Return HDF5's Fletcher-32 checksum, over big-endian words; an odd last byte is the high byte of a word.

    >>> hex(fletcher32(b"abcdef"))
    '0x50562a2d'
    """
    octets = np.frombuffer(content, np.uint8)
    rest = len(octets) % (2 * WORDS)
    sums = octets[: len(octets) - rest].reshape(-1, 2 * WORDS).astype(np.float32) @ _WEIGHTS
    high, low, weighted_high, weighted_low = sums.astype(np.int64).T
    plain, weighted = high * 256 + low, weighted_high * 256 + weighted_low
    # Each block adds its weighted sum to the second sum, and its plain sum once for every word after the block.
    behind = np.arange(len(plain) - 1, -1, -1, dtype=np.int64) * WORDS
    first = int(plain.sum())
    second = int(weighted.sum()) + int(((plain % 65535) * (behind % 65535) % 65535).sum())
    end = bytes(octets[len(octets) - rest :])
    for at in range(0, rest, 2):
        first += int.from_bytes(end[at : at + 2].ljust(2, b"\0"), "big")
        second += first
    return _ones_complement(second) << 16 | _ones_complement(first)


def _ones_complement(total: int) -> int:
    """Return a sum modulo 65535, but 65535 instead of 0 for a nonzero sum, as ones' complement addition does."""
    return total % 65535 or (65535 if total else 0)
