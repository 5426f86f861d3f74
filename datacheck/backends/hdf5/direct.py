"""Read numbers past the HDF5 library where that is faster: contiguous ones at their offset, chunks as they are stored.

The library hands over a chunk as it is stored, and what its filters did to it is undone here: libdeflate inflates
twice as fast as zlib, and NumPy puts shuffled bytes back. None means that the library is to do it: it knows more
filters and layouts, fills in what is not stored, and says what is wrong. The library comes as an argument, since
`datacheck.backends.hdf5.file` alone imports it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.chunk_parts import cells
from datacheck.backends.hdf5.chunk_sizes import DEFLATE, FLETCHER32, SHUFFLE
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.decoding_ahead import AHEAD_BYTES, Ahead, Threads
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.shared.read_buffers import aligned

CHUNK_BYTES = 64 << 20
"""Of larger chunks there can be no more than a few, since they are in memory in several forms."""


class Direct(Protocol):
    """Reads the rows of one dataset into memory that the next reading uses again."""

    def read(self, start: int, stop: int) -> NDArray[Any] | None:
        """Return the rows from `start` to `stop`, or None if the library is to read them."""
        ...

    def decodes(self, origin: tuple[int, ...]) -> bool:
        """Say whether what is stored of a chunk can be decoded to its values."""
        ...

    def spread(self, threads: Threads) -> None:
        """Have threads decode what will be read next."""
        ...


def direct(
    h5: Any, dataset: Dataset, opened: Any, descriptor: int, end: int, largest: int = CHUNK_BYTES
) -> Direct | None:
    """Return how to read an open dataset past the library, or None if only that can read it.

    `descriptor` is the file's, `end` where its data ends. Chunks above CHUNK_BYTES and up to `largest` are read where
    one has all of its rows, so that it is decoded once.
    """
    dtype = dataset.dtype
    if dtype.hasobject or dtype.subdtype or not dataset.bytes or opened.get_type() != h5.h5t.py_create(dtype):
        return None  # what is stored is not what NumPy holds: the library converts it
    created = opened.get_create_plist()
    layout = created.get_layout()
    if layout == h5.h5d.CONTIGUOUS and not created.get_external_count():
        offset = opened.get_offset()
        whole = offset is not None and opened.get_storage_size() == dataset.bytes and offset + dataset.bytes <= end
        return _Contiguous(dataset, descriptor, offset) if whole else None
    if layout == h5.h5d.CHUNKED and dataset.chunks and dataset.chunk_bytes <= max(CHUNK_BYTES, largest):
        filters = [created.get_filter(at) for at in range(created.get_nfilters())]
        if dataset.chunk_bytes > CHUNK_BYTES and (
            dataset.chunks[1:] != dataset.shape[1:] or FLETCHER32 in {number for number, *_ in filters}
        ):
            return None
        undo = [_undo(number, values) for number, _, values, _ in filters]
        return None if None in undo else _Chunked(dataset, opened, undo, [number for number, *_ in filters])
    return None


def contiguous(dataset: Dataset, descriptor: int, offset: int) -> Direct:
    """Return how to read a dataset whose values lie at an offset as NumPy holds them."""
    return _Contiguous(dataset, descriptor, offset)


class _Contiguous:
    """Rows that lie side by side in the file, read with no regard to its structure."""

    def __init__(self, dataset: Dataset, descriptor: int, offset: int) -> None:
        self._dataset, self._descriptor, self._offset = dataset, descriptor, offset
        self._memory = np.empty(0, np.uint8)

    def read(self, start: int, stop: int) -> NDArray[Any] | None:
        """Return the rows, or None where the file ends early or cannot be read."""
        size = (stop - start) * self._dataset.row_bytes
        if len(self._memory) < size:
            self._memory = aligned(size)
        into = self._memory[:size].data
        at = self._offset + start * self._dataset.row_bytes
        while into:
            try:
                there = os.preadv(self._descriptor, [into], at)
            except OSError:
                return None
            if not there:
                return None
            into, at = into[there:], at + there
        return self._memory[:size].view(self._dataset.dtype).reshape(stop - start, *self._dataset.shape[1:])

    def decodes(self, origin: tuple[int, ...]) -> bool:
        """Say yes: these are no chunks."""
        return True

    def spread(self, threads: Threads) -> None:
        """Do nothing: there is nothing to decode."""


Undo = Callable[[Any, int, NDArray[Any]], Any]
"""Undoes a filter: gets the bytes it left, how many it was given, and memory for as many as there are in the end.

