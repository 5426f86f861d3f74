"""LZW of GIF and TIFF, walked by lengths: how many bytes the codes make, and which of them stands for nothing.

Nothing is decoded. How many bits a code has depends only on how many came since the table was cleared, and a code for
an entry of the table makes one byte more than the code before that entry did. So lengths are depths in a forest, which
are found for all codes at once by doubling the steps towards the roots. The formats are those of the GIF89a
specification, appendix F, and of TIFF 6.0, section 13.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

WIDEST = 12
FULL = 1 << WIDEST
FEW = 48
"""So many codes are read one by one before the next are read together: a table may be cleared after each code."""
SOME, MANY = 1 << 9, 1 << 12
"""Codes read together."""


@dataclass(frozen=True, slots=True)
class Lzw:
    """A kind of LZW: the bits of a single value, which bit comes first, and when codes get longer.

    `early` is 1 where they do so one entry before it is needed, as in TIFF.
    """

    depth: int
    msb_first: bool = False
    early: int = 0

    @property
    def clear(self) -> int:
        """The code that clears the table; the next one ends the stream, the one after it is the first entry."""
        return 1 << self.depth


TIFF = Lzw(8, msb_first=True, early=1)


@dataclass(frozen=True, slots=True)
class Walked:
    """How many bytes the codes make, up to an end code, a code that stands for nothing, or the end of the data.

    `stop` is the offset behind the byte with the end code, None where there is no such code. `wrong` is the code that
    stands for nothing; the largest one that would not is `largest`.
    """

    made: int
    stop: int | None = None
    wrong: int | None = None
    largest: int = 0
    left: int = 0
    """The bits behind the last code of data without an end code."""


def walk(data: bytes, kind: Lzw, limit: int) -> Walked:
    """Walk a stream of codes; beyond `limit` bytes it is left."""
    padded = data + bytes(4)
    at = made = 0  # in bits, and bytes made
    while True:
        codes, at, ended = _up_to_clear(padded, at, 8 * len(data), kind, limit - made)
        counted, wrong = _lengths(codes, kind)
        made += counted
        if wrong is not None:
            code, largest = wrong
            return Walked(made, wrong=code, largest=largest)
        if ended == kind.clear + 1:
            return Walked(made, stop=(at + 7) // 8)
        if ended is None or made > limit:
            return Walked(made, left=8 * len(data) - at)


@lru_cache(maxsize=32)
def _starts(kind: Lzw) -> NDArray[np.int64]:
    """Return the bit at which each code behind a clear code begins, until the table is full."""
    numbers = np.arange(kind.clear + 1 + kind.early, FULL + 1 + kind.early)
    numbers[0] = kind.clear  # the first code adds no entry
    widths = np.frexp(numbers)[1].clip(kind.depth + 1, WIDEST)
    return np.concatenate([[0], np.cumsum(widths)])


@lru_cache(maxsize=32)
def _widths(kind: Lzw) -> tuple[int, ...]:
    """Return the bits of each of the first codes behind a clear code."""
    widths: list[int] = np.diff(_starts(kind))[:FEW].tolist()
    return (*widths, *[WIDEST] * (FEW - len(widths)))


def _up_to_clear(
    padded: bytes, at: int, end: int, kind: Lzw, limit: int
) -> tuple[list[int] | NDArray[np.int64], int, int | None]:
    """Return the codes up to a clear or an end code, the bit behind it, and which of the two it was.

    Without either, the codes are those up to the end of the data, or to more than `limit`.
    """
    start, clear, msb_first = at, kind.clear, kind.msb_first
    few: list[int] = []
    for width in _widths(kind):
        if at + width > end:
            return few, at, None
        byte = at >> 3
        if msb_first:
            code = int.from_bytes(padded[byte : byte + 3], "big") >> (24 - width - (at & 7)) & (1 << width) - 1
        else:
            code = int.from_bytes(padded[byte : byte + 3], "little") >> (at & 7) & (1 << width) - 1
        at += width
        if clear <= code < clear + 2:
            return few, at, code
        few.append(code)
    parts = [np.array(few, np.int64)]
    count, more = FEW, SOME
    raw, starts = np.frombuffer(padded, np.uint8), _starts(kind)
    while True:
        codes, begins, widths = _read(raw, start, starts, count, more, end, kind)
        special = np.flatnonzero((codes == clear) | (codes == clear + 1))
        stop = int(special[0]) if special.size else len(codes)
        parts.append(codes[:stop])
        count += stop
        if special.size:
            return np.concatenate(parts), int(begins[stop] + widths[stop]), int(codes[stop])
        if len(codes) < more or count > limit:
            behind = int(begins[-1] + widths[-1]) if len(codes) else at
            return np.concatenate(parts), behind, None
        at = int(begins[-1] + widths[-1])
        more = MANY


def _read(
    raw: NDArray[np.uint8], start: int, starts: NDArray[np.int64], first: int, count: int, end: int, kind: Lzw
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Read up to `count` codes from the one with number `first` behind a clear code at bit `start`."""
    numbers = np.arange(first, first + count + 1)
    beyond = np.maximum(numbers - (len(starts) - 1), 0)  # the table is full: codes of the widest kind follow
    begins = start + starts[numbers - beyond] + WIDEST * beyond
    whole = int(np.searchsorted(begins[1:], end, side="right"))
    widths = np.diff(begins[: whole + 1])
    begins = begins[:whole]
    at = begins >> 3
    low, middle, high = (raw[at + step].astype(np.int64) for step in range(3))
    if kind.msb_first:
        return (low << 16 | middle << 8 | high) >> (24 - widths - (begins & 7)) & (1 << widths) - 1, begins, widths
    return (high << 16 | middle << 8 | low) >> (begins & 7) & (1 << widths) - 1, begins, widths


def _lengths(codes: list[int] | NDArray[np.int64], kind: Lzw) -> tuple[int, tuple[int, int] | None]:
    """Return how many bytes the codes make that follow a clear code; and the first wrong one with the largest right."""
    first = kind.clear + 2
    if isinstance(codes, list):
        made: list[int] = []
        for number, code in enumerate(codes):
            if code < kind.clear:
                made.append(1)
            elif code - first < number:
                made.append(made[code - first] + 1)
            else:
                return sum(made), (code, first + number - 1 if number else kind.clear - 1)
        return sum(made), None
    before = codes - first  # the number of the code before the entry
    wrong = np.flatnonzero(before >= np.arange(len(codes)))
    count = int(wrong[0]) if wrong.size else len(codes)
    roots = codes[:count] < kind.clear
    behind = min(count, FULL)
    steps = np.where(roots[:behind], 0, 1)
    parents = np.where(roots[:behind], np.arange(behind), before[:behind])
    while (hops := steps[parents]).any():
        steps += hops
        parents = parents[parents]
    made_of = steps + 1
    total = int(made_of.sum())
    rest = before[behind:count]
    total += len(rest) + int(made_of[rest[rest >= 0]].sum())
    return total, (int(codes[count]), first + count - 1) if wrong.size else None
