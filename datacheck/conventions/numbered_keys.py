"""Keys that carry a number: what they are made of, learned from a sample, and the numbers of many of them at once."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from datacheck.model.escaping import escape
from datacheck.model.key_series import DIGITS, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 16
"""A number in a key that takes at most so many values is a part of the name, where another takes more."""
RULE, ALIKE = 16, 0.9
"""With this many numbers, this share must be written with one minimal number of digits; the others are slips."""
MANY_SHAPES = 1000
"""Of more shapes than this the keys are digests, nearly each with one of its own: those of few keys are no matter."""
WIDTHS = (4, 8)
"""Bytes of a packed number."""
LETTERS = 0x20
"""The first byte that may be a letter; packed numbers have none that is the highest."""
_NUMBER = re.compile(rb"[0-9]+")


@dataclass(frozen=True, order=True)
class Pattern:
    """Keys that are the same but for one number, written with at least `width` digits: zeros in front make it so long.

    >>> Pattern(b"image-", b"", 9).key(41)
    b'image-000000041'
    """

    before: bytes
    after: bytes = b""
    width: int = 1

    def __str__(self) -> str:
        return f"{escape(self.before)}#{escape(self.after)}"

    def key(self, number: int) -> bytes:
        return self.before + str(number).zfill(self.width).encode() + self.after

    def number(self, key: bytes) -> int | None:
        """Return the number of a key, None where it is not one of these."""
        if not (key.startswith(self.before) and key.endswith(self.after)):
            return None
        digits = key[len(self.before) : len(key) - len(self.after)]
        return int(digits) if self._is_number(digits) else None

    def consecutive(self, series: Series | None) -> tuple[int, int] | None:
        """Return the first number and the one behind the last, where keys that are a series are these."""
        if series is None or (series.before, series.after) != (self.before, self.after):
            return None
        if series.digits > self.width and series.start < 10 ** (series.digits - 1):
            return None
        return (series.start, series.stop) if self.width <= series.digits <= DIGITS else None

    def _is_number(self, digits: bytes) -> bool:
        if not digits.isdigit() or not self.width <= len(digits) <= DIGITS:
            return False
        return len(digits) == self.width or digits[:1] != b"0"

    def numbers(self, table: KeyTable) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the rows of the keys that are these, and their numbers: two int64 arrays of one length."""
        import numpy as np

        rows, numbers = [], []
        for length, (at, keys) in table.by_length.items():
            count = length - len(self.before) - len(self.after)
            if not self.width <= count <= DIGITS:
                continue
            digits = keys[:, len(self.before) : len(self.before) + count] - ord("0")
            are_digits = digits < 10
            fits = np.ones(len(digits), bool) if are_digits.all() else are_digits.all(axis=1)
            for begin, text in ((0, self.before), (length - len(self.after), self.after)):
                if text:
                    fits &= (keys[:, begin : begin + len(text)] == np.frombuffer(text, np.uint8)).all(axis=1)
            if count > self.width:
                fits &= digits[:, 0] != 0
            some = np.flatnonzero(fits)
            if not len(some):
                continue
            chosen = digits if len(some) == len(digits) else digits[some]
            values = np.zeros(len(chosen), np.int64)
            for column in chosen.T:
                values *= 10
                values += column
            rows.append(at[some])
            numbers.append(values)
        if not rows:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(rows), np.concatenate(numbers)


@dataclass(frozen=True, order=True)
class Packed(Pattern):
    """Keys that are a number of `width` bytes and nothing else, the high ones first unless they are `little`-endian.

    The highest byte is no letter, as the first one or the last one of names is that have as many bytes.

    >>> Packed(width=4).key(65), Packed(width=4, little=True).key(65)
    (b'\\x00\\x00\\x00A', b'A\\x00\\x00\\x00')
    """

    before: bytes = b""
    little: bool = False

    def __str__(self) -> str:
        return f"keys of {self.width} bytes"

    @property
    def _order(self) -> Literal["little", "big"]:
        return "little" if self.little else "big"

    def key(self, number: int) -> bytes:
        return number.to_bytes(self.width, self._order)

    def consecutive(self, series: Series | None) -> tuple[int, int] | None:
        return None

    def number(self, key: bytes) -> int | None:
        if len(key) != self.width or key[-1 if self.little else 0] >= LETTERS:
            return None
        return int.from_bytes(key, self._order)

    def numbers(self, table: KeyTable) -> tuple[NDArray[Any], NDArray[Any]]:
        import numpy as np

        if self.width not in table.by_length:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        rows, keys = table.by_length[self.width]
        columns = keys.T[::-1] if self.little else keys.T
        fits = columns[0] < LETTERS
        values = np.zeros(len(keys), np.int64)
        for column in columns:
            values <<= 8
            values += column
        return (rows, values) if fits.all() else (rows[fits], values[fits])


