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
    valid: Flags
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
        arrays = _read_branches(pages, batch)
        are_sound = _are_sound(pages, flags, batch, arrays)
        ends = np.cumsum(arrays.counts)
        verdict = [False] * len(batch)
        for row, end, count in zip(range(len(batch)), ends.tolist(), arrays.counts.tolist(), strict=True):
            if are_sound[row]:
                verdict[int(arrays.order[row])] = mark(arrays.child[end - count : end])
        sound += verdict
    return sound


def _read_branches(pages: Pages, branches: Sequence[Stretch]) -> _Branches:
    header, page_size = pages.header, pages.page_size
    numbers = np.array([it.page for it in branches], np.int64)
    order = np.argsort(numbers, kind="stable")
    stack = Stack(pages.file, page_size, pages.size, numbers[order])
    valid, lower, upper = stack.headers(pages, BRANCH)
    valid &= lower > header
    counts = np.where(valid, (lower - header) >> 1, 0)
    page = np.repeat(np.arange(len(branches)), counts)
    within = np.arange(len(page)) - (np.cumsum(counts) - counts)[page]
    offsets = stack.node_offsets(pages, page, within)
    inside = (offsets >= upper[page]) & (offsets + 8 <= page_size)
    offsets = np.where(inside, offsets, 0)
    words = stack.buffer.words(page * page_size + offsets)
    key_size = (words >> np.uint64(48)).astype(np.int64)
    inside &= offsets + 8 + key_size <= page_size
    valid[page[~inside]] = False
    child = (words & np.uint64((1 << 48) - 1)).astype(np.int64)
    keys = Keys(stack.buffer, page * page_size + offsets + 8, np.where(inside, key_size, 0))
    return _Branches(stack, order, valid, page, within, child, keys, counts)


def _are_sound(pages: Pages, flags: int, branches: Sequence[Stretch], arrays: _Branches) -> Flags:
    """Return for each page of an array whether it is sound and its keys lie within its bounds."""
    sound = arrays.valid.copy()
    bad = (arrays.child < 2) | (arrays.child > pages.meta.last_page)
    if len(arrays.page) > 1:
        same_page = (arrays.within[1:] > 1) & (arrays.page[1:] == arrays.page[:-1])
        bad[1:] |= same_page & (compare(arrays.keys[:-1], arrays.keys[1:], flags) >= 0)
    sound[arrays.page[bad]] = False
    low, high = _bounds([branches[int(at)] for at in arrays.order])
    ends = np.cumsum(arrays.counts)
    for bound, bounded, place in ((low[0], low[1], ends - arrays.counts + 1), (high[0], high[1], ends - 1)):
        rows = np.flatnonzero(bounded & (arrays.counts > 1))
        if len(rows):
            sign = compare(arrays.keys[place[rows]], bound[rows], flags)
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
    return _read_branches(pages, [_BranchPage(page)]).child


class _BranchPage(msgspec.Struct, frozen=True):
    page: int
    low: bytes | None = None
    high: bytes | None = None


def leaves_below(pages: Pages, branches: Sequence[Stretch]) -> Leaves:
    """Return the leaves below neighbouring sound branch pages, in key order. Raises PageDamaged if one has changed."""
    arrays = _read_branches(pages, branches)
    if not arrays.valid.all() or not arrays.counts.all():
        raise PageDamaged("a branch page was changed while the store was read")
    inverse = np.argsort(arrays.order, kind="stable")
    starts = np.cumsum(arrays.counts) - arrays.counts
    counts = arrays.counts[inverse]
    rows = np.repeat(starts[inverse], counts) + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    buffer, offsets, lengths, bounded = _low_keys(arrays, rows, branches)
    low = Keys(buffer, offsets, lengths)
    last_high, has_last_high = keys_of([branches[-1].high])
    raw = np.concatenate([buffer.raw[:-PAD], last_high.buffer.raw])
    return Leaves(
        arrays.child[rows],
        low,
        Keys(Buffer(raw), np.append(offsets[1:], len(buffer.raw) - PAD), np.append(lengths[1:], last_high.lengths)),
        bounded,
        np.append(bounded[1:], has_last_high),
    )


def _low_keys(arrays: _Branches, rows: Numbers, branches: Sequence[Stretch]) -> tuple[Buffer, Numbers, Numbers, Flags]:
    """Return the low key of each leaf: the key of its node, or the page's own low key for the first leaf of a page."""
    lows, has_low = keys_of([it.low for it in branches])
    pages_bytes = arrays.stack.buffer.raw[:-PAD]
    raw = np.concatenate([pages_bytes, lows.buffer.raw])
    offsets, lengths = arrays.keys.offsets[rows], arrays.keys.lengths[rows]
    first = np.flatnonzero(arrays.within[rows] == 0)
    offsets[first] = lows.offsets + len(pages_bytes)
    lengths[first] = lows.lengths
    bounded = np.ones(len(rows), bool)
    bounded[first] = has_low
    return Buffer(raw), offsets, lengths, bounded
