"""Check a chunk index without checksums, a B-tree of version 1, for contradictions.

The library looks a chunk up by the keys of the nodes on the path to it. If one of these keys is wrong, it finds no
chunk and takes the values for never written, or it finds a chunk that belongs elsewhere. Most of an index is redundant:
the first and last keys of a node are those beside the link to it, its siblings link to it, and keys ascend.

HDF5 File Format Specification 3.0, III.A.1 (version 1 B-trees), IV.A.2.i (the data layout message).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

HEAD = 24
"""Size in bytes of a node's header, which precedes its first key."""
NOWHERE = (1 << 64) - 1
SIGN = b"TREE\x01"
CHUNKED = 2
"""Layout class of chunked datasets."""
MOST_NUMBERS = 1 << 62
Read = Callable[[int, int], bytes]
"""Returns the bytes at an address of the file, given the address and their number; fewer at the end of the file."""
OUT_OF_ORDER = "the places of its chunks are not in order"


class Entry(NamedTuple):
    """A chunk whose place in the index contradicts that of others: the origin in its key, its offset and its size."""

    origin: tuple[int, ...]
    offset: int
    size: int


class _Place(NamedTuple):
    """The address of a node, and what its parent says about it: its level and the keys beside the link to it.

    `low` to `high` is the range of chunk numbers that the node may lead to.
    """

    at: int
    level: int | None
    first: Sequence[int] | None
    last: Sequence[int] | None
    low: int
    high: int


class _Node(NamedTuple):
    level: int
    left: int
    right: int
    sizes: NDArray[Any]
    keys: NDArray[Any]
    below: NDArray[Any]
    """Addresses of the children, or of the chunks in a leaf; `sizes` and `keys` have one entry more."""


class ChunkTree(msgspec.Struct):
    """The result of checking an index; `trouble` is an address and what is wrong there, or None if nothing is.

    `doubted` are half-open ranges of chunk numbers, counted row by row; a chunk that is not found in them may be lost.
    `misplaced` are chunks that may belong elsewhere. `nodes` are the offsets and sizes of the nodes.
    """

    nodes: list[tuple[int, int]] = msgspec.field(default_factory=list)
    doubted: list[tuple[int, int]] = msgspec.field(default_factory=list)
    misplaced: list[Entry] = msgspec.field(default_factory=list)
    trouble: tuple[int, str] | None = None


def address_of_tree(layout: bytes) -> int | None:
    """Return the address of the chunk index from the layout message, or None if it has another form or is absent.

    Later forms, from version 4 of the message on, have checksums.
    """
    if len(layout) < 11:
        return None
    if layout[0] == 3 and layout[1] == CHUNKED:
        at = 3
    elif layout[0] in (1, 2) and layout[2] == CHUNKED and len(layout) >= 16:
        at = 8
    else:
        return None
    (address,) = struct.unpack_from("<Q", layout, at)
    return None if address == NOWHERE else int(address)


def chunk_tree(read: Read, address: int, shape: Sequence[int], chunks: Sequence[int], fanout: int | None) -> ChunkTree:
    """Check the index whose root is at an address; `fanout` is the maximum number of links in a node, if known."""
    grid = [math.ceil(extent / size) for extent, size in zip(shape, chunks, strict=True)]
    if math.prod(grid) >= MOST_NUMBERS:
        return ChunkTree()
    if math.prod(grid) == 1 and _is_single_chunk_node(read(address, HEAD + 8 + 8 * (len(grid) + 1))):
        return ChunkTree([(address, 2 * (16 + 8 * (len(grid) + 1)) + 16)])
    return _TreeCheck(read, grid, chunks, fanout).check(address)


def _is_single_chunk_node(node: bytes) -> bool:
    """Return whether a node leads to the only chunk of a dataset with a single chunk, and to nothing else."""
    return node[:HEAD] == _ONE and not any(node[HEAD + 8 :])


_ONE = SIGN + struct.pack("<BHQQ", 0, 1, NOWHERE, NOWHERE)


