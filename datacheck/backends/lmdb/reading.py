"""Read the records of a range of an LMDB as of one commit, and stop if another process overwrites that commit.

A reader that leaves no trace cannot lock a commit: another process may reuse its pages, from the third commit after it
on. Faults found only after that are not reported: the rest of the range is left to be read as of a newer commit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from datacheck.backends.lmdb.cursor import batches, one_by_one, records_between, without_names
from datacheck.backends.lmdb.direct import Direct
from datacheck.backends.lmdb.fault_findings import key_range_text, source_changed_finding
from datacheck.backends.lmdb.format import DATABASE_BYTES, PageDamaged
from datacheck.backends.lmdb.library import data_file, transaction
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.ranges import Piece, Ranges
from datacheck.backends.lmdb.salvage import Salvage
from datacheck.backends.lmdb.skeleton import Skeleton
from datacheck.model.blocks import Block, Note, Position, Shard
from datacheck.model.finding import Finding


class Reading:
    """An iterable over the blocks of a range; `left` is then the part to read as of a newer commit, or None.

    `library` says whether the library may be used. `last` says that the range must not be left at its start, whatever
    happens there: a place that cannot be read is then reported as changed. With `load` all values are going to be
    examined.
    """

    def __init__(
        self,
        path: Path,
        pages: Pages,
        bones: Skeleton,
        shard: Shard,
        limit: int | None,
        note: Note,
        avoid: Collection[bytes],
        *,
        library: bool,
        last: bool,
        load: bool = False,
    ) -> None:
        self._path, self._pages, self._bones, self._shard = path, pages, bones, shard
        self._limit, self._note, self._avoid, self._last, self._load = limit, note, avoid, last, load
        hold = limit != 1 and not avoid
        self._ranges = Ranges(pages, bones, shard.part, library=library, hold=hold, load=load)
        self._salvage = Salvage(pages, bones, shard, note, avoid)
        self.left: Shard | None = None

    @property
    def account(self) -> Counter[str]:
        return self._ranges.account.sums + self._salvage.account

    def __iter__(self) -> Iterator[Block]:
        place = self._shard.start
        try:
            for piece in self._ranges.pieces(self._shard, self._limit):
                yield from self._piece_blocks(piece)
                if self.left is not None:
                    return
                place = piece.shard.stop
                if place is not None:  # the place behind the last piece is not known, only that of its last record
                    self._note(place, False)
        except PageDamaged:
            if not self._leave(place):
                yield Block([], [], findings=[(None, _changed_finding(place, self._shard.stop))])

    def _piece_blocks(self, piece: Piece) -> Iterator[Block]:
        part = self._shard.part or None
        if piece.held is not None:
            direct = Direct(self._pages, self._ranges.database, load=self._load)
            pairs = direct.pairs(piece, self._note, self._limit)
            yield from (Block(keys, values, database=part) for keys, values in pairs)
        elif piece.sound and not self._pages.commits_since():
            yield from self._by_the_library(piece.shard)
        else:
            yield from self._page_by_page(piece)

    def _page_by_page(self, piece: Piece) -> Iterator[Block]:
        """Yield the records of a piece that is not sound, or may have changed since it was judged."""
        place = piece.shard.start
        if not piece.sound and self._leave(place):
            return
        for block in self._salvage.blocks(piece, self._limit):
            if block.findings and self._leave(place):
                return
            if block.findings and self._pages.moved_on():
                first, stop = piece.shard.start, piece.shard.stop
                yield Block([], [], database=block.database, findings=[(None, _changed_finding(first, stop))])
                return
            yield block
            if block.keys:
                place = _place_behind(block, place)

    def _leave(self, place: Position | None) -> bool:
        """Leave the range from a place on if its commit may have been overwritten; return whether it was left."""
        if (self._last and place == self._shard.start) or not self._pages.moved_on():
            return False
        self.left = Shard(self._shard.part, place, self._shard.stop)
        return True

    def _by_the_library(self, shard: Shard) -> Iterator[Block]:
        """Yield the records of a range that the library may read."""
        data = data_file(self._path)
        with transaction(self._path, shard.part) as (cursor, tree):
            if self._limit == 1 or self._avoid:
                stream = one_by_one(cursor, data, shard, tree, self._note, self._avoid)
            else:
                stream = records_between(cursor, shard, tree)
            for keys, values in batches(stream, shard.start or Position(b""), self._limit, self._note):
                if not shard.part and DATABASE_BYTES in map(len, values):
                    keys, values = without_names(keys, values, self._bones.names)
                if keys:
                    yield Block(keys, values, database=shard.part or None)


def _place_behind(block: Block, before: Position | None) -> Position:
    """Return the place behind the last record of a block that began at a place."""
    key = block.keys[-1]
    repeats = next((at for at, other in enumerate(reversed(block.keys)) if other != key), len(block.keys))
    more = before.nth if before is not None and before.key == key and repeats == len(block.keys) else 0
    return Position(key, repeats + more)


def _changed_finding(start: Position | None, stop: Position | None) -> Finding:
    first, last = (it.key if it is not None and isinstance(it.key, bytes) else None for it in (start, stop))
    return source_changed_finding(f": keys {key_range_text(first, last)}")