Returns the bytes it was given, None where it cannot."""


class _Chunked:
    """Rows in chunks, whose filters are undone here."""

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
        """Return the rows, or None where a chunk is not there or damaged."""
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
        """Say whether what is stored of a chunk can be decoded to its values."""
        return self._decoded(origin) is not None

    def _chunk(self, origin: tuple[int, ...]) -> NDArray[Any] | None:
        """Return a chunk, decoded once for as long as no other one is asked for; None where that cannot be done."""
        if self._last is None or self._last[0] != origin:
            self._last = None  # what it holds goes before its successor comes
            chunk = self._decoded(origin) if self._ahead is None else self._ahead.chunk(origin)
            if chunk is None:
                return None
            self._last = origin, chunk
        return self._last[1]

    def spread(self, threads: Threads) -> None:
        """Have threads decode the chunks behind the one that is read."""
        if threads.count > 1 and self._size <= AHEAD_BYTES and self._undo:
            self._ahead = Ahead(threads, self._size, self._stored, self._undone, self._following)

    def _following(self, origin: tuple[int, ...], most: int) -> list[tuple[int, ...]]:
        """Return up to so many of the chunks behind one, in the order in which `cells` has them."""
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
        return None if stored is None else self._undone(*stored, self._scratch)

    def _stored(self, origin: tuple[int, ...]) -> tuple[int, Any] | None:
        """Return what is stored of a chunk, behind the mask of the filters that were left out; None for nothing."""
        try:
            mask, held = self._opened.read_direct_chunk(origin)
        except (*TROUBLE, MemoryError):
            return None
        return mask, held

    def _undone(self, mask: int, held: Any, scratch: NDArray[Any]) -> NDArray[Any] | None:
        # An optional filter may have been left out when the chunk was written: then its bit is set.
        done = [at for at in range(len(self._undo)) if not mask >> at & 1]
        while done:
            at = done.pop()
            before = sum(self._numbers[other] == FLETCHER32 for other in done)
            held = self._undo[at](held, self._size + 4 * before, scratch)
            if held is None:
                return None
        if len(held) != self._size:
            return None
        return np.frombuffer(held, self._dataset.dtype).reshape(self._chunks)


def _undo(number: int, values: tuple[int, ...]) -> Undo | None:
    if number == DEFLATE:
        return _inflater()
    if number == SHUFFLE:
        width = values[0] if values else 0
        return (lambda held, size, scratch: unshuffle(held, width, scratch)) if width else None
    return (lambda held, size, scratch: _verified(held)) if number == FLETCHER32 else None


def _inflater() -> Undo:
    import deflate

    def inflate(held: Any, size: int, scratch: NDArray[Any]) -> Any:
        try:
            return deflate.zlib_decompress(held, size)
        except (deflate.DeflateError, MemoryError):
            return None

    return inflate


def deflated(octets: NDArray[np.uint8], level: int) -> bytes:
    """Return bytes as a zlib stream, of a level of libdeflate."""
    import deflate

    return bytes(deflate.zlib_compress(octets.data, level))


def unshuffle(held: Any, width: int, scratch: NDArray[Any]) -> Any:
    """Return bytes in their places again, of which first all first ones of each value were stored, then all second...

    >>> bytes(unshuffle(b"adgbehcfi", 3, np.empty(9, np.uint8)))
    b'abcdefghi'
    """
    if width == 1:
        return held
    count, rest = divmod(len(held), width)
    if rest or len(held) > len(scratch):
        return None
    planes = np.frombuffer(held, np.uint8).reshape(width, count)
    made = scratch[: len(held)]
    if width in (2, 4, 8):
        into = made.view(f"<u{width}")
        for start in range(0, count, VALUES):
            _join(planes[:, start : start + VALUES], into[start : start + VALUES])  # five times as fast as the copy
    else:
        made.reshape(count, width)[...] = planes.T
    return made


VALUES = 1 << 18
"""So many values are put together at once: they need memory of their own on the way."""


def _join(planes: NDArray[Any], into: NDArray[Any]) -> None:
    """Make whole numbers of their bytes, the lowest ones first: of halves that are made in the same way."""
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
"""What takes the sums of the high and of the low bytes of so many words, and those weighted by their place, which in
float32 are all exact."""


def _verified(held: Any) -> Any:
    """Return what a chunk holds without its checksum at the end, None if that does not fit."""
    if len(held) < 4:
        return None
    content = memoryview(held)[:-4]
    return content if fletcher32(content) == int.from_bytes(held[-4:], "little") else None


def fletcher32(content: Any) -> int:
    """Return the Fletcher-32 checksum as HDF5 takes it: of big-endian words, an odd byte at the end being a high one.

    >>> hex(fletcher32(b"abcdef"))
    '0x250d2735'
    """
    octets = np.frombuffer(content, np.uint8)
    rest = len(octets) % (2 * WORDS)
    sums = octets[: len(octets) - rest].reshape(-1, 2 * WORDS).astype(np.float32) @ _WEIGHTS
    high, low, weighted_high, weighted_low = sums.astype(np.int64).T
    plain, weighted = high * 256 + low, weighted_high * 256 + weighted_low
    # Each block of words adds to the second sum its own weighted one, and its plain one once for every word behind it.
    behind = np.arange(len(plain) - 1, -1, -1, dtype=np.int64) * WORDS
    first = int(plain.sum())
    second = int(weighted.sum()) + int(((plain % 65535) * (behind % 65535) % 65535).sum())
    end = bytes(octets[len(octets) - rest :])
    for at in range(0, rest, 2):
        first += int.from_bytes(end[at : at + 2].ljust(2, b"\0"), "big")
        second += first
    return _folded(second) << 16 | _folded(first)


def _folded(total: int) -> int:
    """Return a sum modulo 65535, with 65535 for 0 unless nothing was added: what adding with carry around gives."""
    return total % 65535 or (65535 if total else 0)
