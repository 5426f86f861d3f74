"""Check the link index of an old-style group, a version 1 B-tree, for consistency.

The index has no checksum, and the library lists whatever the index points to: if a node declares fewer links than it
has, the rest of the group is missing without an error. Each key is stored twice, which allows the check. A node's first
and last keys are those beside the link to it. The key after the link to a list of names (a symbol table node) is the
last name of that list.

HDF5 File Format Specification 3.0, III.A.1 (version 1 B-trees), III.C (symbol table nodes).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

HEAD, LINK, ENTRY = 24, 16, 40
"""Sizes in bytes: a node before its first key, a key with the link after it, and an entry of a list of names."""
NOWHERE = (1 << 64) - 1
"""The undefined address."""
MOST_NODES = 1 << 20
"""Number of nodes at which the check stops."""
FANOUT, ENTRIES = 32, 8
"""Default maximum number of links in a node, and of names in a list; the superblock may declare others."""
Read = Callable[[int, int], bytes]
"""A function that reads bytes, given an address in the file and a size; it returns fewer at the end of the file."""


class Trouble(NamedTuple):
    """What is wrong with an index, and at which address. `lost` says whether links may be missing because of it."""

    at: int
    what: str
    lost: bool


class _Place(NamedTuple):
    at: int
    level: int
    first: int
    last: int


def group_trouble(read: Read, root: int, fanout: int = FANOUT) -> Trouble | None:
    """Return the first trouble that may lose links in the index at `root`, else the first of any kind, or None.

    Parts that cannot be read are skipped, since the library reports them.
    """
    worst: Trouble | None = None
    seen = {root}
    level: list[_Place | None] = [None]
    while level:
        below: list[_Place | None] = []
        for nth, place in enumerate(level):
            at = root if place is None else place.at
            head = read(at, HEAD + LINK * fanout + 8)
            if len(head) < HEAD or head[:5] != b"TREE\0":
                continue
            height, used, left, right = struct.unpack_from("<BHQQ", head, 5)
            if used > fanout:
                head = read(at, HEAD + LINK * used + 8)
            if len(head) < HEAD + LINK * used + 8:
                continue
            numbers = struct.unpack_from(f"<{2 * used + 1}Q", head, HEAD)
            keys, links = numbers[::2], numbers[1::2]
            trouble = _node_trouble(read, at, height, place, keys, links, head[HEAD + LINK * used :])
            sides = [NOWHERE if not 0 <= it < len(level) else level[it] for it in (nth - 1, nth + 1)]
            siblings = tuple(it if isinstance(it, int) else NOWHERE if it is None else it.at for it in sides)
            if trouble is None and (left, right) != siblings:
                after = siblings[1] == NOWHERE != right and read(right, 5) == b"TREE\0"
                trouble = Trouble(at, "it leads to other nodes beside it than there are", lost=after)
            if trouble is not None and (worst is None or trouble.lost > worst.lost):
                worst = trouble
            if height:
                new = [it for it in zip(links, keys, keys[1:], strict=False) if it[0] not in seen]
                seen.update(it[0] for it in new)
                below += (_Place(link, height - 1, first, last) for link, first, last in new)
        level = below if len(seen) < MOST_NODES else []
    return worst


def _node_trouble(
    read: Read, at: int, height: int, place: _Place | None, keys: tuple[int, ...], links: tuple[int, ...], rest: bytes
) -> Trouble | None:
    """Compare a node with the link to it and with the lists of names that it points to."""
    if place is None:
        if any(rest[8:]) and _has_more_links(read, rest, height):
            return Trouble(at, f"it says to have {len(links)} links, and has more", lost=True)
    elif (height, keys[0], keys[-1]) != (place.level, place.first, place.last):
        return Trouble(at, "it does not hold what the node above it says", lost=True)
    if not height:
        for nth, link in enumerate(links):
            raw = read(link, 8 + ENTRY * ENTRIES)
            used = int.from_bytes(raw[6:8], "little")
            if raw[:5] != b"SNOD\x01" or not used:
                if raw[:5] == b"SNOD\x01":
                    return Trouble(link, "it has no names where it should", lost=True)
                continue
            if used > ENTRIES:
                raw = read(link, 8 + ENTRY * used)
            last = 8 + ENTRY * (used - 1)
            if len(raw) >= last + ENTRY and int.from_bytes(raw[last : last + 8], "little") != keys[nth + 1]:
                return Trouble(link, "it ends with another name than the node above it says", lost=True)
    return None


def _has_more_links(read: Read, rest: bytes, height: int) -> bool:
    """Check whether a node has valid links after its last declared one; the library clears unused ones."""
    sign = b"TREE\0" if height else b"SNOD\x01"
    for at in range(8, len(rest) - 7, LINK):
        link = int.from_bytes(rest[at : at + 8], "little")
        if link not in (0, NOWHERE):
            raw = read(link, 8)
            if raw[:5] == sign and (height or any(raw[6:8])):
                return True
    return False
