"""Read many short runs of LZW codes together: a hostile stream may clear its table after each code.

Where a run ends is known only when all its codes have been read, and where the next one begins only when this one has
ended. So for each bit of a window, it is computed where a run that began there would end, for all bits at once: codes
of one width follow each other at equal distances, and the next of them that clears the table or ends the stream is the
same for all codes before it. What is left to do run by run is a step from one beginning to the next.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

BITS = 1 << 15
"""Number of bits in a window, at each of which a run may begin."""
MOST = 128
"""Number of codes of the longest run that is found; longer runs are as fast to read one by one."""
LEVELS = (8, 32, MOST)
"""Largest number of codes in a run that is searched for, by level; the next level begins once LONG runs are longer."""
LONG = 8
REACH = (MOST + 1) * 12 + 32
_NEVER = np.uint16(0xFFFF)


@dataclass(frozen=True)
class Kind:
    """A kind of LZW for windows: `starts` are the bits at which the codes after a clear code begin."""

    depth: int
    msb_first: bool
    starts: NDArray[np.int32]

    @property
    def clear(self) -> int:
        return 1 << self.depth

    @cached_property
    def widths(self) -> NDArray[np.int32]:
        return np.diff(self.starts)

    def stretches(self, codes: int) -> list[tuple[int, int, int]]:
        """Return the stretches of equal width among the first codes after a clear code: width, first bit, bit after.

        There are `codes` of these codes, and one more for the code that ends the run.
        """
        widths = self.widths[: codes + 1]
        edges = [0, *(np.flatnonzero(np.diff(widths)) + 1).tolist(), codes + 1]
        bits = self.starts
        return [(int(widths[a]), int(bits[a]), int(bits[b])) for a, b in itertools.pairwise(edges)]


@dataclass(frozen=True)
class Runs:
    """Consecutive runs of codes, each up to the code that clears the table or ends the stream.

    By run: the bit after it, its number of codes, and whether it `ended` the stream. By code: all `codes`, the number
    of its run, and its `place` in that.
    """

    ends: NDArray[np.int64]
    sizes: NDArray[np.int64]
    ended: NDArray[np.bool_]
    codes: NDArray[np.int32]
    run: NDArray[np.int64]
    place: NDArray[np.int64]


class Window:
    """The bits of a stream from some byte on, and where the runs that begin at each of them end."""

    def __init__(self, padded: bytes, at: int, end: int, kind: Kind, level: int = 0) -> None:
        self.level = level
        """The index in LEVELS of the largest number of codes in a run."""
        self._long = 0
        self._base, self._kind = at >> 3, kind
        self._end = min(end - 8 * self._base, BITS + REACH)
        self.stop = 8 * self._base + min(BITS, self._end)
        count = min(len(padded) - self._base, (self._end >> 3) + 8)
        raw = np.frombuffer(padded, np.uint8, offset=self._base, count=count).astype(np.int32)
        raw = np.concatenate([raw, np.zeros(4, np.int32)])
        self._three = raw[:-2] << 16 | raw[1:-1] << 8 | raw[2:]
        if not kind.msb_first:
            self._three = raw[2:] << 16 | raw[1:-1] << 8 | raw[:-2]
        self._next: dict[int, NDArray[np.uint16]] = {}
        self._steps = self._run_lengths(LEVELS[level])

    def runs(self, at: int) -> Runs | None:
        """Return the runs from a bit of the window on, up to one that is too long; None if the first one is."""
        first, stop = at - 8 * self._base, self.stop - 8 * self._base
        begins: list[int] = []
        while first < stop:
            step = self._steps[first]
            if step:
                begins.append(first)
                first += step
                continue
            self._long += 1
            if self._long < LONG or self.level + 1 == len(LEVELS):
                break
            self._long, self.level = 0, self.level + 1
            self._steps = self._run_lengths(LEVELS[self.level])
        return self._runs_between(np.array([*begins, first], np.int64)) if begins else None

    def _run_lengths(self, most: int) -> memoryview:
        """Return for each bit the length in bits of the run that begins there; 0 if it has more than `most` codes."""
        size = self.stop - 8 * self._base
        positions = np.arange(size, dtype=np.uint16)
        steps = np.zeros(size, np.uint16)
        for width, first, distance in reversed(self._kind.stretches(most)):
            found = self._special(width)[first : first + size]
            positions_before = positions[: len(found)]
            ends = found < positions_before + np.uint16(distance)
            steps[: len(found)] = np.where(ends, found + np.uint16(width) - positions_before, steps[: len(found)])
        return memoryview(steps.data)

    def _special(self, width: int) -> NDArray[np.uint16]:
        """Return for each bit where the first special code is among the successive codes of one width from there on.

        Special codes clear the table or end the stream.
        """
        if width not in self._next:
            bits = np.arange(8, dtype=np.int32)
            shifts = 24 - width - bits if self._kind.msb_first else bits
            codes = self._three[:, None] >> shifts + 1  # the codes that clear and end differ in one bit
            special = (codes & (1 << width - 1) - 1) == self._kind.clear >> 1
            flat = special.reshape(-1)[: max(0, self._end - width + 1)]
            at = np.full(-(-len(flat) // width) * width, _NEVER)
            at[: len(flat)] = np.where(flat, np.arange(len(flat), dtype=np.uint16), _NEVER)
            rows = at.reshape(-1, width)
            self._next[width] = np.minimum.accumulate(rows[::-1], axis=0)[::-1].reshape(-1)[: len(flat)]
        return self._next[width]

    def _runs_between(self, edges: NDArray[np.int64]) -> Runs:
        """Return the runs between successive edges."""
        starts, widths = self._kind.starts, self._kind.widths
        begins, ends = edges[:-1], edges[1:]
        counts = np.searchsorted(starts, ends - begins)  # counts include the code that ends the run
        run = np.repeat(np.arange(len(begins)), counts)
        place = np.arange(len(run)) - np.repeat(np.cumsum(counts) - counts, counts)
        codes = self._codes(begins[run] + starts[place], widths[place])
        last = place == counts[run] - 1
        return Runs(
            ends + 8 * self._base,
            counts - 1,
            codes[last] == self._kind.clear + 1,
            codes[~last],
            run[~last],
            place[~last],
        )

    def _codes(self, at: NDArray[np.int64], widths: NDArray[np.int32]) -> NDArray[np.int32]:
        shifts = 24 - widths - (at & 7) if self._kind.msb_first else at & 7
        codes: NDArray[np.int32] = (self._three[at >> 3] >> shifts & (1 << widths) - 1).astype(np.int32)
        return codes
