"""Find the keys that no probe shows: many small records lie in few pages, and probes are spread over the pages.

Beside pictures of a thousand bytes, their texts may all lie between two probes. But where keys are in order, one look
behind all keys that begin like the last one shows which ones begin otherwise. Keys that begin alike up to their first
number, as v1_image_007 and v1_text_007, may differ behind it: some of these beginnings are looked behind as well.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress

from datacheck.backends.interface import Reader, Sorted
from datacheck.model.blocks import Block, Position, Shard
from datacheck.scanning.blame import Blamed
from datacheck.scanning.keys_read import for_keys

HOPS = 16
"""So many beginnings of keys are looked for,"""
ALONE = 6
"""and of these so many that only one key has, as the names of counts and lists are; more, and each key is a name."""
DEEP, ALIKE = 8, 3
"""How many prefixes with a number in them are looked behind, and how many that differ only in the number."""
KEYS = 128
"""So many keys of each are taken: a fair share of all that are looked at."""
LONGEST = 256
"""Longer beginnings are no names of parts."""
BEHIND = b":"
"""The byte behind all digits."""
_NUMBER = re.compile(rb"[0-9]+")
_BEHIND_ONE = re.compile(rb"[^0-9]*[0-9]+[^0-9]*[-_/.: ][^0-9]*(?=[0-9])", re.DOTALL)
_BEGINNING = re.compile(rb"([^0-9]*)([0-9]?)", re.DOTALL)


def further_keys(reader: Reader, part: str) -> frozenset[bytes]:
    """Return some keys of each beginning, up to the first digit, that the keys of a database have."""
    if not isinstance(reader, Sorted) or not reader.in_byte_order(part):
        return frozenset()
    made: set[bytes] = set()
    start = b""
    alone = hops = 0
    deep: Counter[bytes] = Counter()
    while hops < HOPS:
        keys = _keys(reader, Shard(part, Position(start) if start else None))
        if not keys or keys[0] < start:
            break
        made.update(keys)
        further = _BEHIND_ONE.match(keys[0])
        name = b"" if further is None else _NUMBER.sub(b"#", further[0])
        if further is not None and deep[name] < ALIKE and deep.total() < DEEP and len(further[0]) <= LONGEST:
            deep[name] += 1
            start = further[0] + BEHIND
            continue
        hops += 1
        beginning, digit = _begins(keys[0])
        alone += not digit or len(keys) < 2 or _begins(keys[1])[0] != beginning
        if alone > ALONE or len(beginning) > LONGEST:
            break
        start = beginning + BEHIND if digit else keys[0] + b"\0"
    return frozenset(made)


def _begins(key: bytes) -> tuple[bytes, bytes]:
    match = _BEGINNING.match(key)
    assert match is not None
    return match[1], match[2]


def _keys(reader: Reader, shard: Shard) -> list[bytes]:
    """Return the first keys of a shard, none where they cannot be read: the scan says why."""
    keys: list[bytes] = []
    with suppress(Blamed):
        for block in for_keys(reader, shard, KEYS):
            if not isinstance(block, Block):
                break
            keys += block.keys[: KEYS - len(keys)]
            if len(keys) >= KEYS:
                break
    return keys
