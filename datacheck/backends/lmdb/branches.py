"""Check many branch pages above the leaves of an LMDB database at once, and return the leaves below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import numpy as np

from datacheck.backends.lmdb.format import BRANCH, PageDamaged
from datacheck.backends.lmdb.leaves import Leaves
from datacheck.backends.lmdb.page_arrays import Stack, compare
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.shared.key_arrays import PAD, Buffer, Flags, Keys, Numbers

BATCH = 256


class Stretch(Protocol):
    """A branch page, and the bounds of the keys below it."""

    @property
    def low(self) -> bytes | None: ...

    @property
    def high(self) -> bytes | None: ...

    @property
    def page(self) -> int: ...


class _Branches(msgspec.Struct):
    """Branch pages in one array: which pages have a valid header and valid nodes, and their nodes, page after page."""

    stack: Stack
    order: Numbers
    fit: Flags
    page: Numbers
    within: Numbers
    child: Numbers
    keys: Keys
    counts: Numbers


def judge_branches(
    pages: Pages, flags: int, branches: Sequence[Stretch], mark: Callable[[Numbers], bool]
) -> list[bool]:
    """Return for each branch page whether it is sound; `mark` marks a page's children, False if some are already."""
    sound: list[bool] = []
    for start in range(0, len(branches), BATCH):
        batch = branches[start : start + BATCH]
        read = _read(pages, batch)
        good = _sound(pages, flags, batch, read)
        ends = np.cumsum(read.counts)
        verdict = [False] * len(batch)
        for row, end, count in zip(range(len(batch)), ends.tolist(), read.counts.tolist(), strict=True):
            if good[row]:
                verdict[int(read.order[row])] = mark(read.child[end - count : end])
        sound += verdict
    return sound


def _read(pages: Pages, branches: Sequence[Stretch]) -> _Branches:
    header, base, page_size = pages.header, pages.base, pages.page_size
    numbers = np.array([it.page for it in branches], np.int64)
    order = np.argsort(numbers, kind="stable")
    stack = Stack(pages.file, page_size, pages.size, numbers[order])
    fit = stack.present & (stack.field(0, np.int64) == stack.numbers)
    fit &= stack.field(header - 6, np.uint16) == BRANCH
    if base:
        fit &= stack.field(8, np.uint64) <= pages.meta.txnid
    lower = stack.field(header - 4, np.uint16).astype(np.int64) + base
    upper = stack.field(header - 2, np.uint16).astype(np.int64) + base
    fit &= (lower > header) & (lower <= upper) & (upper <= page_size) & (lower % 2 == 0)
    counts = np.where(fit, (lower - header) >> 1, 0)
    page = np.repeat(np.arange(len(branches)), counts)
    within = np.arange(len(page)) - (np.cumsum(counts) - counts)[page]
    halves = stack.rows.reshape(-1).view(np.uint16)
    offsets = halves[page * (page_size >> 1) + (header >> 1) + within].astype(np.int64) + base
    inside = (offsets >= upper[page]) & (offsets + 8 <= page_size)
    offsets = np.where(inside, offsets, 0)
    words = stack.buffer.words(page * page_size + offsets)
    key_size = (words >> np.uint64(48)).astype(np.int64)
    inside &= offsets + 8 + key_size <= page_size
    fit[page[~inside]] = False
    child = (words & np.uint64((1 << 48) - 1)).astype(np.int64)
    keys = Keys(stack.buffer, page * page_size + offsets + 8, np.where(inside, key_size, 0))
    return _Branches(stack, order, fit, page, within, child, keys, counts)


def _sound(pages: Pages, flags: int, branches: Sequence[Stretch], read: _Branches) -> Flags:
    """Return for each page of an array whether it is sound and its keys lie within its bounds."""
    sound = read.fit.copy()
    bad = (read.child < 2) | (read.child > pages.meta.last_page)
    if len(read.page) > 1:
        both = (read.within[1:] > 1) & (read.page[1:] == read.page[:-1])
        bad[1:] |= both & (compare(read.keys[:-1], read.keys[1:], flags) >= 0)
    sound[read.page[bad]] = False
    low, high = _bounds([branches[int(at)] for at in read.order])
    ends = np.cumsum(read.counts)
    for bound, bounded, place in ((low[0], low[1], ends - read.counts + 1), (high[0], high[1], ends - 1)):
        rows = np.flatnonzero(bounded & (read.counts > 1))
        if len(rows):
            sign = compare(read.keys[place[rows]], bound[rows], flags)
            sound[rows[sign <= 0 if bound is low[0] else sign >= 0]] = False
    return sound


def _bounds(branches: Sequence[Stretch]) -> tuple[tuple[Keys, Flags], tuple[Keys, Flags]]:
    return keys_of([it.low for it in branches]), keys_of([it.high for it in branches])


def keys_of(keys: Sequence[bytes | None]) -> tuple[Keys, Flags]:
    """Return keys in a buffer of their own, and flags that say which of them are not None."""
    lengths = np.array([len(it or b"") for it in keys], np.int64)
    raw = np.frombuffer(b"".join(it or b"" for it in keys) + bytes(PAD), np.uint8)
    return Keys(Buffer(raw), np.cumsum(lengths) - lengths, lengths), np.array([it is not None for it in keys], bool)


def children(pages: Pages, page: int) -> Numbers:
    """Return the children of a sound branch page."""
    return _read(pages, [_One(page)]).child


class _One(msgspec.Struct, frozen=True):
    page: int
    low: bytes | None = None
    high: bytes | None = None


def leaves_below(pages: Pages, branches: Sequence[Stretch]) -> Leaves:
    """Return the leaves below neighbouring sound branch pages, in key order. Raises PageDamaged if one has changed."""
    read = _read(pages, branches)
    if not read.fit.all() or not read.counts.all():
        raise PageDamaged("a branch page was changed while the store was read")
    back = np.argsort(read.order, kind="stable")
    starts = np.cumsum(read.counts) - read.counts
    counts = read.counts[back]
    into = np.repeat(starts[back], counts) + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    buffer, offsets, lengths, bounded = _with_bounds(read, into, branches)
    low = Keys(buffer, offsets, lengths)
    last, ends = keys_of([branches[-1].high])
    raw = np.concatenate([buffer.raw[:-PAD], last.buffer.raw])
    return Leaves(
        read.child[into],
        low,
        Keys(Buffer(raw), np.append(offsets[1:], len(buffer.raw) - PAD), np.append(lengths[1:], last.lengths)),
        bounded,
        np.append(bounded[1:], ends),
    )


def _with_bounds(read: _Branches, into: Numbers, branches: Sequence[Stretch]) -> tuple[Buffer, Numbers, Numbers, Flags]:
    """Return the low key of each leaf: the key of its node, or the page's own low key for the first leaf of a page."""
    lows, known = keys_of([it.low for it in branches])
    pages_bytes = read.stack.buffer.raw[:-PAD]
    raw = np.concatenate([pages_bytes, lows.buffer.raw])
    offsets, lengths = read.keys.offsets[into], read.keys.lengths[into]
    first = np.flatnonzero(read.within[into] == 0)
    offsets[first] = lows.offsets + len(pages_bytes)
    lengths[first] = lows.lengths
    bounded = np.ones(len(into), bool)
    bounded[first] = known
    return Buffer(raw), offsets, lengths, bounded
