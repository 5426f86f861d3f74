"""Read many blocks of a LevelDB table at once: the same records as block by block, in less than half the time.

A record's key shares a prefix with the key before it, but at a restart point it shares nothing (table/block.cc). So all
runs of records between restart points are walked side by side: the first record of each, then the second, and so on.
Any block that is not plain (a long prefix or value, keys repeated or out of order, damage) is left to `Table`.

Large contiguous blocks are read together too, into reused memory (`large_blocks`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.leveldb.block import SMALL, TRAILER, Bytes, Damaged, Value, verified
from datacheck.backends.leveldb.large_blocks import EVEN_BYTES, TOGETHER, are_even, singles
from datacheck.backends.leveldb.table import LARGEST_TAG, TAG, Entries, Table, Tags
from datacheck.backends.shared.key_arrays import GATHERED, WORD, Buffer, Flags, Keys, Numbers, lexical, to_list
from datacheck.files.retrying import pread

FIRST_BLOCKS, MOST_BLOCKS = 1, 128
"""Maximum number of small blocks in the first read if few records may be needed, and of blocks in any read."""
SMALL_BLOCK = 16 << 10
"""Largest blocks that are read together, in bytes of the file; UNPACKED limits them in memory."""
UNPACKED = 64 << 10
LEAST_RUNS = 48
"""Minimum number of runs that makes walking them side by side worthwhile."""
LONGEST_RUN = 64
"""Maximum number of records in a run that is walked; LevelDB's own runs have 16."""
LONGEST_PART = 128
"""A key's shared part and its own part are shorter than this, in bytes, so that their lengths take one byte each."""
_MASKS = np.tri(LONGEST_PART, 2 * LONGEST_PART, -1, np.uint8) * np.uint8(255)
_PREFIXES: NDArray[np.uint64] = _MASKS.view(np.uint64)
"""Row `n` has the first `n` bytes set, as words."""

Read = tuple[int, Entries | Damaged]
"""A number of blocks with their records; or 1, and why that block cannot be read."""
Content = Bytes | Damaged | None
"""The content of a block, or why it cannot be read; None if it is too large to be kept beside others."""


def read(table: Table, file: Callable[[], int], blocks: range, limit: int | None = 1) -> Iterator[Read]:
    """Yield the records of blocks of a table, in order; `file` returns its descriptor, or raises Damaged.

    `limit` is the number of records that may be all that is needed, or None if all are.
    """
    for stretch in _stretches(table, blocks, _first(table, blocks, limit)):
        if len(stretch) > 1 and table.sizes[stretch[0]] > SMALL_BLOCK:
            for count, entries in singles(table, file, stretch):
                yield count, _read_one(table, file, entries) if isinstance(entries, int) else entries
                del entries  # the memory of its values is free for the next ones
            continue
        contents = _contents(table, file, stretch) if len(stretch) > 1 else None
        if contents is None:
            yield from ((1, _read_one(table, file, block)) for block in stretch)
        else:
            yield from _parse_blocks(table, file, stretch, contents)


def _first(table: Table, blocks: range, limit: int | None) -> int:
    """Return the number of blocks to read first if `limit` records may be all that is needed: large ones have one."""
    if limit is None:
        return MOST_BLOCKS
    return min(limit, MOST_BLOCKS) if blocks and table.sizes[blocks.start] > SMALL_BLOCK else FIRST_BLOCKS


def _stretches(table: Table, blocks: range, most: int) -> Iterator[range]:
    """Divide blocks into those to be read in one go: small ones, or large ones, that are contiguous in the file.

    The first part has at most `most` blocks, later ones more. Parts of large blocks are larger if all sizes are equal.
    """
    start = blocks.start
    while start < blocks.stop:
        rest = range(start, blocks.stop)
        count = _even_count(table, rest, most) or _near_count(table, rest, most)
        yield range(start, start + count)
        start, most = start + count, min(4 * most, MOST_BLOCKS)


