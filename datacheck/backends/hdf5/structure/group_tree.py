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

from datacheck.backends.hdf5.structure.name_heap import names_by_place

HEAD, LINK, ENTRY = 24, 16, 40
"""Sizes in bytes: a node before its first key, a key with the link after it, and an entry of a list of names."""
NOWHERE = (1 << 64) - 1
"""The undefined address."""
MOST_NODES = 1 << 20
"""Number of nodes at which the check stops."""
DEEPEST = 32
"""Maximum number of levels of an index that are followed down to a list of names."""
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


def group_trouble(read: Read, root: int, heap: int, fanout: int = FANOUT) -> Trouble | None:
    """Return the first trouble that may lose links in the index at `root`, else the first of any kind, or None.

    `heap` is the address of the names. Parts that cannot be read are skipped, since the library reports them.
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
            trouble = _node_trouble(read, at, height, place, keys, links)
            if place is None and _has_more_links(read, head[HEAD + LINK * used :], height, root, heap):
                trouble = Trouble(at, f"it says to have {len(links)} links, and has more", lost=True)
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
    read: Read, at: int, height: int, place: _Place | None, keys: tuple[int, ...], links: tuple[int, ...]
) -> Trouble | None:
    """Compare a node with the link to it and with the lists of names that it points to."""
    if place is not None and (height, keys[0], keys[-1]) != (place.level, place.first, place.last):
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


def _has_more_links(read: Read, rest: bytes, height: int, root: int, heap: int) -> bool:
    """Check whether the root node has valid links of its group after its last declared one.

    New versions of the library clear unused links. Older ones, MATLAB's among them, write what the memory held, often
    links of another group. A node was lost only if its names are in the heap and nowhere in the index.
    """
    if not any(rest[8:]):
        return False
    sign = b"TREE\0" if height else b"SNOD\x01"
    unlisted: set[int] | None = None
    for at in range(8, len(rest) - 7, LINK):
        link = int.from_bytes(rest[at : at + 8], "little")
        if link in (0, NOWHERE) or read(link, len(sign)) != sign:
            continue
        places = _first_places(read, link)
        if places and unlisted is None:
            unlisted = set(names_by_place(read, heap)) - _listed_places(read, root)
        if places and unlisted and places <= unlisted:
            return True
    return False


def _first_places(read: Read, at: int) -> set[int]:
    """Return the places in the heap of the names in the first list below a node, or in the list at that address."""
    for _ in range(DEEPEST):
        head = read(at, HEAD + LINK)
        if head[:5] != b"TREE\0" or len(head) < HEAD + LINK:
            break
        at = int.from_bytes(head[HEAD + 8 :], "little")
    return _places(read, at)


def _places(read: Read, at: int) -> set[int]:
    """Return the places in the heap of the names in a list, or no places if there is no list at that address."""
    head = read(at, 8)
    if head[:5] != b"SNOD\x01":
        return set()
    octets = read(at + 8, ENTRY * int.from_bytes(head[6:8], "little"))
    return {int.from_bytes(octets[it : it + 8], "little") for it in range(0, len(octets) - ENTRY + 1, ENTRY)}


def _listed_places(read: Read, root: int) -> set[int]:
    """Return the places in the heap of all names that the index at `root` lists."""
    listed: set[int] = set()
    seen, todo = {root}, [root]
    while todo and len(seen) < MOST_NODES:
        at = todo.pop()
        head = read(at, HEAD)
        if head[:5] != b"TREE\0" or len(head) < HEAD:
            listed |= _places(read, at)
            continue
        octets = read(at + HEAD, LINK * int.from_bytes(head[6:8], "little"))
        below = {int.from_bytes(octets[it + 8 : it + LINK], "little") for it in range(0, len(octets) - LINK + 1, LINK)}
        todo += below - seen
        seen |= below
    return listed
