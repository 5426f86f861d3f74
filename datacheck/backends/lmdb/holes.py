"""Find pages of LMDB values that lie in holes of the file: they were never written, and read as zeros.

A full disk, an interrupted copy or a file system that lost writes leaves them. Zeros that were actually written are
searched for in the values themselves (`zeroed_pages`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.lmdb.fault_findings import with_database
from datacheck.backends.lmdb.format import BIGDATA, LEAF
from datacheck.backends.lmdb.leaves import Judged, Leaves
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.ranges import Ranges
from datacheck.backends.lmdb.skeleton import Skeleton
from datacheck.backends.lmdb.tolerant_page import parse
from datacheck.backends.lmdb.values import pages_needed, read_value
from datacheck.backends.shared.key_arrays import Flags
from datacheck.model.blocks import Shard
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found


def holes(pages: Pages, bones: Skeleton) -> Iterator[Finding]:
    """Yield a finding for each record whose value has whole pages in holes of the file."""
    unwritten = _unwritten(pages)
    if not unwritten.any():
        return
    for part, key, first, _, count in values_on(pages, bones, unwritten):
        lost = np.flatnonzero(unwritten[first : first + count]) + first
        if not len(lost):
            continue  # only pages that the value holds but does not need
        why = f"{len(lost):,} of the {count:,} pages of the value were never written, from page {lost[0]:,} on: a hole"
        offset = int(lost[0]) * pages.page_size
        finding = found("damaged-store", why, verdict="suspicious", page=int(lost[0]), offset=offset, count=len(lost))
        yield with_database(msgspec.structs.replace(finding, key=escape(key)), part)


def _unwritten(pages: Pages) -> NDArray[np.bool_]:
    """Return flags for the pages that lie in holes of the file as a whole."""
    count = min(pages.meta.last_page + 1, pages.size // pages.page_size)
    unwritten = np.zeros(count, bool)
    place = 0
    while place < count * pages.page_size:
        start = _seek(pages, place, os.SEEK_HOLE)
        place = _seek(pages, start, os.SEEK_DATA)
        unwritten[-(-start // pages.page_size) : place // pages.page_size] = True
        if place <= start:
            break
    return unwritten


def _seek(pages: Pages, place: int, whence: int) -> int:
    """Return the start of the next hole or data, or the end of the file if there is none or it cannot be determined."""
    try:
        return os.lseek(pages.file, place, whence)
    except OSError as exc:
        if exc.errno in (errno.ENXIO, errno.EINVAL, errno.EOPNOTSUPP):
            return pages.size
        raise


class _MarkedLeaves(Ranges):
    """A reading of ranges that collects the leaves with an extent on marked pages."""

    marked: Flags
    leaves: dict[int, None]

    def on_judged(self, leaves: Leaves, judged: Judged) -> None:
        for first, count, leaf in judged.extents.tolist():
            if self.marked[first : first + count].any():
                self.leaves[int(leaves.numbers[leaf])] = None


def values_on(pages: Pages, bones: Skeleton, marked: Flags) -> Iterator[tuple[str, bytes, int, int, int]]:
    """Yield database, key, first page, pages held and pages needed of each value that has marked pages."""
    for part, tree in bones.trees.items():
        collector = _MarkedLeaves(pages, bones, part)
        collector.marked, collector.leaves = marked, {}
        for _ in collector.pieces(Shard(part), None):
            pass
        for leaf in collector.leaves:
            parsed = parse(pages, leaf, LEAF, tree.record.order(), None, None)
            for node in parsed.nodes:
                extent = read_value(pages, parsed, node).extent if node.flags & BIGDATA else None
                if extent is not None and marked[extent[0] : sum(extent)].any():
                    yield part, node.key, *extent, pages_needed(pages, node)
