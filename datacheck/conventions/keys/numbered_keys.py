"""Keys that contain a number: learn their patterns from a sample, and extract the numbers of many keys at once."""

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
"""Maximum number of values of a number in a key that is part of the name, if another number takes more values."""
RULE, ALIKE = 16, 0.9
"""From RULE numbers on, the share ALIKE must have one minimum number of digits; the others are slips."""
MANY_SHAPES = 1000
"""Keys of more shapes than this are digests, most with a shape of their own: shapes of few keys are then ignored."""
WIDTHS = (4, 8)
"""Possible sizes of a packed number, in bytes."""
LETTERS = 0x20
"""The first byte that may be a character of text; the highest byte of a packed number must be below it."""
_NUMBER = re.compile(rb"[0-9]+")


@dataclass(frozen=True, order=True)
class Pattern:
    """Keys that differ only in one number, which is zero-padded to at least `width` digits.

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
        """Return the number of a key, or None if the key does not match."""
        if not (key.startswith(self.before) and key.endswith(self.after)):
            return None
        digits = key[len(self.before) : len(key) - len(self.after)]
        return int(digits) if self._is_number(digits) else None

    def consecutive(self, series: Series | None) -> tuple[int, int] | None:
        """Return the first number and the one after the last if all keys of a series match, or None."""
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
        """Return the rows and the numbers of the keys that match, as two int64 arrays of equal length."""
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
    """Keys that consist of a number of `width` bytes, big-endian unless `little`.

    The highest byte must not be text, unlike the first or last byte of a name with as many bytes.

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


def packed_pattern(keys: Collection[bytes]) -> dict[Pattern, int]:
    """Return the pattern of keys of which nearly all are packed numbers, with how many are; empty if there is none."""
    few = max(RULE, ALIKE * len(keys))
    for width in WIDTHS:
        numbers: dict[Pattern, list[int]] = {}
        for pattern in (Packed(width=width, little=little) for little in (False, True)):
            own_numbers = [number for key in keys if (number := pattern.number(key)) is not None]
            if len(own_numbers) >= few:
                numbers[pattern] = own_numbers
        if numbers:
            best = min(numbers, key=lambda it: (-len(numbers[it]), max(numbers[it])))
            return {best: len(numbers[best])}
    return {}


class KeyTable:
    """The keys of a block as arrays, grouped by their length."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    @cached_property
    def by_length(self) -> dict[int, tuple[NDArray[Any], NDArray[Any]]]:
        """The rows of the keys of each length (int64), and these keys as uint8 of shape (rows, length)."""
        import numpy as np

        lengths = list(map(len, self._keys))
        if len(set(lengths)) == 1:
            keys = np.frombuffer(b"".join(self._keys), np.uint8).reshape(len(lengths), lengths[0])
            return {lengths[0]: (np.arange(len(lengths)), keys)}
        result = {}
        joined = np.frombuffer(b"".join(self._keys), np.uint8)
        sizes = np.fromiter(lengths, np.int64, len(lengths))
        starts = np.cumsum(sizes) - sizes
        for length in sorted(set(lengths)):
            rows = np.flatnonzero(sizes == length)
            pieces = np.lib.stride_tricks.as_strided(joined, (len(joined) - length + 1, length), (1, 1))
            result[length] = (rows, pieces[starts[rows]])
        return result


def patterns(keys: Iterable[bytes]) -> dict[Pattern, int]:
    """Return the patterns in a sample of keys with how many keys each has, in descending order.

    If a key contains several numbers, the one with the most values is the number, provided that the others have few
    values: 32-00041 and 64-00041 have two patterns. Keys have no pattern if two numbers in them have many values, or if
    they contain no number.
    """
    keys = list(keys)
    if found := packed_pattern(keys):
        return found
    shapes: dict[tuple[bytes, ...], list[bytes]] = defaultdict(list)
    for key in keys:
        shapes[tuple(_NUMBER.split(key))].append(key)
    least = 1 if len(shapes) <= MANY_SHAPES else 4
    for alike in shapes.values():
        if len(alike) >= least:
            found.update(_patterns_of_shape(alike))
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0].before, item[0].after)))


def _patterns_of_shape(keys: Sequence[bytes]) -> Iterator[tuple[Pattern, int]]:
    """Yield the patterns of keys that differ only in their numbers, with how many numbers each has."""
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
    """Return the minimum number of digits and how many numbers are written with it, or None if too few are.

    A few numbers may be written differently: 12 among numbers of five digits is a slip that no loader finds.
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
