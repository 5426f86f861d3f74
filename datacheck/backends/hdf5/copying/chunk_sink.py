"""Write the chunks of an HDF5 dataset to a copy: as they are stored if possible, else compressed by threads."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.copying.packing import Packed, Packer
from datacheck.backends.hdf5.copying.row_selection import Change, Piece, origins
from datacheck.backends.hdf5.copying.stored_chunks import Stored, stored_bytes, whole
from datacheck.backends.hdf5.copying.values import write
from datacheck.backends.hdf5.trouble import TROUBLE

SCALE_OFFSET = 6
INTEGERS_WHOLE = (2, 0)
"""First options of the scale-offset filter for integers with as many bits as they need, which loses nothing."""
LOSSLESS = frozenset({1, 2, 3, 4, 5, SCALE_OFFSET, 305, 307, 32000, 32001, 32003, 32004, 32008, 32015})
"""Filters that keep values: deflate, shuffle, fletcher32, szip, n-bit, scale-offset (see INTEGERS_WHOLE), LZO, bzip2,
LZF, Blosc, Snappy, LZ4, bitshuffle, Zstandard. Any other filter may round."""


def lossy(created: Any) -> bool:
    """Return whether the filters of a dataset may change values that have already passed through them."""
    for at in range(created.get_nfilters()):
        code, _, values, _ = created.get_filter(at)
        if code == SCALE_OFFSET and values[:2] != INTEGERS_WHOLE:
            return True
        if code not in LOSSLESS:
            return True
    return False


class ChunkSink:
    """Writes pieces of a chunked dataset; chunks that are whole in the source are copied as they are stored.

    Others go through the filters, unless these are lossy: then they are stored unfiltered and marked so. If `Packer`
    supports the filters, whole chunks are compressed here by several threads.
    """

    def __init__(
        self,
        h5: Any,
        opened: Any,
        copy: Any,
        value_form: Any,
        chunks: tuple[int, ...],
        change: Change | None,
        threads: int = 1,
    ) -> None:
        self._h5 = h5
        self._opened = opened
        self._copy = copy
        self._value_form = value_form
        self._chunks = chunks
        self._change = change
        self._stored = Stored(opened, chunks)
        created = opened.get_create_plist()
        self._mask = (1 << created.get_nfilters()) - 1 if lossy(created) else 0
        self._packer = Packer.of(created, value_form.dtype.itemsize * math.prod(chunks), threads, stored_bytes(opened))

    def put(self, piece: Piece, values: NDArray[Any]) -> None:
        start, stop = piece[0]
        if self._change is not None and self._change.across:
            self._write(piece, values, start, stop)
            return
        depth = self._chunks[0]
        begin = start
        for low in range(start, stop, depth):
            high = min(low + depth, stop)
            band = ((low, high), *piece[1:])
            absent = self._stored.lacks(band, self._change)
            raw = [] if absent else self._stored_chunks(band)
            if raw is None:
                continue
            self._write(piece, values, begin, low)
            begin = high
            for origin, mask, stored in raw:
                self._copy.write_direct_chunk(origin, stored, mask)
        self._write(piece, values, begin, stop)

    def store(self, origin: tuple[int, ...], mask: int, stored: bytes) -> None:
        """Write a chunk as it is stored in the source."""
        self._copy.write_direct_chunk(origin, stored, mask)

    def finish(self) -> None:
        """Write what is still being compressed."""
        if self._packer is not None:
            self._store(self._packer.finish())

    def _store(self, packed: Iterable[Packed]) -> None:
        for origin, mask, stored in packed:
            self._copy.write_direct_chunk(origin, stored, mask)

    def _stored_chunks(self, band: Piece) -> list[tuple[tuple[int, ...], int, bytes]] | None:
        """Return the chunks for these rows of the copy as the source stores them, or None if it has no such chunks."""
        first = whole(self._change, self._chunks[0], *band[0])
        if first is None:
            return None
        found = []
        for origin in origins(band, self._chunks):
            at = (first, *origin[1:])
            try:
                if self._stored.has(at):
                    found.append((origin, *self._opened.read_direct_chunk(at)))
            except TROUBLE:  # an index that lists a chunk twice reports more chunks than there are
                return None
        return found

    def _write(self, piece: Piece, values: NDArray[Any], begin: int, end: int) -> None:
        if begin >= end:
            return
        start = piece[0][0]
        values, piece = values[begin - start : end - start], ((begin, end), *piece[1:])
        if not self._mask and self._packer is None:
            write(self._h5, self._copy, self._value_form, values, piece)
            return
        for origin in origins(piece, self._chunks):
            ends = [min(at + size, high) for at, size, (_, high) in zip(origin, self._chunks, piece, strict=True)]
            part = values[
                tuple(slice(at - low, end - low) for at, end, (low, _) in zip(origin, ends, piece, strict=True))
            ]
            if self._mask:
                chunk = np.zeros(self._chunks, values.dtype)
                chunk[tuple(slice(0, extent) for extent in part.shape)] = part
                self._copy.write_direct_chunk(origin, chunk.tobytes(), self._mask)
            elif part.shape == self._chunks and self._packer is not None:
                self._store(self._packer.put(origin, part))
            else:  # the library fills the part of the chunk beyond the end of the dataset
                write(
                    self._h5,
                    self._copy,
                    self._value_form,
                    np.ascontiguousarray(part),
                    tuple(zip(origin, ends, strict=True)),
                )
