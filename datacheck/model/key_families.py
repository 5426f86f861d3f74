"""Assign keys to families. A family is a key with its numbers folded, except numbers that take few values.

Numbers with few values are part of the family's name. Which ones those are is decided once, from the keys of a sample
(`named_alike`). From then on the names of the known families encode the decision: in "32-#" the first number is kept,
in "#-#" none is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache

from datacheck.model.escaping import escape, unescape

FEW = 16
"""A number that takes more than this many different values is folded."""
LEAST = 8
"""Smallest number of keys in a family that only a number distinguishes from similar ones."""
_DIGITS = re.compile(rb"[0-9]+")
_SIZE = re.compile(r"([1-9][0-9]{0,4})[-_/]#")
_TOKENS = re.compile(rb"[0-9]+|#|[^0-9#]+")


def fold(key: bytes) -> str:
    """Return the family of a key: its runs of digits folded to "#", the rest escaped.

    >>> fold(b"00000041_cat/img-7.jpg")
    '#_cat/img-#.jpg'
    """
    return escape(_DIGITS.sub(b"#", key))


def size_in_name(family: str) -> int | None:
    """Return the picture size that a family is named after, or None if its name is not a size.

    >>> size_in_name("64-#"), size_in_name("image-#")
    (64, None)
    """
    match = _SIZE.fullmatch(family)
    return int(match[1]) if match else None


def named_alike(keys: Sequence[bytes]) -> list[str]:
    """Return the family of each of some keys that are equal when folded.

    >>> sorted(set(named_alike([b"%d-%05d" % (size, number) for size in (32, 64) for number in range(20)])))
    ['32-#', '64-#']
    """
    numbers = [_DIGITS.findall(key) for key in keys]
    kept: list[int] = []
    ambiguous = any(b"#" in key for key in keys)  # a "#" in a key looks like a folded number of another key
    columns = [] if ambiguous else [set(column) for column in zip(*numbers, strict=True)]
    for at in sorted(range(len(columns)), key=lambda at: len(columns[at])):
        if 1 < len(columns[at]) <= len(keys) // LEAST and _is_distinguishing(numbers, [*kept, at]):
            kept.append(at)
    return [_family_name(key, kept) for key in keys] if kept else [fold(keys[0])] * len(keys)


def _is_distinguishing(numbers: Sequence[Sequence[bytes]], places: Sequence[int]) -> bool:
    """Check whether the numbers at these places divide nearly all keys into a few families that are large enough."""
    groups = Counter(tuple(of_key[at] for at in places) for of_key in numbers)
    large = [count for count in groups.values() if count >= LEAST]
    return 1 < len(large) <= FEW and 10 * sum(large) >= 9 * len(numbers)


def _family_name(key: bytes, kept: Collection[int]) -> str:
    tokens = _TOKENS.findall(key)
    places = iter(range(len(tokens)))
    return escape(b"".join(b"#" if it[:1].isdigit() and next(places) not in kept else it for it in tokens))


class KnownFamilies:
    """A lookup of the known families that keys belong to."""

    def __init__(self, known: Collection[str]) -> None:
        self._plain: dict[bytes, str] = {}
        self._patterns: dict[bytes, tuple[re.Pattern[bytes], dict[tuple[bytes, ...], str]]] = {}
        for name in known:
            raw = unescape(name)
            kept = tuple(_DIGITS.findall(raw))
            if not kept:
                self._plain[raw] = name
                continue
            pattern = b"".join(map(_token_pattern, _TOKENS.findall(raw)))
            _, by_numbers = self._patterns.setdefault(_DIGITS.sub(b"#", raw), (re.compile(pattern, re.DOTALL), {}))
            by_numbers[kept] = name

    def of(self, keys: Sequence[bytes]) -> list[str | None]:
        """Return the family of each key, or None for a key of no known family."""
        if not self._plain and not self._patterns:
            return [None] * len(keys)
        folded = _fold_all(keys)
        found = list(map(self._plain.get, folded))
        if self._patterns:
            for place, folded_key in enumerate(folded):
                if folded_key in self._patterns:
                    found[place] = self._by_numbers(keys[place], *self._patterns[folded_key]) or found[place]
        return found

    def needs_numbers(self, key: bytes) -> bool:
        """Check whether keys that equal this one when folded may belong to several families."""
        return _DIGITS.sub(b"#", key) in self._patterns

    @staticmethod
    def _by_numbers(key: bytes, pattern: re.Pattern[bytes], names: dict[tuple[bytes, ...], str]) -> str | None:
        match = pattern.fullmatch(key)
        return None if match is None else names.get(match.groups())


@lru_cache(maxsize=64)
def known_families(known: frozenset[str]) -> KnownFamilies:
    """Return the finder of these families, cached: it is the same for block after block of a store."""
    return KnownFamilies(known)


def _token_pattern(token: bytes) -> bytes:
    """Return the regular expression of one token of a family's name: a kept number, a folded number, or other text."""
    return rb"([0-9]+)" if token[:1].isdigit() else rb"[0-9]+" if token == b"#" else re.escape(token)


def _fold_all(keys: Sequence[bytes]) -> list[bytes]:
    """Return keys with their runs of digits folded: all at once, about ten times as fast as one by one."""
    import numpy as np  # imported here because the parent has no keys to fold and starts without NumPy

    joined = b"\n".join(keys)
    if joined.count(b"\n") >= len(keys):
        return [_DIGITS.sub(b"#", key) for key in keys]
    raw = np.frombuffer(joined, np.uint8)
    digit = (raw - ord("0")) < 10
    kept = np.ones(len(raw), bool)
    np.logical_and(digit[1:], digit[:-1], out=kept[1:])
    np.logical_not(kept[1:], out=kept[1:])
    return np.where(digit, np.uint8(ord("#")), raw)[kept].tobytes().split(b"\n")
