"""Walk LZW data of GIF and TIFF: count the bytes that the codes make, and find codes that stand for nothing.

Nothing is decoded. The width of a code depends only on the number of codes since the table was cleared, and a code for
an entry of the table makes one byte more than the code before that entry did. So lengths are depths in a forest, and
are found for all codes at once by doubling the steps towards the roots. The formats are those of the GIF89a
specification, appendix F, and of TIFF 6.0, section 13.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.pictures.lzw_windows import MOST, Kind, Runs, Window

WIDEST = 12
FULL = 1 << WIDEST
FEW = 48
"""Number of codes that are read one by one before the next are read together: any code may clear the table."""
TWO_ZEROS = 0
"""The entry for the value 0 twice, which encoders with the tables of `compress` do not find."""
SOME, MANY = 1 << 9, 1 << 12
"""Numbers of codes that are read together: SOME after the first FEW, otherwise MANY."""
SHORT = 8
"""Number of successive runs of at most MOST codes after which the following runs are read many at once."""
DEEPEST = 8
"""The largest number of bits of a single value."""


@dataclass(frozen=True, slots=True)
class Lzw:
    """A kind of LZW: the bits of a single value, which bit comes first, and when codes get longer.

    `early` is 1 if codes get longer one entry before that is needed, as in TIFF.
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
    """The number of bytes that the codes make, up to an end code, a code that is invalid, or the end of the data.

    `stop` is the offset after the byte with the end code, or None if there is no such code. `wrong` is the invalid
    code, and `largest` the largest code that would have been valid in its place. `repeats` is the number of entries
    that were added although their table already had them, and `tables` the number of tables with such entries. `codes`
    is the number of all codes, and `other` of those in tables without such entries.
    """

    size: int
    stop: int | None = None
    wrong: int | None = None
    largest: int = 0
    repeats: int = field(default=0, compare=False)
    tables: int = field(default=0, compare=False)
    other: int = field(default=0, compare=False)
    codes: int = field(default=0, compare=False)


