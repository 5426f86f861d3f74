"""Detect keys that are consecutive numbers. The result is computed once per block and shared by all its users.

The candidate series is written out and compared with all keys as one text. Each key ends with a newline, which no key
contains, so no other keys give the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 64
"""Below this number of keys, detecting a series costs more than reading every key."""
TAIL = 3
"""Number of last digits that are taken from a table; numbers with fewer digits are not detected as a series."""
DIGITS = 18
"""Longest number that is taken for a record number, in digits."""


class Series(msgspec.Struct, frozen=True):
    """Keys that differ in one number only: from `start` to before `stop`, zero-padded to `digits` digits."""

    before: bytes
    after: bytes
    digits: int
    start: int
    stop: int

    def key(self, number: int) -> bytes:
        return self.before + b"%0*d" % (self.digits, number) + self.after

    def row(self, key: bytes) -> int | None:
        """Return the position of a key in the series, or None if it is not part of it."""
        number = key[len(self.before) : len(key) - len(self.after)]
        if not number.isdigit() or not self.start <= int(number) < self.stop or self.key(int(number)) != key:
            return None
        return int(number) - self.start

    def lines(self) -> bytes:
        """Return the keys as lines."""
        import numpy as np

        at = len(self.before) + self.digits - TAIL
        lines = np.empty((self.stop - self.start, at + TAIL + len(self.after) + 1), np.uint8)
        step = 10**TAIL
        for head in range(self.start // step, (self.stop - 1) // step + 1):
            start, stop = max(self.start, head * step), min(self.stop, (head + 1) * step)
            rows = lines[start - self.start : stop - self.start]
            rows[:] = np.frombuffer(self.key(head * step) + b"\n", np.uint8)
            rows[:, at : at + TAIL] = _tails()[start - head * step : stop - head * step]
        return lines.tobytes()[:-1]


def series_of(keys: Sequence[bytes]) -> Series | None:
    """Return the series that the keys form in this order, or None if there is none or the check would take too long."""
    if len(keys) < FEWEST or len(keys[0]) != len(keys[-1]):
        return None
    first, last = keys[0], keys[-1]
    differing = int.from_bytes(first, "big") ^ int.from_bytes(last, "big")
    start = stop = len(first) - (differing.bit_length() + 7) // 8
    while start and first[start - 1 : start].isdigit():
        start -= 1
    while first[stop : stop + 1].isdigit():
        stop += 1
    numbers = first[start:stop], last[start:stop]
    if not TAIL <= stop - start <= DIGITS or not numbers[1].isdigit() or first[stop:] != last[stop:]:
        return None
    if b"\n" in first:  # keys that are split at other places would give the same text
        return None
    if int(numbers[1]) - int(numbers[0]) != len(keys) - 1:
        return None
    series = Series(first[:start], first[stop:], stop - start, int(numbers[0]), int(numbers[1]) + 1)
    return series if b"\n".join(keys) == series.lines() else None


@cache
def _tails() -> NDArray[Any]:
    """Return the last digits of numbers, as uint8 of shape (1000, 3)."""
    import numpy as np

    return np.frombuffer(b"".join(b"%0*d" % (TAIL, it) for it in range(10**TAIL)), np.uint8).reshape(-1, TAIL)
