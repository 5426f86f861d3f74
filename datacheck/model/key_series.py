"""Keys that are one number after the other, as neighbouring keys mostly are: told once for a block, for all who ask.

The keys are spelled out from the first to the last and compared as one text, with a line's end behind each, which none
of them has: so no other keys make the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 64
"""Of fewer keys it costs more to tell that they are one number after the other than to read all of them."""
TAIL = 3
"""So many digits are written from a table; numbers of fewer digits take the long way."""
DIGITS = 18
"""Numbers of more digits are no numbers of records."""


@dataclass(frozen=True, slots=True)
class Series:
    """Keys that differ in one number alone, from `start` to before `stop`, each written with as many `digits`."""

    before: bytes
    after: bytes
    digits: int
    start: int
    stop: int

    def key(self, number: int) -> bytes:
        return self.before + b"%0*d" % (self.digits, number) + self.after

    def row(self, key: bytes) -> int | None:
        """Return which of the keys this one is, None where it is none of them."""
        number = key[len(self.before) : len(key) - len(self.after)]
        if not number.isdigit() or not self.start <= int(number) < self.stop or self.key(int(number)) != key:
            return None
        return int(number) - self.start

    def spelled(self) -> bytes:
        """Return the keys as lines."""
        import numpy as np

        at = len(self.before) + self.digits - TAIL
        lines = np.empty((self.stop - self.start, at + TAIL + len(self.after) + 1), np.uint8)
        step = 10**TAIL
        for head in range(self.start // step, (self.stop - 1) // step + 1):
            start, stop = max(self.start, head * step), min(self.stop, (head + 1) * step)
            some = lines[start - self.start : stop - self.start]
            some[:] = np.frombuffer(self.key(head * step) + b"\n", np.uint8)
            some[:, at : at + TAIL] = _tails()[start - head * step : stop - head * step]
        return lines.tobytes()[:-1]


def series_of(keys: Sequence[bytes]) -> Series | None:
    """Return the series that some keys are, in this order; None where they are none, or it takes long to tell."""
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
    if b"\n" in first:  # keys that are divided elsewhere would make the same text
        return None
    if int(numbers[1]) - int(numbers[0]) != len(keys) - 1:
        return None
    made = Series(first[:start], first[stop:], stop - start, int(numbers[0]), int(numbers[1]) + 1)
    return made if b"\n".join(keys) == made.spelled() else None


@cache
def _tails() -> NDArray[Any]:
    """Return the last digits of numbers, as uint8 of shape (1000, 3)."""
    import numpy as np

    return np.frombuffer(b"".join(b"%0*d" % (TAIL, it) for it in range(10**TAIL)), np.uint8).reshape(-1, TAIL)
