"""Hold many keys in one array and compare them eight bytes at a time."""

from __future__ import annotations

import struct
import sys
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
WORD = 8
PAD = WORD
"""Bytes behind the contents of an array, so that eight bytes can be read from any offset."""
GATHERED = 128
"""Longest piece, in bytes, that is taken out of a buffer in words; longer pieces are taken one by one."""


class Buffer:
    """A byte array that gives the eight bytes from any offset on as one number."""

    def __init__(self, raw: NDArray[np.uint8]) -> None:
        """Take an array `raw` whose last PAD bytes are not part of the contents."""
        self.raw = raw
        self._words = self._rows(WORD)

    def words(self, offsets: Numbers) -> NDArray[np.uint64]:
        return self._words[offsets].view(np.uint64)

    def rows(self, offsets: Numbers, words: int) -> NDArray[np.uint64]:
        """Return `words` words from each offset on, shape (offsets, words); the buffer must extend that far."""
        to_list: NDArray[np.uint64] = self._rows(words * WORD)[offsets].view(np.uint64).reshape(len(offsets), words)
        return to_list

    def pieces(self, offsets: Numbers, length: int) -> NDArray[np.uint8]:
        """Return `length` bytes from each offset on, shape (offsets, length)."""
        return self._rows(length)[offsets].view(np.uint8).reshape(len(offsets), length)

    def _rows(self, width: int) -> NDArray[np.void]:
        """Return a view of the `width` bytes from every offset on. NumPy indexes it at any alignment, like words."""
        return np.ndarray((max(0, len(self.raw) - width + 1),), f"V{width}", self.raw.data, 0, (1,))


class Keys(msgspec.Struct, frozen=True):
    """Keys in a buffer, by offset and length."""

    buffer: Buffer
    offsets: Numbers
    lengths: Numbers

    def __getitem__(self, which: Any) -> Keys:
        return Keys(self.buffer, self.offsets[which], self.lengths[which])

    def at(self, place: int) -> bytes:
        start = int(self.offsets[place])
        return self.buffer.raw[start : start + int(self.lengths[place])].tobytes()


def lexical(one: Keys, two: Keys) -> NDArray[np.int8]:
    """Compare each pair of keys in byte order and return -1, 0 or 1."""
    result = np.sign(one.lengths - two.lengths).astype(np.int8)
    shorter = np.minimum(one.lengths, two.lengths)
    first, second = (_word(it, 0, shorter) for it in (one, two))
    differ = first != second
    result = np.where(differ, np.where(first > second, np.int8(1), np.int8(-1)), result)
    undecided = np.flatnonzero(~differ & (shorter > 8))
    done = 8
    while len(undecided):  # at most 64 times: a key has at most 511 bytes, and a page at most 65536
        a, b = (it[undecided] if len(it.offsets) > 1 else it for it in (one, two))
        first, second = (_word(it, done, shorter[undecided]) for it in (a, b))
        differ = first != second
        result[undecided[differ]] = np.where(first > second, np.int8(1), np.int8(-1))[differ]
        done += 8
        undecided = undecided[~differ & (shorter[undecided] > done)]
    return result


def _word(keys: Keys, at: int, lengths: Numbers) -> NDArray[np.uint64]:
    """Return the eight bytes from `at` on of each key as a number that sorts in byte order, zero beyond `lengths`."""
    words = keys.buffer.words(keys.offsets + at)
    words = words.byteswap() if sys.byteorder == "little" else words
    if lengths.min(initial=64) >= at + 8:
        return words
    missing = (8 * np.clip(at + 8 - lengths, 0, 8)).astype(np.uint64)
    return np.where(missing < 64, words >> missing << missing, np.uint64(0))


def to_list(keys: Keys) -> list[bytes]:
    """Return keys, or other pieces, as bytes objects. The buffer must end in GATHERED further bytes."""
    count, longest = len(keys.lengths), int(keys.lengths.max(initial=0))
    if longest > GATHERED:
        data = keys.buffer.raw.tobytes()
        ends = keys.offsets + keys.lengths
        return [data[start:end] for start, end in zip(keys.offsets.tolist(), ends.tolist(), strict=True)]
    if not longest:
        return [b""] * count
    words = -(-longest // WORD)
    rows = keys.buffer.rows(keys.offsets, words).view(np.uint8)
    if (keys.lengths == longest).all():
        result: list[bytes] = np.ascontiguousarray(rows[:, :longest]).view(f"V{longest}").reshape(-1).tolist()
        return result
    formats = [f"{length}s{WORD * words - length}x" for length in range(longest + 1)]
    return list(struct.Struct("".join([formats[length] for length in keys.lengths.tolist()])).unpack(rows.data))
