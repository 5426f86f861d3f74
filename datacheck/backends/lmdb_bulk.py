"""Many LMDB pages in one array, and many keys compared at once. Plain `preadv`, nothing mapped."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.lmdb_format import INTEGERKEY, REVERSEKEY

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
PAD = 8
"""Bytes behind the pages of an array, so that eight bytes may be taken from any place."""


class Buffer:
    """Bytes, with the eight from any offset on as one number."""

    def __init__(self, raw: NDArray[np.uint8]) -> None:
        """`raw` ends in PAD bytes that are no part of the contents."""
        self.raw = raw
        self._words: NDArray[np.uint64] = np.ndarray((len(raw) - 7,), np.uint64, raw.data, 0, (1,))

    def words(self, offsets: Numbers) -> NDArray[np.uint64]:
        return self._words[offsets]


@dataclass(frozen=True)
class Keys:
    """Keys in a buffer, by place and length."""

    buffer: Buffer
    offsets: Numbers
    lengths: Numbers

    def __getitem__(self, which: Any) -> Keys:
        return Keys(self.buffer, self.offsets[which], self.lengths[which])

    def at(self, place: int) -> bytes:
        start = int(self.offsets[place])
        return self.buffer.raw[start : start + int(self.lengths[place])].tobytes()


def one_key(key: bytes) -> Keys:
    """Return a single key, to compare many with."""
    raw = np.frombuffer(key + bytes(PAD), np.uint8)
    return Keys(Buffer(raw), np.zeros(1, np.int64), np.array([len(key)], np.int64))


def compare(one: Keys, two: Keys, flags: int) -> NDArray[np.int8]:
    """Return -1, 0 or 1 for each pair of keys, in the order that a database's flags give."""
    if flags & REVERSEKEY:
        count = max(len(one.offsets), len(two.offsets))
        pairs = ((one.at(at % len(one.offsets))[::-1], two.at(at % len(two.offsets))[::-1]) for at in range(count))
        return np.array([(a > b) - (a < b) for a, b in pairs], np.int8)
    if flags & INTEGERKEY:
        first, second = _integers(one), _integers(two)
        return (first > second).astype(np.int8) - (first < second).astype(np.int8)
    return _lexical(one, two)


def _integers(keys: Keys) -> NDArray[np.uint64]:
    """Return keys of at most eight bytes as the numbers they are."""
    missing = (8 * (8 - np.clip(keys.lengths, 0, 8))).astype(np.uint64)
    words = keys.buffer.words(keys.offsets)
    if sys.byteorder == "little":
        return np.where(missing < 64, words << missing >> missing, np.uint64(0))
    return np.where(missing < 64, words >> missing, np.uint64(0))


def _lexical(one: Keys, two: Keys) -> NDArray[np.int8]:
    result = np.sign(one.lengths - two.lengths).astype(np.int8)
    shorter = np.minimum(one.lengths, two.lengths)
    first, second = (_word(it, 0, shorter) for it in (one, two))
    differ = first != second
    result = np.where(differ, np.where(first > second, np.int8(1), np.int8(-1)), result)
    left = np.flatnonzero(~differ & (shorter > 8))
    done = 8
    while len(left):  # at most 64 times: a key has at most 511 bytes, and a page at most 65536
        a, b = (it[left] if len(it.offsets) > 1 else it for it in (one, two))
        first, second = (_word(it, done, shorter[left]) for it in (a, b))
        differ = first != second
        result[left[differ]] = np.where(first > second, np.int8(1), np.int8(-1))[differ]
        done += 8
        left = left[~differ & (shorter[left] > done)]
    return result


def _word(keys: Keys, at: int, lengths: Numbers) -> NDArray[np.uint64]:
    """Return the eight bytes from `at` on of each key as a number in the order of bytes, zero beyond `lengths`."""
    words = keys.buffer.words(keys.offsets + at)
    words = words.byteswap() if sys.byteorder == "little" else words
    if lengths.min(initial=64) >= at + 8:
        return words
    missing = (8 * np.clip(at + 8 - lengths, 0, 8)).astype(np.uint64)
    return np.where(missing < 64, words >> missing << missing, np.uint64(0))


class Stack:
    """Pages read from a file into one array, in the order of their numbers, which must be sorted.

    `present` says of each whether the file has all of it; where not, its row is zero.
    """

    def __init__(self, file: int, page_size: int, size: int, numbers: Numbers, extra: int = 0) -> None:
        self.numbers, self.page_size = numbers, page_size
        raw = np.empty(len(numbers) * page_size + extra + PAD, np.uint8)
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
        taken: NDArray[Any] = np.ascontiguousarray(self.rows[:, offset : offset + width]).view(kind)[:, 0]
        return taken


def _fill(file: int, view: memoryview, offset: int) -> None:
    while len(view):
        count = os.preadv(file, [view], offset)
        if count == 0:
            view[:] = bytes(len(view))
            return
        view = view[count:]
        offset += count