def _even_count(table: Table, blocks: range, most: int) -> int:
    """Return how many of the first blocks to read in one go if these are large and even, or 0 if they are not."""
    step = table.sizes[blocks.start] + TRAILER
    count = min(most, len(blocks), (EVEN_BYTES + TRAILER - 1) // step)
    first = range(blocks.start, blocks.start + count)
    return count if SMALL_BLOCK < step - TRAILER <= TOGETHER // 2 and not table.gaps and are_even(table, first) else 0


def _near_count(table: Table, blocks: range, most: int) -> int:
    """Return how many of the first blocks to read in one go, by the place and size of each."""
    start, end = blocks.start, -1
    large = even = False
    for block in blocks:
        size = table.sizes[block]
        eligible = size <= TOGETHER // 2 and block not in table.gaps
        continues = eligible and large == (size > SMALL_BLOCK) and table.offsets[block] == end and block - start < most
        even = block == start or (even and size == table.sizes[start])
        room = EVEN_BYTES if even else TOGETHER
        if block > start and not (continues and (not large or end + size - table.offsets[start] < room)):
            return block - start
        large = size > SMALL_BLOCK
        end = table.offsets[block] + size + TRAILER if eligible else -1
    return len(blocks)


def _read_one(table: Table, file: Callable[[], int], block: int) -> Entries | Damaged:
    return _entries_or_damage(lambda it: table.read(file(), it), block)


def _entries_or_damage(read_one: Callable[[int], Entries], block: int) -> Entries | Damaged:
    try:
        return read_one(block)
    except Damaged as exc:
        return exc


def _contents(table: Table, file: Callable[[], int], blocks: range) -> list[Content] | None:
    """Return the content of each of some neighbouring blocks, or None if they cannot be read in one go."""
    begin, last = table.offsets[blocks[0]], blocks[-1]
    size = table.offsets[last] + table.sizes[last] + TRAILER - begin
    try:
        raw = pread(file(), size, begin)
    except (Damaged, OSError):
        return None
    if len(raw) < size:
        return None
    contents: list[Content] = []
    for block in blocks:
        at, size = table.offsets[block] - begin, table.sizes[block]
        try:
            data, length = verified(raw[at : at + size + TRAILER], at + begin, size)
        except Damaged as exc:
            contents.append(exc)
        else:
            contents.append(data[:length] if length <= UNPACKED else None)
    return contents


def _parse_blocks(table: Table, file: Callable[[], int], blocks: range, contents: Sequence[Content]) -> Iterator[Read]:
    """Yield the records of blocks from their contents: plain neighbours together, others one by one."""
    records = walk([b"" if it is None or isinstance(it, Damaged) else it for it in contents])
    start = 0
    for place, (block, content) in enumerate(zip(blocks, contents, strict=True)):
        if records.plain[place] and _in_bounds(table, block, records.users[records.rows(place, place + 1)]):
            continue
        if start < place:
            yield place - start, records.between(start, place)
        start = place + 1
        if isinstance(content, Damaged):
            yield 1, content
        elif content is None:
            yield 1, _read_one(table, file, block)
        else:
            yield 1, _entries_or_damage(partial(table.parse, content=(content, len(content))), block)
    if start < len(blocks):
        yield len(blocks) - start, records.between(start, len(blocks))


def _in_bounds(table: Table, block: int, users: Sequence[bytes]) -> bool:
    """Return whether the keys of a block agree with the index, and its first is not that of the block before."""
    if not users:
        return True
    low, high = table.bounds[block], table.bounds[block + 1]
    return (low < users[0] if block else low <= users[0]) and users[-1] <= high


@dataclass(frozen=True)
class Records:
    """The records of those blocks that are `plain`; block `i` has the rows from `ends[i]` to `ends[i + 1]`."""

    plain: list[bool]
    ends: list[int]
    users: list[bytes]
    tags: Tags
    values: list[Value]

    def rows(self, first: int, stop: int) -> slice:
        return slice(self.ends[first], self.ends[stop])

    def between(self, first: int, stop: int) -> Entries:
        rows = self.rows(first, stop)
        return self.users[rows], self.tags[rows], self.values[rows]


def walk(contents: Sequence[Bytes]) -> Records:
    """Return the records of plain blocks: what `Table.parse` returns, but without comparing keys with the index."""
    runs = _Runs(contents)
    plain = runs.sound
    if len(runs.block) < LEAST_RUNS or sys.byteorder != "little":
        return Records([False] * len(plain), [0] * (len(plain) + 1), [], np.zeros(0, np.int64), [])
    steps = _Steps(runs)
    plain[runs.block[steps.broken]] = False
    order = steps.in_order(plain[runs.block])
    keys = steps.keys(order)
    block = runs.block[steps.run[order]]
    flawed = keys.lengths < TAG
    flawed[1:] |= ~_are_ascending(keys, steps.shared[order]) & (block[1:] == block[:-1])
    if flawed.any():
        plain[block[flawed]] = False
        kept = plain[block]
        order, block, keys = order[kept], block[kept], keys[kept]
    users = Keys(keys.buffer, keys.offsets, keys.lengths - TAG)
    tags = keys.buffer.words(users.offsets + users.lengths).view(np.int64) & LARGEST_TAG
    ends = [0, *np.cumsum(np.bincount(block, minlength=len(plain))).tolist()]
    values = Keys(runs.buffer, steps.values[order], steps.ends[order] - steps.values[order])
    return Records(plain.tolist(), ends, to_list(users), tags, [*to_list(values)])


def _are_ascending(keys: Keys, shared: Numbers) -> Flags:
    """Return for each key but the first whether its user key is above that of the key before.

    Usually the byte behind their shared prefix decides.
    """
    lengths = np.maximum(keys.lengths - TAG, 0)
    before, after = lengths[:-1], lengths[1:]
    at = keys.offsets + np.minimum(shared, lengths)
    ascending: Flags = (shared[1:] >= before) & (before < after)
    one, two = keys.buffer.raw[keys.offsets[:-1] + np.minimum(shared[1:], before)], keys.buffer.raw[at[1:]]
    ascending |= (shared[1:] < np.minimum(before, after)) & (one < two)
    undecided = np.flatnonzero(~ascending)
    if len(undecided):
        users = Keys(keys.buffer, keys.offsets, lengths)
        ascending[undecided] = lexical(users[undecided], users[undecided + 1]) < 0
    return ascending


class _Runs:
    """The runs of blocks with valid restart points: the block of each run, and where it starts and stops."""

    def __init__(self, contents: Sequence[Bytes]) -> None:
        data = b"".join((*contents, bytes(2 * LONGEST_PART + WORD)))
        self.buffer = Buffer(np.frombuffer(data, np.uint8))
        sizes = np.fromiter(map(len, contents), np.int64, len(contents))
        ends = np.cumsum(sizes)
        begins = ends - sizes
        counts = self._number(np.maximum(ends - 4, 0))
        limits = ends - 4 - 4 * counts
        self.sound: Flags = (sizes > 4) & (counts > 0) & (limits >= begins)
        counts[~self.sound] = 0
        self.block: Numbers = np.repeat(np.arange(len(contents)), counts)
        within = np.arange(len(self.block)) - (np.cumsum(counts) - counts)[self.block]
        self.start: Numbers = self._number(limits[self.block] + 4 * within) + begins[self.block]
        self.stop: Numbers = limits[self.block]
        inner = np.flatnonzero(within[1:])
        self.stop[inner] = self.start[inner + 1]
        flawed = (self.start > self.stop) | ((within == 0) & (self.start != begins[self.block]))
        self.sound[self.block[flawed]] = False
        kept = self.sound[self.block]
        self.block, self.start, self.stop = self.block[kept], self.start[kept], self.stop[kept]

    def _number(self, at: Numbers) -> Numbers:
        return (self.buffer.words(at) & np.uint64(0xFFFFFFFF)).astype(np.int64)


class _Steps:
    """The records of all runs, first the first record of each run, then the second ones: arrays of shape (records,).

    `broken` runs only have the records before the fault.
    """

    def __init__(self, runs: _Runs) -> None:
        self._buffer = runs.buffer
        self.broken: Flags = np.zeros(len(runs.block), bool)
        self._kept: list[Numbers] = []
        """For each step, which records of the previous step have another record behind them in their run."""
        columns: list[tuple[Numbers, ...]] = []
        run = kept = np.flatnonzero(runs.start < runs.stop)
        at, stop, length = runs.start[run], runs.stop[run], np.zeros(len(run), np.int64)
        while len(run):
            head = self._buffer.words(at).view(np.int64)
            shared, size = head & 0xFF, head >> 16 & 0xFF
            key = at + 3
            long = size >= 0x80
            if long.any():
                size = np.where(long, size & 0x7F | (head >> 24 & 0xFF) << 7, size)
                key += long
            value = key + (head >> 8 & 0xFF)
            end = value + size
            fits = ((head & 0x8080) == 0) & (shared <= length) & (size < SMALL) & (end <= stop)
            if len(columns) == LONGEST_RUN:
                fits[:] = False
            if not fits.all():
                self.broken[run[~fits]] = True
                kept = kept[fits]
                run, stop, shared, key, value, end = (it[fits] for it in (run, stop, shared, key, value, end))
            length = shared + value - key
            columns.append((run, shared, key, length, value, end))
            self._kept.append(kept)
            kept, at = np.flatnonzero(end < stop), end
            if len(kept) < len(run):
                run, stop, at, length = run[kept], stop[kept], at[kept], length[kept]
        joined: list[Numbers] = list(map(np.concatenate, zip(*columns, strict=True))) if columns else [run] * 6
        self.run, self.shared, self._own, self.lengths, self.values, self.ends = joined

    def in_order(self, wanted: Flags) -> Numbers:
        """Return the places of the records of the wanted runs, run by run."""
        counts = np.bincount(self.run, minlength=len(wanted))
        firsts = np.cumsum(counts) - counts
        order = np.empty(len(self.run), np.int64)
        place = 0
        for step, kept in enumerate(self._kept):
            stop = place + len(kept)
            order[firsts[self.run[place:stop]] + step] = np.arange(place, stop)
            place = stop
        return order if wanted.all() else order[wanted[self.run[order]]]

    def keys(self, order: Numbers) -> Keys:
        """Return the internal keys of records."""
        words = -(-int(self.lengths.max(initial=1)) // WORD)
        prefixes = Buffer(np.ascontiguousarray(_PREFIXES[:, :words]).view(np.uint8).reshape(-1))
        width = WORD * words
        prefix = prefixes.rows(width * self.shared, words)
        rows = self._buffer.rows(self._own - self.shared, words)
        rows &= ~prefix
        start, before = 0, rows[:0]
        for kept in self._kept:
            step = slice(start, start + len(kept))
            if start:
                rows[step] |= (before if len(kept) == len(before) else before[kept]) & prefix[step]
            start, before = step.stop, rows[step]
        padded = np.zeros(len(order) * width + GATHERED + WORD, np.uint8)
        padded[: len(order) * width].view(f"V{width}")[:] = rows.view(f"V{width}").reshape(-1)[order]
        return Keys(Buffer(padded), width * np.arange(len(order)), self.lengths[order])
