"""Assign keys to families. A family is a key with its numbers folded, except numbers that take few values.

Numbers with few values are part of the family's name. Which ones those are is decided once, from the keys of a sample
(`named_alike`). From then on the names of the known families encode the decision: in "32-#" the first number is kept,
in "#-#" none is.

Random keys, such as digests, form no families that way. If they end or begin like the names of several parts, as in
9f86d081.img and 9f86d081.lab, each part is a family: "*.img" and "*.lab" (`named_by_parts`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache

from datacheck.model.escaping import escape, unescape

FEW = 16
"""A number that takes more than this many different values is folded."""
LEAST = 8
"""Smallest number of keys in a family that only a number distinguishes from similar ones."""
SEPARATORS = b"/.:_-"
"""Possible separators in a key between what names the sample and the name of a part."""
LONGEST = 24
"""Maximum length of the name of a part, with its separator."""
OF_PARTS = 0.9
"""Minimum share of the random keys that must have the name of a part, and of keys with one that add it to others."""
MOST_PARTS = 16
SIZE_DIGITS = 4
"""Maximum number of digits of a picture's size."""
_ANY = b"*"
_SEPARATORS = frozenset(bytes([it]) for it in SEPARATORS)
_DIGITS = re.compile(rb"[0-9]+")
_SIZE = re.compile(r"([1-9][0-9]{0,4})[-_/][#*]")
_TOKENS = re.compile(rb"[0-9]+|#|[^0-9#]+")


def fold(key: bytes) -> str:
    """Return the family of a key: its runs of digits folded to "#", the rest escaped.

    >>> fold(b"00000041_cat/img-7.jpg")
    '#_cat/img-#.jpg'
    """
    return escape(_DIGITS.sub(b"#", key))


def size_in_name(family: str) -> int | None:
    """Return the picture size that a family is named after, or None if its name is not a size.

    >>> size_in_name("64-#"), size_in_name("64-*"), size_in_name("image-#")
    (64, 64, None)
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


def _ending(key: bytes, separator: bytes) -> bytes:
    """Return the name of a part at the end of a key, with the separator before it, or nothing if there is none."""
    stem, _, name = key.rpartition(separator)
    return separator + name if stem and name and not name.isdigit() and len(name) < LONGEST else b""


def _beginning(key: bytes, separator: bytes) -> bytes:
    """Return the name of a part at the beginning of a key, with the separator behind it, or nothing."""
    name, _, stem = key.partition(separator)
    is_name = may_be_part(name) and not stem.isdigit()
    return name + separator if stem and name and is_name and len(name) < LONGEST else b""


def may_be_part(name: bytes) -> bool:
    """Return whether a text before a random key may be the name of a part: any other than a number, or a size.

    >>> may_be_part(b"img"), may_be_part(b"64"), may_be_part(b"3"), may_be_part(b"0064")
    (True, True, False, False)
    """
    return not name.isdigit() or (1 < len(name) <= SIZE_DIGITS and name[:1] != b"0")


_WAYS: tuple[tuple[Callable[[bytes, bytes], bytes], bool], ...] = ((_ending, True), (_beginning, False))
"""How the name of a part is found in a key, and whether it is its end."""


def named_by_parts(keys: Sequence[bytes]) -> list[str | None]:
    """Return the family of each of some random keys by the name of its part, or None for a key without one.

    >>> keys = [b"%x%s" % (4096 * 11**at, part) for at in range(9) for part in (b".img", b".lab")]
    >>> sorted(set(named_by_parts(keys)))
    ['*.img', '*.lab']
    """
    for code in SEPARATORS:
        for part_of, at_end in _WAYS:
            parts = [part_of(key, bytes([code])) for key in keys]
            counts = Counter(parts)
            usual = {it for it, count in counts.items() if it and count >= max(LEAST, (1 - OF_PARTS) * len(keys))}
            if usual and len(usual) <= MOST_PARTS and _are_parts(keys, parts, usual, at_end=at_end):
                names = {it: escape(_ANY + it if at_end else it + _ANY) for it in usual}
                return [names.get(it) for it in parts]
    return [None] * len(keys)


def is_of_part(family: str) -> bool:
    """Return whether a family is named after a part of samples under random keys.

    >>> is_of_part("*.img"), is_of_part("img/*"), is_of_part("img-#")
    (True, True, False)
    """
    raw = unescape(family)
    return is_at_end(raw) or (raw[-1:] == _ANY and raw[-2:-1] in _SEPARATORS)


def is_at_end(name: bytes) -> bool:
    """Return whether the unescaped name of such a family has the part at the end of keys, as in *.img."""
    return name[:1] == _ANY and name[1:2] in _SEPARATORS


def _are_parts(keys: Sequence[bytes], parts: Sequence[bytes], usual: Collection[bytes], *, at_end: bool) -> bool:
    """Check whether nearly all keys have one of several usual parts, or the usual one is added to other keys."""
    with_part = [(key, it) for key, it in zip(keys, parts, strict=True) if it in usual]
    if len(usual) > 1 and len(with_part) >= OF_PARTS * len(keys):
        return True
    every = frozenset(keys)
    beside = sum((key[: -len(it)] if at_end else key[len(it) :]) in every for key, it in with_part)
    return beside >= max(LEAST, OF_PARTS * len(with_part))


class KnownFamilies:
    """A lookup of the known families that keys belong to."""

    def __init__(self, known: Collection[str]) -> None:
        self._endings: dict[bytes, str] = {}
        self._beginnings: dict[bytes, str] = {}
        self._plain: dict[bytes, str] = {}
        self._patterns: dict[bytes, tuple[re.Pattern[bytes], dict[tuple[bytes, ...], str]]] = {}
        for name in known:
            raw = unescape(name)
            if is_of_part(name):
                of_part = self._endings if is_at_end(raw) else self._beginnings
                of_part[raw[1:] if is_at_end(raw) else raw[:-1]] = name
                continue
            kept = tuple(_DIGITS.findall(raw))
            if not kept:
                self._plain[raw] = name
                continue
            pattern = b"".join(map(_token_pattern, _TOKENS.findall(raw)))
            _, by_numbers = self._patterns.setdefault(_DIGITS.sub(b"#", raw), (re.compile(pattern, re.DOTALL), {}))
            by_numbers[kept] = name

    def of(self, keys: Sequence[bytes]) -> list[str | None]:
        """Return the family of each key, or None for a key of no known family."""
        if not self._plain and not self._patterns and not self._endings and not self._beginnings:
            return [None] * len(keys)
        folded = _fold_all(keys)
        found = list(map(self._plain.get, folded))
        if self._patterns:
            for place, folded_key in enumerate(folded):
                if folded_key in self._patterns:
                    found[place] = self._by_numbers(keys[place], *self._patterns[folded_key]) or found[place]
        if self._endings or self._beginnings:
            found = [self._by_part(key) if it is None else it for key, it in zip(keys, found, strict=True)]
        return found

    def needs_numbers(self, key: bytes) -> bool:
        """Check whether keys that equal this one when folded may belong to several families."""
        return _DIGITS.sub(b"#", key) in self._patterns

    def _by_part(self, key: bytes) -> str | None:
        """Return the family of a random key by the name of its part, or None if it has none of these."""
        by_end = (it for ending, it in self._endings.items() if key.endswith(ending) and len(key) > len(ending))
        by_begin = (it for start, it in self._beginnings.items() if key.startswith(start) and len(key) > len(start))
        return next(by_end, None) or next(by_begin, None)

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