class _TreeCheck:
    def __init__(self, read: Read, grid: Sequence[int], chunks: Sequence[int], fanout: int | None) -> None:
        self._read = read
        self._fanout = fanout
        self._grid = [int(it) for it in grid]
        self._chunks = np.array(chunks, np.uint64)
        self._total = math.prod(self._grid)
        self._record = np.dtype([("size", "<u4"), ("mask", "<u4"), ("key", "<u8", (len(grid) + 1,)), ("below", "<u8")])
        self._seen: set[int] = set()
        self.result = ChunkTree()

    def check(self, root: int) -> ChunkTree:
        level = [_Place(root, None, None, None, 0, self._total)]
        while level:
            nodes = [self._read_node(it) for it in level]
            self._compare_siblings(level, nodes)
            level = self._check_nodes(level, nodes)
        self.result.doubted.sort()
        return self.result

    def _set_trouble(self, at: int, what: str) -> None:
        self.result.trouble = self.result.trouble or (at, what)

    def _doubt(self, low: int, high: int) -> None:
        self.result.doubted.append((max(0, min(low, high)), min(self._total, max(low, high))))

    def _read_node(self, place: _Place) -> _Node | None:
        """Return the node at a place, or None if there is no node of that level."""
        head = self._read(place.at, HEAD) if place.at not in self._seen else b""
        if len(head) < HEAD or not head.startswith(SIGN):
            return None
        level, used, left, right = struct.unpack_from("<BHQQ", head, 5)
        size = used * self._record.itemsize + self._record.itemsize - 8
        raw = self._read(place.at + HEAD, size)
        if len(raw) < size or place.level not in (None, level):
            return None
        self._seen.add(place.at)
        self.result.nodes.append((place.at, HEAD + size))
        records = np.frombuffer(raw + bytes(8), self._record)
        return _Node(level, left, right, records["size"], records["key"], records["below"][:-1])

    def _compare_siblings(self, places: Sequence[_Place], nodes: Sequence[_Node | None]) -> None:
        """Find links of the nodes of a level to wrong siblings."""
        before = NOWHERE
        for nth, (place, node) in enumerate(zip(places, nodes, strict=True)):
            after = places[nth + 1].at if nth + 1 < len(places) else NOWHERE
            if node is not None and (node.left, node.right) != (before, after):
                self._set_trouble(place.at, "it leads to other nodes beside it than there are")
                if after == NOWHERE != node.right:  # the level had one more node
                    self._doubt(place.low, self._total)
            before = place.at

    def _check_nodes(self, places: Sequence[_Place], nodes: Sequence[_Node | None]) -> list[_Place]:
        """Check each node of a level on its own and against its parent; return the places of all children."""
        below: list[_Place] = []
        last: Sequence[int] | None = None
        for place, node in zip(places, nodes, strict=True):
            if node is None:
                if self._is_node(np.array([place.at], np.uint64)):  # the library reports anything else itself
                    self._set_trouble(place.at, "there is no node of the level where one should be")
                self._doubt(place.low, place.high)
                last = None
                continue
            numbers = self._chunk_numbers(node.keys)
            if place.level is None:
                self._check_unused_links(place, node, numbers)
            rising = _comes_before(node.keys[:-1], node.keys[1:])
            if not rising.all():
                self._set_trouble(place.at, OUT_OF_ORDER)
            if node.level:
                if not rising.all() or not len(node.below):
                    self._doubt(place.low, place.high)
                below += self._children(place, node, numbers)
            else:
                self._check_leaf(place, node, numbers, rising)
            self._compare_ends(place, node, numbers, last)
            last = node.keys[-1].tolist()
        return below

    def _children(self, place: _Place, node: _Node, numbers: NDArray[Any]) -> list[_Place]:
        keys, ends = node.keys.tolist(), [place.low, *numbers.tolist(), place.high]
        return [
            _Place(at, node.level - 1, keys[nth], keys[nth + 1], ends[nth], ends[nth + 3])
            for nth, at in enumerate(node.below.tolist())
        ]

    def _check_leaf(self, place: _Place, node: _Node, numbers: NDArray[Any], rising: NDArray[Any]) -> None:
        used = len(node.below)
        odd = set(np.flatnonzero(~self._are_valid(node.keys[:-1])).tolist())
        ends = [place.low, *numbers.tolist(), place.high]
        for nth in np.flatnonzero(~rising).tolist():
            without_it = nth == 0 or bool(_comes_before(node.keys[nth - 1], node.keys[nth + 1]))
            without_next = nth + 2 > used or bool(_comes_before(node.keys[nth], node.keys[nth + 2]))
            odd |= {nth} if without_it or not without_next else set()
            odd |= {nth + 1} & set(range(used)) if without_next or not without_it else set()
            self._doubt(min(ends[: nth + 1] or [0]), max(ends[nth + 2 :]))
        for nth in sorted(odd):
            self._set_trouble(place.at, OUT_OF_ORDER)
            self._doubt(min(ends[nth], ends[nth + 1]), max(ends[nth + 1], ends[nth + 2]))
            self._add_misplaced(node, nth)
        if place.level is None and used and self._is_node(node.below[[0, -1]]):
            self._set_trouble(place.at, "it leads to nodes where it says that it leads to chunks")
            self._doubt(0, self._total)
            for nth in range(used):
                self._add_misplaced(node, nth)

    def _add_misplaced(self, node: _Node, nth: int) -> None:
        origin = tuple(node.keys[nth, :-1].tolist())
        self.result.misplaced.append(Entry(origin, int(node.below[nth]), int(node.sizes[nth])))

    def _compare_ends(self, place: _Place, node: _Node, numbers: NDArray[Any], before: Sequence[int] | None) -> None:
        """Compare the first and last key of a node with its parent's; `before` is the last key of the previous node."""
        if place.first is None or place.last is None:
            return
        first, last = node.keys[0].tolist(), node.keys[-1].tolist()
        if first != place.first:
            self._set_trouble(place.at, "it begins with another chunk than the node above it says")
            self._doubt(place.low, place.high)
            if not node.level and len(node.below) and first != before:
                self._add_misplaced(node, 0)
        if last != place.last:
            self._set_trouble(place.at, "it ends with another chunk than the node above it says")
            self._doubt(int(numbers[-2]) if len(numbers) > 1 else place.low, place.high)

    def _check_unused_links(self, place: _Place, node: _Node, numbers: NDArray[Any]) -> None:
        """Find links of the root beyond the number that it declares.

        If there are more, the first of them follows the key that the root takes for its last one. That is a key without
        a size in a sound root. What lies behind it may be anything, since old versions of the library do not clear it.
        """
        used = len(node.below)
        if self._fanout is None or used >= self._fanout:
            return
        size = (self._fanout - used) * self._record.itemsize
        raw = self._read(place.at + HEAD + used * self._record.itemsize, size)
        if len(raw) < size or not any(raw):
            return
        records = np.frombuffer(raw, self._record)
        in_use = (records["size"] > 0) & (records["below"] > 0) & (records["below"] != NOWHERE)
        in_use &= self._are_valid(records["key"]) & self._are_inside(records["key"])
        in_use[in_use] = [bool(self._read(int(at), 1)) for at in records["below"][in_use]]
        if used:
            in_use &= self._chunk_numbers(records["key"]) > numbers[-2]
        if in_use[0]:
            self._set_trouble(place.at, f"it says to have {used} links, and has more")
            self._doubt(int(numbers[-2]) if used else 0, self._total)

    def _is_node(self, addresses: NDArray[Any]) -> bool:
        return any(self._read(int(at), 6).startswith(SIGN) for at in addresses)

    def _are_valid(self, keys: NDArray[Any]) -> NDArray[Any]:
        """Return which keys a chunk can have: multiples of the chunk extents, and zero for the place within a value."""
        result: NDArray[Any] = ~(keys[:, :-1] % self._chunks).any(axis=1) & (keys[:, -1] == 0)
        return result

    def _are_inside(self, keys: NDArray[Any]) -> NDArray[Any]:
        inside: NDArray[Any] = keys[:, :-1] // self._chunks < np.array(self._grid, np.uint64)
        result: NDArray[Any] = np.logical_and.reduce(inside, axis=1)
        return result

    def _chunk_numbers(self, keys: NDArray[Any]) -> NDArray[Any]:
        """Return how many chunks come before each key; a key may lie outside the dataset."""
        scaled = keys[:, :-1] // self._chunks
        result = np.zeros(len(keys), np.int64)
        over = np.zeros(len(keys), bool)
        for axis, count in enumerate(self._grid):
            places = np.minimum(scaled[:, axis], np.uint64(count)).astype(np.int64)
            result = result * count + np.where(over, 0, places)
            over |= places == count
        return result


def _comes_before(some: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """Return for each key whether it comes before the one at the same index in `others`."""
    less = np.zeros(some.shape[:-1], bool)
    equal = np.ones(some.shape[:-1], bool)
    for axis in range(some.shape[-1]):
        less = np.logical_or(less, equal & (some[..., axis] < others[..., axis]))
        equal = np.logical_and(equal, some[..., axis] == others[..., axis])
    return less
