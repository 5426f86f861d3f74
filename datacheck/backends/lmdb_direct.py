"""The records of LMDB leaves that were judged, straight from their pages: no page is read twice, nothing is mapped.

The library reads one record after the other, and maps the file: of small records most of the time goes into objects,
of large ones into page faults. Here the nodes of many leaves are known already (`lmdb_leaves`), and values on pages of
their own are read some megabytes at a time into memory that is used again.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import numpy as np

from datacheck.backends.lmdb_cursor import BLOCK_BYTES, BLOCK_RECORDS, Pairs
from datacheck.backends.lmdb_format import Database, PageDamaged
from datacheck.backends.lmdb_leaves import Held
from datacheck.backends.lmdb_pages import Pages
from datacheck.backends.lmdb_ranges import Piece
from datacheck.backends.words import GATHERED, Keys, Numbers, taken
from datacheck.model import Note, Position
from datacheck.stacked import Stacked

LARGE = 64 << 10
LARGE_BLOCK_BYTES = 8 << 20
"""Blocks of values over LARGE have this many bytes: what a block costs is then next to nothing for each."""

Values = Sequence["bytes | memoryview"]


class Direct:
    """Reads pieces of one database whose nodes are held."""

    def __init__(self, pages: Pages, tree: Database) -> None:
        self._pages, self._order = pages, tree.order()
        self._memory = np.empty(0, np.uint8)

    def pairs(self, piece: Piece, note: Note) -> Iterator[Pairs]:
        """Yield the records of a piece, about a block's worth at a time; a value is valid until the next are asked for.

        Raises PageDamaged if the file has become shorter since it was looked at.
        """
        note(piece.shard.start or Position(b""), False)
        for held in piece.held or ():
            keys = taken(held.keys)
            rows = self._within(keys, piece.shard.start, piece.shard.stop)
            for block in _blocks(held.values.lengths, rows):
                yield keys[block.start : block.stop], self._values(held, block)
                note(Position(keys[block.stop - 1], 1), False)

    def _within(self, keys: list[bytes], start: Position | None, stop: Position | None) -> range:
        """Return which rows lie in a range."""
        first, last = 0, len(keys)
        if start is not None:
            first = self._before(keys, start)
        if stop is not None:
            last = self._before(keys, stop)
        return range(first, last)

    def _before(self, keys: list[bytes], place: Position) -> int:
        """Return how many of the keys lie before a place."""
        assert isinstance(place.key, bytes)
        return bisect_left(keys, (self._order(place.key), place.nth), key=lambda key: (self._order(key), 0))

    def _values(self, held: Held, rows: range) -> Values:
        values, first = held.values[rows.start : rows.stop], held.first[rows.start : rows.stop]
        outside = np.flatnonzero(first)
        if not len(outside):
            return _inside(values)
        if len(outside) == len(first):
            return self._outside(first, values.lengths)
        inside = np.flatnonzero(first == 0)
        both: list[bytes | memoryview] = [b""] * len(first)
        for places, of in (
            (inside, _inside(values[inside])),
            (outside, self._outside(first[outside], values.lengths[outside])),
        ):
            for place, value in zip(places.tolist(), of, strict=True):
                both[place] = value
        return both

    def _outside(self, first: Numbers, lengths: Numbers) -> Values:
        """Return values that lie on pages of their own, each from its first page on, behind one header."""
        page_size, header = self._pages.page_size, self._pages.header
        counts = (header - 1 + lengths) // page_size + 1
        ends = np.cumsum(counts)
        begins = ends - counts
        if len(self._memory) < ends[-1] * page_size:
            self._memory = np.empty(ends[-1] * page_size, np.uint8)
        apart = np.flatnonzero(np.diff(first - begins, prepend=-1))
        for row, stop in zip(apart.tolist(), [*apart[1:].tolist(), len(first)], strict=True):
            self._fill(begins[row] * page_size, ends[stop - 1] * page_size, int(first[row]) * page_size)
        memory = self._memory.view()
        memory.flags.writeable = False
        places = begins * page_size + header
        if (lengths == lengths[0]).all():
            shape = (len(first), int(lengths[0]))
            return Stacked(np.ndarray(shape, np.uint8, memory.data, header, (int(counts[0]) * page_size, 1)))
        view = memory.data
        return [view[at:end] for at, end in zip(places.tolist(), (places + lengths).tolist(), strict=True)]

    def _fill(self, start: int, stop: int, offset: int) -> None:
        view = self._memory.data[start:stop]
        while len(view):
            count = os.preadv(self._pages.file, [view], offset)
            if not count:
                raise PageDamaged(f"the file ends at byte {offset:,}: it has become shorter")
            view, offset = view[count:], offset + count


def block_bytes(size: int) -> int:
    """Return how large a block of values of this size is to be."""
    return LARGE_BLOCK_BYTES if size > LARGE else BLOCK_BYTES


def _blocks(lengths: Numbers, rows: range) -> Iterator[range]:
    """Divide rows into blocks."""
    if not rows:
        return
    ends = np.cumsum(lengths[rows.start : rows.stop])
    size = block_bytes(int(ends[-1]) // len(rows))
    at, done = 0, 0
    while at < len(rows):
        stop = max(at + 1, int(np.searchsorted(ends, done + size, side="right")))
        stop = min(stop, at + BLOCK_RECORDS, len(rows))
        yield rows[at:stop]
        at, done = stop, int(ends[stop - 1])


def _inside(values: Keys) -> Values:
    """Return values that lie in the leaves: copies, those of one length in one array."""
    lengths = values.lengths
    if len(lengths) and lengths[0] > GATHERED and (lengths == lengths[0]).all():
        return Stacked(values.buffer.pieces(values.offsets, int(lengths[0])))
    return taken(values)
