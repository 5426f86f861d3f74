"""Read many LMDB pages into one array, and compare many keys at once, with plain `preadv` and without a map."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.lmdb.format import INTEGERKEY, REVERSEKEY
from datacheck.backends.shared.key_arrays import PAD, Buffer, Flags, Keys, Numbers, lexical
from datacheck.backends.shared.read_buffers import reused
from datacheck.files.retrying import preadv

if TYPE_CHECKING:
    from datacheck.backends.lmdb.pages import Pages


def one_key(key: bytes) -> Keys:
    """Return a single key in a form that can be compared with many."""
    raw = np.frombuffer(key + bytes(PAD), np.uint8)
    return Keys(Buffer(raw), np.zeros(1, np.int64), np.array([len(key)], np.int64))


def compare(one: Keys, two: Keys, flags: int) -> NDArray[np.int8]:
    """Compare each pair of keys in the order that a database's flags give, and return -1, 0 or 1."""
    if flags & REVERSEKEY:
        count = max(len(one.offsets), len(two.offsets))
        pairs = ((one.at(at % len(one.offsets))[::-1], two.at(at % len(two.offsets))[::-1]) for at in range(count))
        return np.array([(a > b) - (a < b) for a, b in pairs], np.int8)
    if flags & INTEGERKEY:
        first, second = _integers(one), _integers(two)
        return (first > second).astype(np.int8) - (first < second).astype(np.int8)
    return lexical(one, two)


def _integers(keys: Keys) -> NDArray[np.uint64]:
    """Return keys of at most eight bytes as integers."""
    missing = (8 * (8 - np.clip(keys.lengths, 0, 8))).astype(np.uint64)
    words = keys.buffer.words(keys.offsets)
    if sys.byteorder == "little":
        return np.where(missing < 64, words << missing >> missing, np.uint64(0))
    return np.where(missing < 64, words >> missing, np.uint64(0))


class Stack:
    """Pages read from a file into one array, in the order of their numbers, which must be sorted.

    `present` says for each page whether all of it is in the file; if not, its row is zero.
    """

    def __init__(self, file: int, page_size: int, size: int, numbers: Numbers, extra: int = 0) -> None:
        self.numbers, self.page_size = numbers, page_size
        raw = np.frombuffer(reused(len(numbers) * page_size + extra + PAD), np.uint8)
        self.buffer = Buffer(raw)
        self.rows: NDArray[np.uint8] = raw[: len(numbers) * page_size].reshape(len(numbers), page_size)
        self.present: Flags = (numbers >= 0) & (numbers < size // page_size)
        starts = np.flatnonzero(np.diff(numbers, prepend=-9) != 1)
        stops = np.append(starts[1:], len(numbers))[: len(starts)]
        view = memoryview(raw.data)
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            if self.present[start]:
                _fill(file, view[start * page_size : stop * page_size], int(numbers[start]) * page_size)
        if not self.present.all():
            self.rows[~self.present] = 0
        raw[len(raw) - extra - PAD :] = 0

    def field(self, offset: int, kind: type[np.generic]) -> NDArray[Any]:
        """Return a number that every page has at the same offset."""
        width = np.dtype(kind).itemsize
        values: NDArray[Any] = np.ascontiguousarray(self.rows[:, offset : offset + width]).view(kind)[:, 0]
        return values

    def headers(self, pages: Pages, kind: int) -> tuple[Flags, Numbers, Numbers]:
        """Return which pages have a sound header of this kind, and where the free space of each begins and ends."""
        header, base = pages.header, pages.base
        sound = self.present & (self.field(0, np.int64) == self.numbers)
        sound &= self.field(header - 6, np.uint16) == kind
        if base:
            sound &= self.field(8, np.uint64) <= pages.meta.txnid
        lower = self.field(header - 4, np.uint16).astype(np.int64) + base
        upper = self.field(header - 2, np.uint16).astype(np.int64) + base
        sound &= (lower >= header) & (lower <= upper) & (upper <= self.page_size) & (lower % 2 == 0)
        return sound, lower, upper

    def node_offsets(self, pages: Pages, page: Numbers, within: Numbers) -> Numbers:
        """Return the offsets of nodes in their pages, given the row of each page and the node's number within it."""
        halves = self.rows.reshape(-1).view(np.uint16)
        offsets: Numbers = halves[page * (self.page_size >> 1) + (pages.header >> 1) + within].astype(np.int64)
        return offsets + pages.base


def _fill(file: int, view: memoryview, offset: int) -> None:
    while len(view):
        count = preadv(file, [view], offset)
        if count == 0:
            view[:] = bytes(len(view))
            return
        view = view[count:]
        offset += count