class _Tally:
    """The totals over the runs of codes from one clear code to the next."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = self.repeats = self.tables = self.other = self.codes = 0

    def add(self, size: int, repeats: int, codes: int) -> None:
        self.size += size
        self.repeats, self.tables, self.codes = self.repeats + repeats, self.tables + (repeats > 0), self.codes + codes
        self.other += 0 if repeats else codes

    def walked(self, stop: int | None) -> Walked:
        return Walked(self.size, stop, repeats=self.repeats, tables=self.tables, other=self.other, codes=self.codes)


def walk(data: bytes, kind: Lzw, limit: int) -> Walked:
    """Walk a stream of codes, and stop once they make more than `limit` bytes."""
    padded, end = data + bytes(4), 8 * len(data)
    at = last = short = 0  # in bits, in codes, in runs
    tally = _Tally(limit)
    window: Window | None = None
    while True:
        if short >= SHORT and (window is None or at >= window.stop) and at < end:
            window = Window(padded, at, end, _windowed(kind), 0 if window is None else window.level)
        runs = window.runs(at) if window is not None and at < window.stop else None
        if runs is not None:
            walked = _add_runs(runs, kind, tally)
            if walked is not None:
                return walked
            at, last = int(runs.ends[-1]), int(runs.sizes[-1])
        codes, at, ended = _read_to_clear(padded, at, end, kind, limit - tally.size, last)
        counted, first_wrong, repeats = _decoded_size(codes, kind)
        tally.add(counted, repeats, len(codes))
        if first_wrong is not None:
            code, largest = first_wrong
            return Walked(tally.size, wrong=code, largest=largest)
        if ended in (kind.clear + 1, None) or tally.size > limit:
            return tally.walked((at + 7) // 8 if ended == kind.clear + 1 else None)
        last = len(codes)
        short = short + 1 if last <= MOST else 0


@lru_cache(maxsize=32)
def _windowed(kind: Lzw) -> Kind:
    return Kind(kind.depth, kind.msb_first, _starts(kind))


def _add_runs(runs: Runs, kind: Lzw, tally: _Tally) -> Walked | None:
    """Add runs of codes to a tally; return the result for the stream if it ends within them, or None."""
    codes, run, place, sizes = runs.codes, runs.run, runs.place, runs.sizes
    before = codes - (kind.clear + 2)
    at = np.flatnonzero(before >= place)
    wrong_place = int(at[0]) if at.size else len(codes)
    numbers = np.arange(wrong_place)
    roots = before[:wrong_place] < 0
    parents = np.where(roots, numbers, numbers - place[:wrong_place] + before[:wrong_place])
    steps = (~roots).astype(np.int32)
    while (hops := steps[parents]).any():
        steps += hops
        parents = parents[parents]
    run_sizes = np.bincount(run[:wrong_place], steps + 1, len(sizes)).astype(np.int64)
    total = tally.size + np.cumsum(run_sizes)
    wrong_run = int(run[wrong_place]) if wrong_place < len(codes) else len(sizes)
    last = min(
        wrong_run, *(int(it[0]) for it in map(np.flatnonzero, (runs.ended, total > tally.limit)) if it.size), len(sizes)
    )
    entries = np.flatnonzero(place[1:wrong_place]) if wrong_place else numbers
    added = (codes[entries].astype(np.int64) << kind.depth) + codes[parents[entries + 1]]
    added = np.sort((run[entries] << WIDEST + DEEPEST) + added)
    twice = added[1:][(added[1:] == added[:-1]) & (added[1:] & (1 << WIDEST + DEEPEST) - 1 > TWO_ZEROS)]
    repeats = np.bincount(twice >> WIDEST + DEEPEST, minlength=len(sizes))
    counted = slice(0, last + 1)
    tally.size = int(total[min(last, len(sizes) - 1)])
    tally.repeats += int(repeats[counted].sum())
    tally.tables += int((repeats[counted] > 0).sum())
    tally.codes += int(sizes[counted].sum())
    tally.other += int(sizes[counted][repeats[counted] == 0].sum())
    if last == wrong_run < len(sizes):
        largest = kind.clear + 1 + int(place[wrong_place]) if place[wrong_place] else kind.clear - 1
        return Walked(tally.size, wrong=int(codes[wrong_place]), largest=largest)
    if last == len(sizes):
        return None
    return tally.walked((int(runs.ends[last]) + 7) // 8 if runs.ended[last] else None)


@lru_cache(maxsize=32)
def _starts(kind: Lzw) -> NDArray[np.int32]:
    """Return the bit at which each code after a clear code begins, until the table is full."""
    numbers = np.arange(kind.clear + 1 + kind.early, FULL + 1 + kind.early)
    numbers[0] = kind.clear  # the first code adds no entry
    widths = np.frexp(numbers)[1].clip(kind.depth + 1, WIDEST)
    return np.concatenate([[0], np.cumsum(widths)]).astype(np.int32)


@lru_cache(maxsize=32)
def _widths(kind: Lzw) -> tuple[int, ...]:
    """Return the width in bits of each of the first FEW codes after a clear code."""
    widths: list[int] = np.diff(_starts(kind))[:FEW].tolist()
    return (*widths, *[WIDEST] * (FEW - len(widths)))


def _read_to_clear(
    padded: bytes, at: int, end: int, kind: Lzw, limit: int, last: int
) -> tuple[list[int] | NDArray[np.int32], int, int | None]:
    """Return the codes up to a clear or an end code, the bit after it, and which of the two it was.

    Without either, the codes are those up to the end of the data, or to more than `limit`, and the last item is None.
    `last` is the number of codes before the clear code in front of these: about as many are expected here.
    """
    start, clear, msb_first = at, kind.clear, kind.msb_first
    first_codes: list[int] = []
    for width in _widths(kind) if last <= SOME else ():
        if at + width > end:
            return first_codes, at, None
        byte = at >> 3
        if msb_first:
            code = int.from_bytes(padded[byte : byte + 3], "big") >> (24 - width - (at & 7)) & (1 << width) - 1
        else:
            code = int.from_bytes(padded[byte : byte + 3], "little") >> (at & 7) & (1 << width) - 1
        at += width
        if clear <= code < clear + 2:
            return first_codes, at, code
        first_codes.append(code)
    parts = [np.array(first_codes, np.int32)]
    count, more = len(first_codes), SOME if first_codes else MANY
    while True:
        codes, ends = _read(padded, start, count, more, end, kind)
        special = np.flatnonzero((codes == clear) | (codes == clear + 1))
        stop = int(special[0]) if special.size else len(codes)
        parts.append(codes[:stop])
        count += stop
        if special.size:
            return np.concatenate(parts), int(ends[stop]), int(codes[stop])
        at = int(ends[-1]) if len(codes) else at
        if len(codes) < more or count > limit:
            return np.concatenate(parts), at, None
        more = MANY


def _read(
    padded: bytes, start: int, first: int, count: int, end: int, kind: Lzw
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Read up to `count` codes, beginning with number `first` after a clear code at bit `start`.

    Return them, and the bit after each.
    """
    starts = _starts(kind)
    full = len(starts) - 1  # from there on, all codes have the largest width
    offsets = starts[first : first + count + 1]
    if first + count > full:
        further = np.arange(max(first - full, 1), first + count - full + 1) * WIDEST + int(starts[full])
        offsets = np.concatenate([offsets, further])
    origin = start + int(offsets[0])
    begins = (offsets - offsets[0] + (origin & 7)).astype(np.int32)
    base = origin >> 3
    complete = int(np.searchsorted(begins[1:], end - 8 * base, side="right"))
    widths = np.diff(begins[: complete + 1])
    ends = begins[1 : complete + 1].astype(np.int64) + 8 * base
    begins = begins[:complete]
    raw = np.frombuffer(padded, np.uint8, offset=base, count=min(len(padded) - base, WIDEST * count // 8 + 8))
    wide = raw.astype(np.int32)
    if kind.msb_first:
        triples = wide[:-2] << 16 | wide[1:-1] << 8 | wide[2:]
        return triples[begins >> 3] >> (24 - widths - (begins & 7)) & (1 << widths) - 1, ends
    triples = wide[2:] << 16 | wide[1:-1] << 8 | wide[:-2]
    return triples[begins >> 3] >> (begins & 7) & (1 << widths) - 1, ends


def _decoded_size(codes: list[int] | NDArray[np.int32], kind: Lzw) -> tuple[int, tuple[int, int] | None, int]:
    """Return the number of bytes that the codes after a clear code make, what is wrong, and the repeated entries.

    The second item is the first invalid code and the largest valid one in its place, or None. The third is the number
    of entries that are added although the table already has them.
    """
    first = kind.clear + 2
    if isinstance(codes, list):
        return _decoded_size_of_few(codes, kind)
    before = codes - first  # the number of the code before the entry
    wrong_places = np.flatnonzero(before >= np.arange(len(codes)))
    count = int(wrong_places[0]) if wrong_places.size else len(codes)
    table_end = min(count, FULL)
    roots = before[:table_end] < 0
    steps = (~roots).astype(np.int32)
    parents = np.where(roots, np.arange(table_end, dtype=np.int32), before[:table_end])
    while (hops := steps[parents]).any():
        steps += hops
        parents = parents[parents]
    sizes = steps + 1
    total = int(sizes.sum())
    rest = before[table_end:count]
    total += len(rest) + int(sizes[rest[rest >= 0]].sum())
    added = min(table_end - 1, FULL - first)
    entries = np.sort((codes[:added] << kind.depth) + codes[parents[1 : added + 1]]) if added > 0 else codes[:0]
    repeats = int(((entries[1:] == entries[:-1]) & (entries[1:] > TWO_ZEROS)).sum())
    return total, (int(codes[count]), first + count - 1) if wrong_places.size else None, repeats


def _decoded_size_of_few(codes: list[int], kind: Lzw) -> tuple[int, tuple[int, int] | None, int]:
    first = kind.clear + 2
    sizes: list[int] = []
    values: list[int] = []
    """The first byte that each code makes."""
    for number, code in enumerate(codes):
        if code < kind.clear:
            sizes.append(1)
            values.append(code)
        elif code - first < number:
            sizes.append(sizes[code - first] + 1)
            values.append(values[code - first])
        else:
            return sum(sizes), (code, first + number - 1 if number else kind.clear - 1), 0
    if len(codes) < 3:  # they add one entry at most
        return sum(sizes), None, 0
    entries = [(code << kind.depth) + value for code, value in zip(codes, values[1:], strict=False)]
    entries = [it for it in entries if it > TWO_ZEROS]
    return sum(sizes), None, len(entries) - len(set(entries))
