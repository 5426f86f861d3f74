"""Divide a range of an LMDB database into pieces, and check the leaves of each piece before it is read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec
import numpy as np

from datacheck.backends.lmdb.branches import keys_of, leaves_below
from datacheck.backends.lmdb.format import DUPDATA, DUPSORT, LEAF, SUBDATA, Database
from datacheck.backends.lmdb.large_values import small_values_are_read
from datacheck.backends.lmdb.leaves import NEAR, NONE_NEAR, READ_BYTES, Judged, Leaves, ReadNodes, judge
from datacheck.backends.lmdb.page_arrays import compare, one_key
from datacheck.backends.lmdb.page_sums import Account
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.skeleton import Skeleton
from datacheck.backends.lmdb.tolerant_page import parse
from datacheck.backends.lmdb.tree import Entry, Tree
from datacheck.backends.lmdb.values import Damage, read_duplicates
from datacheck.backends.shared.key_arrays import Flags, Numbers
from datacheck.model.blocks import Position, Shard

LEAST, MOST = 2, 8192
"""Number of leaves in the first piece if few records are requested, and maximum number in any piece.

With held nodes the first piece has one leaf.
"""
GROUP = 64
"""Number of branch pages whose children are listed in one go."""


class Piece(msgspec.Struct, frozen=True):
    """A range of a database and its leaves; `doubt` marks those that may belong to an older commit.

    `sound` means that the library may read the range: all its leaves are intact, and so is the leaf behind them, onto
    which the library has to step to see that the range has ended. If the nodes are `held`, that step is not needed.
    """

    shard: Shard
    leaves: Leaves
    doubt: Flags
    sound: bool
    shared: frozenset[int] = frozenset()
    """The first pages of values that share pages with another value."""
    held: Sequence[ReadNodes] | None = None
    """The nodes of the leaves, if requested and if each node is one record."""


class _Run(msgspec.Struct, frozen=True):
    leaves: Leaves
    doubt: Flags
    reached: bool
    """Whether branches lead to all of these leaves."""


class Ranges:
    """A division of ranges into judged pieces; `account` adds up what was seen."""

    def __init__(
        self,
        pages: Pages,
        bones: Skeleton,
        part: str,
        *,
        library: bool = True,
        hold: bool = False,
        load: bool = False,
    ) -> None:
        """Prepare the ranges of one database.

        `library` says whether the library can be used at all, `hold` asks for pieces with held nodes. With `load` all
        values are going to be examined.
        """
        self._pages, self._bones, self._library = pages, bones, library and bones.sound
        self._hold, self._load = hold, load
        self._tree = bones.trees.get(part) or Tree(part, pages.meta.main)
        self._order = self._tree.record.order()
        self.account = Account()
        self._seen: dict[int, None] = {}
        """The pages of the trees that hold the values of a key; none may occur twice."""

    def pieces(self, shard: Shard, limit: int | None) -> Iterator[Piece]:
        """Yield the pieces of a range in order, judging each on demand; with a `limit` the first ones are small."""
        self.account.add_range(self._pages.meta.txnid)
        most = max(LEAST, READ_BYTES // self._pages.page_size) if self._hold else MOST
        size = most if limit is None else 1 if self._hold else LEAST
        start = shard.start
        runs = self._runs(shard, MOST if limit is None else LEAST)
        run = next(runs, None)
        while run is not None:
            after = next(runs, None)
            at = 0
            while at < len(run.leaves):
                stop = _group_end(run.leaves, min(len(run.leaves), at + size))
                size = min(2 * size, most)
                following = run.leaves[stop : stop + 1] if stop < len(run.leaves) or after is None else after.leaves
                edge = following.lowest(0) if len(following) else None
                cut = shard.stop if edge is None else Position(edge)
                piece = Shard(shard.part, start, cut)
                yield self._judged_piece(piece, shard, run, range(at, stop), following[:1])
                start, at = cut, stop
            run = after

    def _follower(self, run: _Run, shard: Shard) -> Leaves | None:
        """Return the leaf behind the last run of a range, or None."""
        last = run.leaves.highest(len(run.leaves) - 1)
        if last is None:
            return None
        following = next(self._runs(Shard(shard.part, Position(last), None), 1), None)
        return None if following is None else following.leaves[:1]

    def _judged_piece(self, piece: Shard, shard: Shard, run: _Run, rows: range, following: Leaves) -> Piece:
        """Return a judged piece of a run. The leaf behind it is judged too if reading the piece may step onto it."""
        leaves, doubt = run.leaves[rows.start : rows.stop], run.doubt[rows.start : rows.stop]
        if not run.reached:
            return Piece(piece, leaves, doubt, False)
        flags = self._tree.record.flags
        counted = self._begin_within(leaves, shard)
        near = NONE_NEAR if self._load and small_values_are_read(self._pages) else NEAR
        judged = judge(self._pages, flags, leaves, self.account, counted, hold=self._hold, near=near)
        self._check_duplicates(leaves, judged, counted, self._seen)
        sound = bool(judged.sound.all())
        self.on_judged(leaves, judged)
        if self._hold and self._library and sound and not judged.closer.any():
            self._count(judged, counted)
            return Piece(piece, leaves, doubt, True, held=judged.held)
        follower = following if len(following) else self._follower(run, shard)
        if follower is not None and sound:
            follower_judged = judge(self._pages, flags, follower, Account(), np.ones(1, bool))
            self._check_duplicates(follower, follower_judged, np.zeros(1, bool), {})
            sound = bool(follower_judged.sound.all())
        if sound and self._library:
            self._count(judged, counted)
            return Piece(piece, leaves, doubt, True)
        return Piece(piece, leaves, doubt, False, judged.shared)

    @property
    def database(self) -> Database:
        return self._tree.record

    def leaf_numbers(self) -> Iterator[Numbers]:
        """Yield the numbers of all leaves that branches lead to."""
        for run in self._runs(Shard(self._tree.part), MOST):
            if run.reached:
                yield run.leaves.numbers

    def on_judged(self, leaves: Leaves, judged: Judged) -> None:
        """Receive leaves that were judged; a hook for subclasses."""

    def _count(self, judged: Judged, counted: Flags) -> None:
        """Add up the counts to compare with those in the database's record."""
        part = self._tree.part
        self.account.sums[f"{part} entries"] += int(judged.entries[counted].sum())
        self.account.sums[f"{part} leaves"] += int(counted.sum())
        self.account.sums[f"{part} overflow"] += int(judged.extents[counted[judged.extents[:, 2]], 1].sum())

    def _begin_within(self, leaves: Leaves, shard: Shard) -> Flags:
        """Return which leaves begin in a range; others, at its edge, are counted with another range."""
        counted = np.ones(len(leaves), bool)
        if shard.start is not None and shard.start > Position(b"") and len(leaves):
            first = leaves.lowest(0)
            counted[0] = first is not None and (self._order(first), 0) >= (
                self._order(shard.start.key_bytes),
                shard.start.nth,
            )
        return counted

    def _check_duplicates(self, leaves: Leaves, judged: Judged, counted: Flags, seen: dict[int, None]) -> None:
        """Check the nodes that have several values, one by one."""
        for at in np.flatnonzero(judged.closer & judged.sound).tolist():
            before = len(seen)
            extra = self._extra_records(leaves, at, seen)
            if extra is None:
                judged.sound[at] = False
                continue
            judged.entries[at] += extra
            if counted[at]:
                self.account.sums[f"{self._tree.part} values"] += len(seen) - before
                self.account.add_pages(np.fromiter(islice(seen, before, None), np.int64))

    def _extra_records(self, leaves: Leaves, at: int, seen: dict[int, None]) -> int | None:
        """Return how many more records than nodes a leaf has, or None if a record cannot be read."""
        record, part = self._tree.record, self._tree.part
        parsed = parse(self._pages, int(leaves.numbers[at]), LEAF, self._order, None, None)
        extra = 0
        for node in parsed.nodes:
            if not node.flags & DUPDATA:
                if node.flags & SUBDATA and (part or node.key not in self._bones.names):
                    return None
                continue
            if not record.flags & DUPSORT:
                return None
            values = read_duplicates(self._pages, parsed, node, record, lambda it: _visit(seen, it))
            last = None
            extra -= 1
            for value in values:
                if isinstance(value, Damage) or (last is not None and record.value_order()(value) <= last):
                    return None
                last = record.value_order()(value)
                extra += 1
        return extra

    def _runs(self, shard: Shard, least: int) -> Iterator[_Run]:
        """Yield the leaves of a range in order, a few hundred or more at a time."""
        entries = self._tree.entries
        start = 0 if shard.start is None else self._first_entry(shard.start.key_bytes)
        group = 1 if least < MOST else GROUP
        while start < len(entries):
            entry = entries[start]
            if shard.stop is not None and entry.low is not None and self._is_behind(entry.low, shard.stop):
                return
            stop = start + 1
            while stop < min(len(entries), start + group) and _same_kind(entries[stop], entry):
                stop += 1
            while (
                stop < len(entries) and _same_kind(entries[stop], entry) and _overlap(entries[stop - 1], entries[stop])
            ):
                stop += 1
            run = self._run(entries[start:stop], shard)
            if len(run.leaves):
                yield run
            start, group = stop, min(2 * group, GROUP)

    def _first_entry(self, key: bytes) -> int:
        """Return the index of the first entry that may hold a key."""
        entries, order = self._tree.entries, self._order
        wanted = order(key)
        unbounded = bisect_right(entries, -1, key=lambda it: -1 if it.low is None else 0)
        place = bisect_right(entries, wanted, lo=unbounded, key=lambda it: order(it.low or b""))
        place = max(0, place - 1)
        while place and entries[place - 1].low == entries[place].low:
            place -= 1
        return place

    def _is_behind(self, key: bytes, stop: Position) -> bool:
        return (self._order(key), 0) >= (self._order(stop.key_bytes), stop.nth)

    def _run(self, entries: list[Entry], shard: Shard) -> _Run:
        kind = entries[0].kind
        if kind == "branch":
            leaves = leaves_below(self._pages, entries)
        else:
            entries = [it for it in entries if it.kind != "hole"]
            leaves = _leaves_of_entries(entries)
        doubts = [it.doubt for it in entries]
        doubt = np.array(doubts, bool) if kind != "branch" else np.full(len(leaves), any(doubts))
        inside = np.ones(len(leaves), bool)
        if not len(leaves):
            return _Run(leaves, doubt, False)
        flags = self._tree.record.flags
        if shard.start is not None:
            inside &= ~leaves.bounded_above | (compare(leaves.high, one_key(shard.start.key_bytes), flags) > 0)
        if shard.stop is not None:
            reach = 1 if shard.stop.nth else 0
            inside &= ~leaves.bounded_below | (compare(leaves.low, one_key(shard.stop.key_bytes), flags) < reach)
        return _Run(leaves[inside], doubt[inside], kind in ("branch", "leaf"))


def _same_kind(one: Entry, two: Entry) -> bool:
    return one.kind == two.kind and one.kind != "hole"


def _overlap(one: Entry, two: Entry) -> bool:
    """Return whether two entries are one stretch of overlapping leaves, which are read together."""
    return one.low is not None and (one.low, one.high) == (two.low, two.high)


def _group_end(leaves: Leaves, stop: int) -> int:
    """Return where to cut leaves at or behind an index so that overlapping leaves stay together."""
    while 0 < stop < len(leaves) and leaves.lowest(stop) is not None and leaves.lowest(stop - 1) == leaves.lowest(stop):
        stop += 1
    return stop


def _leaves_of_entries(entries: list[Entry]) -> Leaves:
    low, below = keys_of([it.low for it in entries])
    high, above = keys_of([it.high for it in entries])
    return Leaves(np.array([it.page for it in entries], np.int64), low, high, below, above)


def _visit(seen: dict[int, None], page: int) -> bool:
    """Note a page of a subtree; return False if it was noted before."""
    if page in seen:
        return False
    seen[page] = None
    return True