def packed(keys: Collection[bytes]) -> dict[Pattern, int]:
    """Return the pattern of keys that nearly all are packed numbers, and how many are; nothing if they are not."""
    few = max(RULE, ALIKE * len(keys))
    for width in WIDTHS:
        numbers: dict[Pattern, list[int]] = {}
        for pattern in (Packed(width=width, little=little) for little in (False, True)):
            its = [number for key in keys if (number := pattern.number(key)) is not None]
            if len(its) >= few:
                numbers[pattern] = its
        if numbers:
            best = min(numbers, key=lambda it: (-len(numbers[it]), max(numbers[it])))
            return {best: len(numbers[best])}
    return {}


class KeyTable:
    """The keys of a block as arrays: those of one length together."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    @cached_property
    def by_length(self) -> dict[int, tuple[NDArray[Any], NDArray[Any]]]:
        """By length: the rows of these keys (int64), and the keys as uint8 of shape (rows, length)."""
        import numpy as np

        lengths = list(map(len, self._keys))
        if len(set(lengths)) == 1:
            keys = np.frombuffer(b"".join(self._keys), np.uint8).reshape(len(lengths), lengths[0])
            return {lengths[0]: (np.arange(len(lengths)), keys)}
        made = {}
        joined = np.frombuffer(b"".join(self._keys), np.uint8)
        sizes = np.fromiter(lengths, np.int64, len(lengths))
        starts = np.cumsum(sizes) - sizes
        for length in sorted(set(lengths)):
            rows = np.flatnonzero(sizes == length)
            pieces = np.lib.stride_tricks.as_strided(joined, (len(joined) - length + 1, length), (1, 1))
            made[length] = (rows, pieces[starts[rows]])
        return made


def patterns(keys: Iterable[bytes]) -> dict[Pattern, int]:
    """Return the patterns of a sample of keys, those of most keys first, and how many keys each has.

    Of several numbers in a key the one that takes most values is the number, if the others take few: 32-00041 and
    64-00041 are two patterns. Keys in which two numbers take many values have none, as those that have no number.
    """
    keys = list(keys)
    if found := packed(keys):
        return found
    shapes: dict[tuple[bytes, ...], list[bytes]] = defaultdict(list)
    for key in keys:
        shapes[tuple(_NUMBER.split(key))].append(key)
    least = 1 if len(shapes) <= MANY_SHAPES else 4
    for alike in shapes.values():
        if len(alike) >= least:
            found.update(_of_one_shape(alike))
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0].before, item[0].after)))


def _of_one_shape(keys: Sequence[bytes]) -> Iterator[tuple[Pattern, int]]:
    """Yield the patterns of keys that differ in their numbers only."""
    split = [list(_NUMBER.finditer(key)) for key in keys]
    places = len(split[0])
    values = [Counter(matches[place][0] for matches in split) for place in range(places)]
    if not places:
        return
    most = max(range(places), key=lambda place: (len(values[place]), place))
    if any(len(values[place]) > FEW for place in range(places) if place != most):
        return
    if any(len(values[place]) * 2 > len(values[most]) for place in range(places) if place != most and len(keys) > 2):
        return
    parts: dict[tuple[bytes, bytes], set[bytes]] = defaultdict(set)
    for key, matches in zip(keys, split, strict=True):
        number = matches[most]
        parts[key[: number.start()], key[number.end() :]].add(number[0])
    for (before, after), numbers in parts.items():
        fitting = _width(numbers)
        if fitting is not None:
            yield Pattern(before, after, fitting[0]), fitting[1]


def _width(numbers: Collection[bytes]) -> tuple[int, int] | None:
    """Return the least number of digits, and how many numbers are written with it; None if these are few.

    A few may be written otherwise: a 12 among five digits each is a slip, and no loader finds it.
    """
    lengths = Counter(len(number) for number in numbers)
    padded = Counter(len(number) for number in numbers if number[:1] == b"0" and len(number) > 1)
    if max(lengths) > DIGITS:
        return None
    every = len(numbers)

    def fitting(width: int) -> int:
        return lengths[width] + sum(count - padded[length] for length, count in lengths.items() if length > width)

    count, width = max((fitting(width), width) for width in padded or (1,))
    plain = every - sum(padded.values())
    if plain > count:
        count, width = plain, 1
    return (width, count) if count == every or (every >= RULE and count >= ALIKE * every) else None
