"""Read the records of judged LMDB leaves straight from their pages, many at once; no leaf is read twice.

The library returns one record at a time, and for small records creating objects takes most of the time. Here the nodes
of many leaves are known already (`leaves`). Values on overflow pages are views into the mapped file, as the library's
are. If all values are going to be examined, small ones of equal length are put into one array, and large ones at even
distances are read into memory if that is faster (`large_values`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from datacheck.backends.lmdb.cursor import BLOCK_BYTES, BLOCK_RECORDS, Pairs
from datacheck.backends.lmdb.format import Database
from datacheck.backends.lmdb.large_values import loaded, values_array, way_of
from datacheck.backends.lmdb.leaves import ReadNodes
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.ranges import Piece
from datacheck.backends.shared.key_arrays import GATHERED, Keys, Numbers, to_list
from datacheck.model.blocks import Note, Position
from datacheck.model.equal_lengths import EqualLengths

LARGE = 64 << 10
LARGE_BLOCK_BYTES = 8 << 20
"""Size in bytes of blocks of values that are larger than LARGE. Values larger than this are not read into memory."""
READ_BLOCK_BYTES = 16 << 20
"""Size in bytes of blocks of equally long values that are read into memory.

It is large enough to make the cost of a block small per value, and small enough for the memory that two blocks use in
turn to stay in the processor's last-level cache.
"""
MAPPED_BLOCK_BYTES = 32 << 20
"""Size in bytes of blocks of equally long values at even distances that stay in the map and need no memory."""
TOGETHER_BYTES = 6 << 20
"""Size in bytes of blocks of small values that are put together; reading them takes up to twice the memory."""
EVENLY_APART = 16
"""Minimum average number of values at even distances that makes a block of their own worthwhile."""
SELDOM = 128
"""Minimum average number of small values of equal length that makes a block of their own worthwhile.

Fewer are cheaper to process one by one.
"""

ALONE = 32 << 10
"""Largest length, in bytes, of values at even distances that are put together.

