"""Read branch and leaf nodes of LMDB pages byte by byte, with plain `pread` and bounds checks.

PageDamaged is raised for damaged pages on which the library would die.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from datacheck.backends.lmdb.format import (
    BRANCH,
    DATABASE_BYTES,
    DEEPEST,
    FLAGS_AT,
    LEAF,
    LEAF2,
    NO_PAGE,
    NODE,
    Database,
    Node,
    PageDamaged,
)
from datacheck.backends.lmdb.metas import Metas, read_metas
from datacheck.files.regular import open_descriptor

FARTHEST = 1 << 62
"""Largest offset that is read, in bytes. No file extends so far, and kernels accept no offsets much larger."""


class Pages:
    """The pages of one data file. Use as a context manager. Raises PageDamaged if no meta page is readable.

    `metas` are those of the commit to read; by default it is the newest one.
    """

    def __init__(self, path: Path, metas: Metas | None = None) -> None:
        self.file = open_descriptor(path)
        try:
            self.metas = metas or self._read_metas()
            self.size = os.fstat(self.file).st_size  # read after the metas, since commits extend the file first
        except BaseException:
            os.close(self.file)
            raise
        self.meta = self.metas.chosen
        self.page_size = self.metas.page_size
        self.header, self.base = self.metas.header, self.metas.base

    def __enter__(self) -> Pages:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        os.close(self.file)

    def _read_metas(self) -> Metas:
        size = os.fstat(self.file).st_size
        return read_metas(self._read, size, lambda: self._end(size))

    def _read(self, offset: int, size: int) -> bytes:
        return os.pread(self.file, size, offset) if offset < FARTHEST else b""

    def _end(self, size: int) -> int:
        """Return the end of the last bytes of the file that were ever written, or its size if that is unknown."""
        place = end = 0
        try:
            while place < size:
                end = os.lseek(self.file, os.lseek(self.file, place, os.SEEK_DATA), os.SEEK_HOLE)
                place = max(end, place + 1)
        except OSError as exc:
            return end if exc.errno == errno.ENXIO else size  # the rest is a hole, or holes are not supported
        return end

    def commits_since(self) -> int:
        """Return the number of commits after this one."""
        try:
            return max(0, self._read_metas().chosen.txnid - self.meta.txnid)
        except PageDamaged:
            return 0

    def moved_on(self) -> bool:
        """Return whether another process may have overwritten pages of this commit, as the third one after it can.

        Pages replaced by the first commit after it may be reused by the third, whose pages are written before its meta
        page.
        """
        return self.commits_since() > 1

    @cached_property
    def map(self) -> mmap.mmap:
        """The whole file, mapped for reading. Accessing a page that was cut off since kills the process (SIGBUS)."""
        mapped = mmap.mmap(self.file, 0, prot=mmap.PROT_READ)
        mapped.madvise(mmap.MADV_SEQUENTIAL)
        return mapped

    @property
    def map_size_at(self) -> int:
        """The offset, in a meta page, of the map size: behind magic, version and fixed address."""
        return self.header + 16

    @property
    def main_flags_at(self) -> int:
        """The offset, in a meta page, of the main database's flags; its record lies behind the free list's."""
        return self.header + 24 + DATABASE_BYTES + FLAGS_AT

    def page(self, number: int) -> bytes:
        """Return a page of a tree after checking its number and kind."""
        raw = os.pread(self.file, self.page_size, number * self.page_size) if number <= self.meta.last_page else b""
        if len(raw) < self.page_size:
            raise PageDamaged(f"page {number} lies beyond the end of the file")
        if int.from_bytes(raw[:8], sys.byteorder) != number:
            raise PageDamaged(f"page {number} has another page's number")
        if not self.flags(raw) & (BRANCH | LEAF):
            raise PageDamaged(f"page {number} is neither a branch nor a leaf")
        return raw

    def flags(self, page: bytes) -> int:
        """Return the flags in the header of a page."""
        return int.from_bytes(page[self.header - 6 : self.header - 4], sys.byteorder)

    def is_leaf(self, page: bytes) -> bool:
        return bool(self.flags(page) & LEAF)

    def nodes(self, page: bytes) -> list[Node]:
        """Return the nodes of a branch or leaf page in key order."""
        lower = int.from_bytes(page[self.header - 4 : self.header - 2], sys.byteorder) + self.base
        if self.flags(page) & LEAF2 or not self.header <= lower <= len(page):
            raise PageDamaged("a page's node count does not fit the page")
        count = (lower - self.header) // 2
        offsets = struct.unpack_from(f"={count}H", page, self.header)
        return [self._node(page, offset + self.base) for offset in offsets]

    def _node(self, page: bytes, at: int) -> Node:
        if at + 8 > len(page):
            raise PageDamaged("a node lies outside its page")
        low, high, flags, key_size = NODE.unpack_from(page, at)
        key = page[at + 8 : at + 8 + key_size]
        if len(key) < key_size:
            raise PageDamaged("a key runs over the end of its page")
        offset = at + 8 + key_size
        return Node(
            key, low | high << 16 | flags << 32, flags, offset + (offset & 1 if self.base else 0), low | high << 16
        )

    def seams(self, tree: Database, enough: int) -> tuple[list[bytes], bool]:
        """Return keys that divide the tree evenly, in order, and whether each begins a leaf.

        Descends level by level until there are `enough` keys, or the leaves are reached. The keys are those of branch
        nodes: above every key to their left, but not always keys in the tree.
        """
        level: list[tuple[bytes, int]] = [(b"", tree.root)]
        if tree.root == NO_PAGE:
            return [], True
        for _ in range(DEEPEST):
            if len(level) >= enough:
                return [key for key, _ in level[1:]], False
            below: list[tuple[bytes, int]] = []
            for key, number in level:
                page = self.page(number)
                if self.is_leaf(page):
                    return [key for key, _ in level[1:]], True
                below += [(node.key if place else key, node.child) for place, node in enumerate(self.nodes(page))]
            level = below
        raise PageDamaged("the tree is deeper than LMDB allows")

    def leaf_nodes(self, tree: Database, start: bytes | None = None) -> Iterator[tuple[Node, bytes]]:
        """Yield the leaf nodes of a tree in order, each with its page, from the first key not below `start` on."""
        order = tree.order()
        least = None if start is None else order(start)
        stack = [(tree.root, 0)] if tree.root != NO_PAGE else []
        visited = 0
        while stack:
            number, depth = stack.pop()
            visited += 1
            if depth >= DEEPEST or visited > self.meta.last_page + 1:
                raise PageDamaged("the tree runs in a circle")
            page = self.page(number)
            nodes = self.nodes(page)
            if not self.is_leaf(page):
                bounds = nodes[1:]
                below = [
                    (node.child, depth + 1)
                    for place, node in enumerate(nodes)
                    if least is None or place >= len(bounds) or order(bounds[place].key) > least
                ]
                stack += reversed(below)
                continue
            for node in nodes:
                if least is None or order(node.key) >= least:
                    yield node, page
