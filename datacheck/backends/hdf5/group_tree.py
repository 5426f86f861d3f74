"""The index of the links of a group of the old kind, a B-tree of version 1, read and compared with itself.

It has no checksum, and the library lists what it leads to: where a node says that it has fewer links than it has, the
rest of the group is not there. Each key stands in the file twice: a node begins and ends with those beside the link to
it, and what ends a list of names is the last of them.

HDF5 File Format Specification 3.0, III.A.1 (version 1 B-trees), III.C (symbol table nodes).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

HEAD, LINK, ENTRY = 24, 16, 40
"""Bytes of a node before its first key, of a key with the link behind it, and of an entry of a list of names."""
NOWHERE = (1 << 64) - 1
MOST_NODES = 1 << 20
FANOUT, ENTRIES = 32, 8
"""So many links has a node, and so many names a list, unless the superblock says otherwise."""
Read = Callable[[int, int], bytes]
"""Returns so many bytes at an address of the file, or fewer where that ends."""


class Trouble(NamedTuple):
    """What is wrong with an index, and where; `lost` says whether links may be lost for that."""

    at: int
    what: str
    lost: bool


class _Place(NamedTuple):
    at: int
    level: int
    first: int
    last: int


def group_trouble(read: Read, root: int, fanout: int = FANOUT) -> Trouble | None:
    """Return what is wrong with the index that begins there, what costs links first; None if nothing is.

    What cannot be read is passed over: the library says so.
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
            made = _compared(read, at, height, place, keys, links, head[HEAD + LINK * used :])
            sides = [NOWHERE if not 0 <= it < len(level) else level[it] for it in (nth - 1, nth + 1)]
            beside = tuple(it if isinstance(it, int) else NOWHERE if it is None else it.at for it in sides)
            if made is None and (left, right) != beside:
                after = beside[1] == NOWHERE != right and read(right, 5) == b"TREE\0"
                made = Trouble(at, "it leads to other nodes beside it than there are", lost=after)
            if made is not None and (worst is None or made.lost > worst.lost):
                worst = made
            if height:
                new = [it for it in zip(links, keys, keys[1:], strict=False) if it[0] not in seen]
                seen.update(it[0] for it in new)
                below += (_Place(link, height - 1, first, last) for link, first, last in new)
        level = below if len(seen) < MOST_NODES else []
    return worst


def _compared(
    read: Read, at: int, height: int, place: _Place | None, keys: tuple[int, ...], links: tuple[int, ...], rest: bytes
) -> Trouble | None:
    """Compare a node with the link to it, and with the lists of names that it leads to."""
    if place is None:
        if any(rest[8:]) and _leads_on(read, rest, height):
            return Trouble(at, f"it says to have {len(links)} links, and has more", lost=True)
    elif (height, keys[0], keys[-1]) != (place.level, place.first, place.last):
        return Trouble(at, "it does not hold what the node above it says", lost=True)
    if not height:
        for nth, link in enumerate(links):
            held = read(link, 8 + ENTRY * ENTRIES)
            used = int.from_bytes(held[6:8], "little")
            if held[:5] != b"SNOD\x01" or not used:
                if held[:5] == b"SNOD\x01":
                    return Trouble(link, "it has no names where it should", lost=True)
                continue
            if used > ENTRIES:
                held = read(link, 8 + ENTRY * used)
            where = 8 + ENTRY * (used - 1)
            if len(held) >= where + ENTRY and int.from_bytes(held[where : where + 8], "little") != keys[nth + 1]:
                return Trouble(link, "it ends with another name than the node above it says", lost=True)
    return None


def _leads_on(read: Read, rest: bytes, height: int) -> bool:
    """Say whether a node leads to more than it says; the library clears what it does not need."""
    sign = b"TREE\0" if height else b"SNOD\x01"
    for at in range(8, len(rest) - 7, LINK):
        link = int.from_bytes(rest[at : at + 8], "little")
        if link not in (0, NOWHERE):
            held = read(link, 8)
            if held[:5] == sign and (height or any(held[6:8])):
                return True
    return False
