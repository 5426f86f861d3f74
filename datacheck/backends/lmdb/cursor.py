"""Read the records of a range with a cursor of the lmdb package, optionally noting each one before it is touched."""

from __future__ import annotations

import sys
from collections.abc import Collection, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from datacheck.backends.lmdb.format import BIGDATA, DUPSORT, Database, Node, PageDamaged
from datacheck.backends.lmdb.pages import Pages
from datacheck.files.retrying import pread
from datacheck.model.blocks import Note, Position, Shard

BLOCK_BYTES = 2 << 20
BLOCK_RECORDS = 4096
PIECE_BYTES = 1 << 20

Record = tuple[bytes, bytes | memoryview, int]
Pairs = tuple[list[bytes], Sequence[bytes | memoryview]]


def batches(records: Iterator[Record], place: Position, limit: int | None, note: Note) -> Iterator[Pairs]:
    """Yield keys and values, about one block's worth at a time; the place is noted before each block."""
    finished = False
    while not finished:
        note(place, False)
        keys: list[bytes] = []
        values: list[bytes | memoryview] = []
        size = 0
        finished = True
        for key, value, nth in records:
            keys.append(key)
            values.append(value)
            size += len(value)
            place = Position(key, nth + 1)
            if size >= BLOCK_BYTES or len(keys) >= (limit or BLOCK_RECORDS):
                finished = False
                break
        yield keys, values


def without_names(keys: list[bytes], values: Sequence[bytes | memoryview], names: frozenset[bytes]) -> Pairs:
    """Leave out the entries of the main database that name a database and are not records."""
    kept = [row for row, key in enumerate(keys) if key not in names]
    return [keys[row] for row in kept], [values[row] for row in kept]


def records_between(cursor: Any, shard: Shard, tree: Database) -> Iterator[Record]:
    """Yield key, value and the number of the value among those of its key, from the shard's start to its stop."""
    order = tree.order()
    nth = _seek(cursor, shard.start)
    if nth is None:
        return
    stop = None if shard.stop is None else (order(shard.stop.key_bytes), shard.stop.nth)
    last = bytes(cursor.key())
    first = True
    for view, value in cursor.iternext():
        key = bytes(view)
        nth = nth + 1 if key == last and not first else (nth if first else 0)
        first, last = False, key
        if stop is not None and (order(key), nth) >= stop:
            return
        yield key, value, nth
        if stop is not None and (order(key), nth + 1) >= stop:
            return  # without stepping onto the next record, which may be one that kills


def _seek(cursor: Any, start: Position | None) -> int | None:
    """Put the cursor on the first record of a range; return the number of its value, or None if there is no record."""
    if start is None:
        return 0 if cursor.first() else None
    if not cursor.set_range(start.key_bytes):
        return None
    nth = 0
    while nth < start.nth and cursor.key() == start.key:
        nth += 1
        if not cursor.next():
            return None
    return nth if cursor.key() == start.key else 0


def one_by_one(
    cursor: Any, data: Path, shard: Shard, tree: Database, note: Note, avoid: Collection[bytes]
) -> Iterator[Record]:
    """Yield what `records_between` yields, noting the place of each record before the library touches its value.

    The library touches a value merely by stepping onto it, so the keys are read from the pages.
    """
    from datacheck.backends.lmdb.skeleton import skeleton

    start, stop = shard.start or Position(b""), shard.stop
    order = tree.order()
    place = start
    try:
        with Pages(data) as pages:
            for node, page in pages.leaf_nodes(skeleton(data).trees[shard.part].record, start.key_bytes):
                place = Position(node.key, start.nth if node.key == start.key else 0)
                if stop is not None and (order(node.key), place.nth) >= (order(stop.key_bytes), stop.nth):
                    return
                note(place, True)
                if node.key in avoid:
                    yield node.key, b"", place.nth
                    place = Position(node.key, place.nth + 1)
                    continue
                if node.flags & BIGDATA and not place.nth:
                    _require_readable(pages, page, node)
                place = yield from _values_of_key(cursor, tree, place, stop, note)
    except PageDamaged:
        note(place, False)
        yield from records_between(cursor, Shard(shard.part, place, stop), tree)


def _require_readable(pages: Pages, page: bytes, node: Node) -> None:
    """Read the pages of a value without the library, which would die of SIGBUS if the disk fails under its map.

    A truncated file kills the library as well; that case is left to it. Raises OSError if a disk or a network fails.
    """
    first = int.from_bytes(page[node.offset : node.offset + 8], sys.byteorder)
    at, left = first * pages.page_size, pages.header + node.size
    while left > 0 and at < pages.size and (piece := pread(pages.file, min(left, PIECE_BYTES), at)):
        at, left = at + len(piece), left - len(piece)


def _values_of_key(
    cursor: Any, tree: Database, place: Position, stop: Position | None, note: Note
) -> Generator[Record, None, Position]:
    """Yield the values of one key, from number `place.nth` on; return the place behind the last."""
    key, nth = place.key_bytes, 0
    found_one = cursor.set_key(key)
    while found_one and not (stop is not None and stop.key == key and nth >= stop.nth):
        if nth >= place.nth:
            yield key, cursor.value(), nth
        nth += 1
        if not tree.flags & DUPSORT:
            break
        note(Position(key, nth), False)
        found_one = cursor.next_dup()
    return Position(key, nth)
