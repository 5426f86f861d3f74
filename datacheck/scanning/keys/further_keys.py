"""Find kinds of keys that no probe shows.

Probes are spread over the pages, and many small records lie in few pages: the texts beside pictures of a thousand bytes
may all lie between two probes. But if keys are in order, seeking behind all keys with the prefix of the last one shows
which other prefixes there are. Keys that agree up to their first number, such as v1_image_007 and v1_text_007, may
differ after it, so that some of these longer prefixes are skipped over as well.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress

from datacheck.backends.interface import Reader, Sorted
from datacheck.model.blocks import Block, Position, Shard
from datacheck.scanning.blame import Blamed
from datacheck.scanning.keys.keys_read import for_keys

HOPS = 16
"""Maximum number of prefixes that are looked for."""
ALONE = 6
"""Maximum number of prefixes that only one key has, such as the names of counts and lists.

If there are more, every key is a name of its own.
"""
DEEP, ALIKE = 8, 3
"""Maximum number of prefixes with a number in them that are skipped over, and of those alike but for the number."""
KEYS = 128
"""Number of keys taken of each prefix, a fair share of all keys that are read."""
LONGEST = 256
"""Longest prefix, in bytes, that is taken for the name of a part."""
BEHIND = b":"
"""The byte that follows all digits."""
_NUMBER = re.compile(rb"[0-9]+")
_BEHIND_ONE = re.compile(rb"[^0-9]*[0-9]+[^0-9]*[-_/.: ][^0-9]*(?=[0-9])", re.DOTALL)
_BEGINNING = re.compile(rb"([^0-9]*)([0-9]?)", re.DOTALL)


def further_keys(reader: Reader, part: str) -> frozenset[bytes]:
    """Return some keys for each prefix, up to the first digit, that the keys of a database have."""
    if not isinstance(reader, Sorted) or not reader.in_byte_order(part):
        return frozenset()
    result: set[bytes] = set()
    start = b""
    alone = hops = 0
    deep: Counter[bytes] = Counter()
    while hops < HOPS:
        keys = _keys(reader, Shard(part, Position(start) if start else None))
        if not keys or keys[0] < start:
            break
        result.update(keys)
        further = _BEHIND_ONE.match(keys[0])
        name = b"" if further is None else _NUMBER.sub(b"#", further[0])
        if further is not None and deep[name] < ALIKE and deep.total() < DEEP and len(further[0]) <= LONGEST:
            deep[name] += 1
            start = further[0] + BEHIND
            continue
        hops += 1
        beginning, digit = _split_beginning(keys[0])
        alone += not digit or len(keys) < 2 or _split_beginning(keys[1])[0] != beginning
        if alone > ALONE or len(beginning) > LONGEST:
            break
        start = beginning + BEHIND if digit else keys[0] + b"\0"
    return frozenset(result)


def _split_beginning(key: bytes) -> tuple[bytes, bytes]:
    match = _BEGINNING.match(key)
    assert match is not None
    return match[1], match[2]


def _keys(reader: Reader, shard: Shard) -> list[bytes]:
    """Return the first keys of a shard, or none if they cannot be read, which the scan reports."""
    keys: list[bytes] = []
    with suppress(Blamed):
        for block in for_keys(reader, shard, KEYS):
            if not isinstance(block, Block):
                break
            keys += block.keys[: KEYS - len(keys)]
            if len(keys) >= KEYS:
                break
    return keys
