"""Recognise the parts of samples at the ends or beginnings of sampled keys: .jpg and .txt, or _mask.png beside .png."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping

from datacheck.conventions.keys.groups import ENOUGH, OPTIONAL, words
from datacheck.conventions.keys.stems import IN_SAMPLE, MOST, BehindNames, Stems, is_role
from datacheck.lazy_re import compiled_later
from datacheck.model.escaping import escape
from datacheck.model.key_families import LONGEST, SEPARATORS, may_be_part
from datacheck.model.sample_sets import PARTED, SETS

USUAL = 0.05
"""Minimum share of the sampled keys with an ending that is taken for the name of a part, among several separators."""
DEEPEST = 3
"""Maximum number of separators in the name of a part."""
_SEPARATOR = compiled_later(b"[" + re.escape(SEPARATORS) + b"]")

Parted = tuple[bytes, bytes]
"""The stem of a key and the name of its part, separator included."""


def stems_in(keys: Collection[bytes]) -> Stems | None:
    """Return the endings of nearly all sampled keys if nearly all stems have all of these endings, or None."""

    def parted(key: bytes, separator: bytes) -> Parted | None:
        stem, found_one, name = key.rpartition(separator)
        return (stem, separator + name) if found_one and stem and not name.isdigit() else None

    endings = _parts_of(keys, parted)
    return None if endings is None else Stems(endings)


def behind_names_in(keys: Collection[bytes]) -> BehindNames | None:
    """Return the beginnings of nearly all sampled keys if nearly all stems have all of these beginnings, or None."""

    def parted(key: bytes, separator: bytes) -> Parted | None:
        name, found_one, stem = key.partition(separator)
        is_part = bool(name) and may_be_part(name) and not stem.isdigit()
        return (stem, name + separator) if found_one and stem and is_part else None

    beginnings = _parts_of(keys, parted)
    return None if beginnings is None else BehindNames(beginnings)


def _parts_of(keys: Collection[bytes], parted: Callable[[bytes, bytes], Parted | None]) -> tuple[bytes, ...] | None:
    """Return the names of parts that nearly all stems have, for the first separator with such names, or None.

    Nearly all keys have to be of these parts.
    """
    for code in SEPARATORS:
        stems: dict[bytes, set[bytes]] = defaultdict(set)
        for key in keys:
            split = parted(key, bytes([code]))
            if split is not None:
                stems[split[0]].add(split[1])
        parts = _usual_parts(stems)
        if parts and sum(len(it.intersection(parts)) for it in stems.values()) >= IN_SAMPLE * len(keys):
            return parts
    return None


def mixed_stems_in(keys: Collection[bytes], *, counted: bool) -> Stems | None:
    """Return the endings of nearly all sampled keys, with those that only some samples have, or None.

    They need not have one separator: X.png, X_mask.png and X.mask.txt, or X and X_mask, may be of one sample. Samples
    that are `counted` may have one part in common: not every picture has a mask.
    """
    endings = {key: _endings(key) for key in keys}
    counts = Counter(it for of_key in endings.values() for it in of_key)
    usual = {it for it, count in counts.items() if count >= max(ENOUGH // 4, USUAL * len(keys))}
    if not usual:
        return None
    stems: dict[bytes, set[bytes]] = defaultdict(set)
    for key, of_key in endings.items():
        ending = next((it for it in of_key if it in usual), b"")
        stems[key[: len(key) - len(ending)]].add(ending)
    samples = {stem: names for stem, names in stems.items() if names != {b""}}
    parts = _usual_parts(samples)
    if parts and sum(map(len, samples.values())) >= IN_SAMPLE * len(keys):
        return Stems(parts, _others(samples, parts))
    part = _usual_parts(stems, fewest=1) if counted else None
    some = () if part is None or len(part) > 1 else _others(stems, part)
    return Stems(part, some) if part and some and all(map(is_role, some)) else None


def few_stems_in(keys: Collection[bytes], counts: Collection[int]) -> Stems | None:
    """Return the endings of the keys of fewer samples than show a rule, or None if these are not as many as counted.

    All samples must have the same parts, apart from those that a sample need not have.
    """
    if len(keys) > MOST * ENOUGH or not any(1 < it < min(ENOUGH, len(keys)) for it in counts):
        return None
    endings = {key: _endings(key) for key in keys}
    usual = Counter(it for of_key in endings.values() for it in of_key)
    stems: dict[bytes, set[bytes]] = defaultdict(set)
    for key, of_key in endings.items():
        ending = next((it for it in of_key if usual[it] > 1 or _is_optional(it)), b"")
        stems[key[: len(key) - len(ending)]].add(ending)
    parts = tuple(sorted(set.intersection(*stems.values()))) if len(stems) in counts else ()
    some = _others(stems, parts)
    return Stems(parts, some, few=True) if parts and all(map(_is_optional, some)) else None


def _is_optional(ending: bytes) -> bool:
    """Return whether an ending is the name of a part that a sample need not have."""
    return not OPTIONAL.isdisjoint(words(escape(ending)))


def _others(stems: Mapping[bytes, set[bytes]], parts: Collection[bytes]) -> tuple[bytes, ...]:
    """Return the endings of some samples that are none of the usual parts."""
    every: set[bytes] = set().union(*stems.values())
    return tuple(sorted(every.difference(parts, [b""])))


def _endings(key: bytes) -> list[bytes]:
    """Return the ends of a key that may be the name of a part, with the separator before it, the longest first.

    >>> _endings(b"a_001.mask.png")
    [b'.mask.png', b'.png']
    """
    places = [it.start() for it in _SEPARATOR.finditer(key, 1, len(key) - 1)][-DEEPEST:]
    return [key[at:] for at in places if len(key) - at <= LONGEST and not key[at + 1 : at + 2].isdigit()]


def _usual_parts(stems: Mapping[bytes, set[bytes]], fewest: int = 2) -> tuple[bytes, ...] | None:
    """Return the names of the parts that nearly all stems have, or None if they are too few or sets of samples."""
    names = Counter(it for of_stem in stems.values() for it in of_stem)
    parts = tuple(sorted(it for it, count in names.items() if count >= IN_SAMPLE * len(stems)))
    if not fewest <= len(parts) <= MOST or any(not SETS.isdisjoint(PARTED.split(it.lower())) for it in parts):
        return None
    whole = sum(of_stem.issuperset(parts) for of_stem in stems.values())
    return parts if whole >= max(ENOUGH, IN_SAMPLE * len(stems)) else None
