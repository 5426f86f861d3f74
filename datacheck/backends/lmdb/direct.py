"""The records of LMDB leaves that were judged, straight from their pages: many at once, and no leaf is read twice.

The library returns one record after the other: of small ones most of the time goes into objects. Here the nodes of many
leaves are known already (`leaves`). Values on pages of their own are views into the mapped file, as the library's are;
where all of them are looked at, small ones of one length are put into one array, and large ones that lie evenly apart
are read into memory if that is quicker (`large_values`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import numpy as np

from datacheck.backends.lmdb.cursor import BLOCK_BYTES, BLOCK_RECORDS, Pairs
from datacheck.backends.lmdb.format import Database
from datacheck.backends.lmdb.large_values import loaded, together
from datacheck.backends.lmdb.leaves import ReadNodes
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.ranges import Piece
from datacheck.backends.shared.key_arrays import GATHERED, Keys, Numbers, taken
from datacheck.model.blocks import Note, Position
from datacheck.model.equal_lengths import EqualLengths

LARGE = 64 << 10
LARGE_BLOCK_BYTES = 8 << 20
"""Blocks of values over LARGE have this many bytes: what a block costs is then little for each, and the memory that two
of them are read into in turn stays in the processor's cache. Larger ones are not read into memory."""
TOGETHER_BYTES = 6 << 20
"""Blocks of small values that are put together, which take up to twice the room where they are read."""
EVENLY_APART = 16
"""Fewer values than this that lie evenly apart are not worth a block of their own."""
SELDOM = 128
"""Nor are fewer small ones than this of one length: to look at them one by one costs less than a block does."""

Values = Sequence["bytes | memoryview"]


class Direct:
    """Reads pieces of one database whose nodes are held."""

    def __init__(self, pages: Pages, tree: Database, *, load: bool = False) -> None:
        """With `load` values are read into memory where that is quicker than to look at them in the map."""
        self._pages, self._order, self._load = pages, tree.order(), load

    def pairs(self, piece: Piece, note: Note, limit: int | None = None) -> Iterator[Pairs]:
        """Yield the records of a piece, about a block's worth at a time, or at most `limit`."""
        note(piece.shard.start or Position(b""), False)
        for held in piece.held or ():
            keys = taken(held.keys)
            rows = self._within(keys, piece.shard.start, piece.shard.stop)
            for block in _blocks(held, rows, limit or BLOCK_RECORDS, load=self._load):
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

    def _values(self, held: ReadNodes, rows: range) -> Values:
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
        places = first * self._pages.page_size + self._pages.header
        length, distances = int(lengths[0]), np.diff(places)
        if (lengths == length).all():
            if self._load and 0 < length <= LARGE:
                return EqualLengths(together(self._pages, places, length))
            if (distances > 0).all() and (distances == distances[:1]).all():
                return self._evenly(places, length)
        view = memoryview(self._pages.map)
        return [view[at:end] for at, end in zip(places.tolist(), (places + lengths).tolist(), strict=True)]

    def _evenly(self, places: Numbers, length: int) -> Values:
        """Return values of one length that lie evenly apart."""
        strides = (int(places[1] - places[0]) if len(places) > 1 else 1, 1)
        shape, start = (len(places), length), int(places[0])
        size = int(places[-1]) - start + length
        held = loaded(self._pages, start, size) if self._load and size <= 2 * len(places) * length else None
        if held is not None:
            return EqualLengths(np.ndarray(shape, np.uint8, held, 0, strides))
        return EqualLengths(np.ndarray(shape, np.uint8, self._pages.map, start, strides))


def _blocks(held: ReadNodes, rows: range, most: int, *, load: bool) -> Iterator[range]:
    """Divide rows into blocks of about one size, of at most so many records; with `load` they are put together."""
    lengths = held.values.lengths[rows.start : rows.stop]
    small = load and len(rows) > 0 and int(lengths.max()) <= LARGE
    for stretch in _of_one_length(held, rows) if small else _evenly_apart(held.first, rows):
        ends = np.cumsum(held.values.lengths[stretch.start : stretch.stop])
        total = int(ends[-1])
        wanted = LARGE_BLOCK_BYTES if total // len(stretch) > LARGE else BLOCK_BYTES
        if small and held.first[stretch.start] and ends[0] * len(stretch) == total:
            wanted = TOGETHER_BYTES
        size = total / max(1, round(total / wanted))
        at, done = 0, 0
        while at < len(stretch):
            stop = max(at + 1, int(np.searchsorted(ends, done + size, side="right")))
            stop = min(stop, at + most, len(stretch))
            yield stretch[at:stop]
            at, done = stop, int(ends[stop - 1])


def _evenly_apart(first: Numbers, rows: range) -> list[range]:
    """Divide rows where their values, which lie one behind the other, have a page of something else between them.

    Such values are one array. Where they lie anyhow there is nothing to be gained.
    """
    if not rows:
        return []
    distances = np.diff(first[rows.start : rows.stop])
    if not len(distances) or (distances == distances[0]).all():
        return [rows]
    breaks = (np.flatnonzero(distances != np.median(distances)) + 1).tolist()
    return _divided(rows, breaks, EVENLY_APART)


def _of_one_length(held: ReadNodes, rows: range) -> list[range]:
    """Divide rows whose values lie on pages of their own where these get another length, if they seldom do."""
    if not held.first[rows.start : rows.stop].all():
        return [rows]
    breaks = (np.flatnonzero(np.diff(held.values.lengths[rows.start : rows.stop])) + 1).tolist()
    return _divided(rows, breaks, SELDOM)


def _divided(rows: range, breaks: list[int], fewest: int) -> list[range]:
    """Divide rows at these places, unless the parts have fewer rows on an average."""
    if (len(breaks) + 1) * fewest > len(rows):
        return [rows]
    return [rows[start:stop] for start, stop in zip([0, *breaks], [*breaks, len(rows)], strict=True)]


def _inside(values: Keys) -> Values:
    """Return values that lie in the leaves: copies, those of one length in one array."""
    lengths = values.lengths
    if len(lengths) and lengths[0] > GATHERED and (lengths == lengths[0]).all():
        return EqualLengths(values.buffer.pieces(values.offsets, int(lengths[0])))
    return taken(values)