Values of equal length up to LARGE are put together if they are not longer than this, or do not lie at even distances:
copying longer ones costs more than a separate block for those of one leaf.
"""

Values = Sequence["bytes | memoryview"]


class Direct:
    """A reader of pieces of one database whose nodes are held in memory."""

    def __init__(self, pages: Pages, tree: Database, *, load: bool = False) -> None:
        """Create the reader. With `load`, values are read into memory if that is faster than using the map."""
        self._pages, self._order, self._load = pages, tree.order(), load
        self._way = way_of(pages)

    def pairs(self, piece: Piece, note: Note, limit: int | None = None) -> Iterator[Pairs]:
        """Yield the records of a piece, about one block's worth at a time, or at most `limit` at a time."""
        place = piece.shard.start or Position(b"")
        note(place, False)
        self._way.give_up()
        for nodes in piece.held or ():
            keys = to_list(nodes.keys)
            rows = self._rows_between(keys, piece.shard.start, piece.shard.stop)
            for block in self._blocks(nodes, rows, limit or BLOCK_RECORDS):
                yield keys[block.start : block.stop], self._values(nodes, block, partial(note, place, False))
                self._way.end()
                place = Position(keys[block.stop - 1], 1)
                note(place, False)

    def _rows_between(self, keys: list[bytes], start: Position | None, stop: Position | None) -> range:
        """Return the rows that lie in a range."""
        first, last = 0, len(keys)
        if start is not None:
            first = self._count_before(keys, start)
        if stop is not None:
            last = self._count_before(keys, stop)
        return range(first, last)

    def _count_before(self, keys: list[bytes], place: Position) -> int:
        """Return the number of keys that lie before a place."""
        return bisect_left(keys, (self._order(place.key_bytes), place.nth), key=lambda key: (self._order(key), 0))

    def _values(self, nodes: ReadNodes, rows: range, pulse: Callable[[], None]) -> Values:
        values, first = nodes.values[rows.start : rows.stop], nodes.first[rows.start : rows.stop]
        overflow = np.flatnonzero(first)
        if not len(overflow):
            return _inline_values(values)
        if len(overflow) == len(first):
            return self._overflow_values(first, values.lengths, pulse)
        inline = np.flatnonzero(first == 0)
        result: list[bytes | memoryview] = [b""] * len(first)
        for places, part in (
            (inline, _inline_values(values[inline])),
            (overflow, self._overflow_values(first[overflow], values.lengths[overflow], pulse)),
        ):
            for place, value in zip(places.tolist(), part, strict=True):
                result[place] = value
        return result

    def _overflow_values(self, first: Numbers, lengths: Numbers, pulse: Callable[[], None]) -> Values:
        """Return values that lie on overflow pages, each of them contiguous and behind one page header."""
        places = first * self._pages.page_size + self._pages.header
        length = int(lengths[0])
        if (lengths == length).all():
            even = _are_evenly_spaced(first, lengths)
            if self._load and 0 < length <= (ALONE if even else LARGE):
                return EqualLengths(values_array(self._pages, places, length))
            if even:
                return self._evenly_spaced_values(places, length, pulse)
        view = memoryview(self._pages.map)
        return [view[at:end] for at, end in zip(places.tolist(), (places + lengths).tolist(), strict=True)]

    def _evenly_spaced_values(self, places: Numbers, length: int, pulse: Callable[[], None]) -> Values:
        """Return values of equal length at even distances."""
        strides = (int(places[1] - places[0]) if len(places) > 1 else 1, 1)
        shape, start = (len(places), length), int(places[0])
        size = int(places[-1]) - start + length
        buffer = None
        if self._load and length <= LARGE_BLOCK_BYTES and size <= 2 * len(places) * length:
            buffer = loaded(self._pages, self._way, start, size, pulse)
        if buffer is not None:
            return EqualLengths(np.ndarray(shape, np.uint8, buffer, 0, strides))
        return EqualLengths(np.ndarray(shape, np.uint8, self._pages.map, start, strides))

    def _blocks(self, nodes: ReadNodes, rows: range, most: int) -> Iterator[range]:
        """Divide rows into blocks of about equal size, of at most `most` records."""
        for stretch in self._stretches(nodes, rows):
            lengths = nodes.values.lengths[stretch.start : stretch.stop]
            ends = np.cumsum(lengths)
            total = int(ends[-1])
            target = self._block_size(nodes.first[stretch.start : stretch.stop], lengths)
            size = total / (-(-total // target) if target == READ_BLOCK_BYTES else max(1, round(total / target)))
            at, done = 0, 0
            while at < len(stretch):
                stop = max(at + 1, int(np.searchsorted(ends, done + size, side="right")))
                stop = min(stop, at + most, len(stretch))
                yield stretch[at:stop]
                at, done = stop, int(ends[stop - 1])

    def _stretches(self, nodes: ReadNodes, rows: range) -> list[range]:
        """Divide rows into parts whose values are read in one go; with `load`, small values are put together."""
        lengths, first = nodes.values.lengths[rows.start : rows.stop], nodes.first[rows.start : rows.stop]
        if not self._load or not len(rows) or int(lengths.max()) > LARGE:
            return _split_by_distance(nodes.first, rows)
        if int(lengths.min()) > ALONE:
            parts = _split_by_distance(nodes.first, rows)
            if len(parts) > 1 or _are_evenly_spaced(first, lengths):
                return parts
        return _split_by_length(nodes, rows)

    def _block_size(self, first: Numbers, lengths: Numbers) -> int:
        """Return the wanted size in bytes of a block of a stretch of records."""
        average = int(lengths.sum()) // len(lengths)
        if average > (ALONE if self._load else LARGE) and _are_evenly_spaced(first, lengths):
            return MAPPED_BLOCK_BYTES if self._load and not self._way.by_reading else READ_BLOCK_BYTES
        if average > LARGE:
            return LARGE_BLOCK_BYTES
        together = self._load and first[0] and lengths.max() <= LARGE and lengths[0] == average
        return TOGETHER_BYTES if together else BLOCK_BYTES


def _are_evenly_spaced(first: Numbers, lengths: Numbers) -> bool:
    """Return whether values on overflow pages have equal lengths and lie at even distances in file order."""
    distances = np.diff(first)
    step = distances[:1]
    return bool(first.all() and (lengths == lengths[0]).all() and (step > 0).all() and (distances == step).all())


def _split_by_distance(first: Numbers, rows: range) -> list[range]:
    """Divide rows where a page of something else lies between their otherwise contiguous values.

    Each part then becomes one array. If the values lie in no such order, dividing them gains nothing and is not done.
    """
    if not rows:
        return []
    distances = np.diff(first[rows.start : rows.stop])
    if not len(distances) or (distances == distances[0]).all():
        return [rows]
    breaks = (np.flatnonzero(distances != np.median(distances)) + 1).tolist()
    return _split(rows, breaks, EVENLY_APART)


def _split_by_length(nodes: ReadNodes, rows: range) -> list[range]:
    """Divide rows whose values lie on overflow pages where the length of the values changes, if that is rare."""
    if not nodes.first[rows.start : rows.stop].all():
        return [rows]
    breaks = (np.flatnonzero(np.diff(nodes.values.lengths[rows.start : rows.stop])) + 1).tolist()
    return _split(rows, breaks, SELDOM)


def _split(rows: range, breaks: list[int], fewest: int) -> list[range]:
    """Divide rows at these places, unless the parts would have fewer than `fewest` rows on average."""
    if (len(breaks) + 1) * fewest > len(rows):
        return [rows]
    return [rows[start:stop] for start, stop in zip([0, *breaks], [*breaks, len(rows)], strict=True)]


def _inline_values(values: Keys) -> Values:
    """Return values that lie in the leaves, as copies; values of equal length come in one array."""
    lengths = values.lengths
    if len(lengths) and lengths[0] > GATHERED and (lengths == lengths[0]).all():
        return EqualLengths(values.buffer.pieces(values.offsets, int(lengths[0])))
    return to_list(values)
