"""Divide an LMDB environment into databases, shards and probes by its pages, and patch its meta pages."""

from __future__ import annotations

import sys
from pathlib import Path

from datacheck.backends.lmdb.branches import leaves_below
from datacheck.backends.lmdb.format import FLAGS_AT, PERSISTENT, PageDamaged
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.skeleton import skeleton
from datacheck.backends.lmdb.tree import Tree
from datacheck.model.blocks import Position, Shard
from datacheck.model.escaping import escape

SHARDS = 4096
SHARD_BYTES, LARGEST_SHARD_BYTES = 16 << 20, 128 << 20
LEAST_RECORDS = 512
"""Number of records in a shard of large records, unless that makes it larger than LARGEST_SHARD_BYTES.

Preparing a shard costs the same however few records it has.
"""
SHARD_RECORDS = 32768
"""Maximum number of records in a shard. Its findings wait in memory, and few bytes may give many findings."""
PROBE_RECORDS = 16
"""Minimum distance of the probes of a small store, in records."""
MAP_SPARE_PAGES = 16


def shards(pages: Pages, tree: Tree, shard_bytes: int | None) -> list[Shard]:
    """Return ranges of one database of about `shard_bytes` each; if that is None, of a size that suits its records."""
    size = tree.record.pages * pages.page_size
    size = size if 0 < size < pages.size else pages.size
    if shard_bytes is None:
        shard_size = LEAST_RECORDS * size // max(1, tree.record.entries)
        shard_bytes = max(SHARD_BYTES, min(shard_size, LARGEST_SHARD_BYTES))
    entries = tree.record.entries if 0 < tree.record.entries < pages.size else 0
    wanted = min(SHARDS, max(-(-size // shard_bytes), entries // SHARD_RECORDS))
    try:
        seams, _ = pages.seams(tree.record, wanted * 4) if wanted > 1 else ([], False)
    except PageDamaged:
        seams = _remaining_seams(pages, tree, wanted * 4)
    cuts = [Position(key) for key in _spread(seams, wanted - 1)]
    records = tree.record.entries - tree.names if not cuts else None
    return [Shard(tree.part, *ends, records=records) for ends in zip([None, *cuts], [*cuts, None], strict=True)]


def probes(pages: Pages, tree: Tree, count: int) -> list[Shard]:
    """Return at most `count` ranges, evenly spread over one database, each of which ends where the next one begins."""
    try:
        seams, leaves = pages.seams(tree.record, count)
        if leaves and len(seams) < count:
            seams = [node.key for node, _ in pages.leaf_nodes(tree.record)]
            count = min(count, max(1, len(seams) // PROBE_RECORDS))
        elif len(seams) <= tree.record.entries:  # otherwise the number is wrong: a leaf has at least one record
            count = min(count, max(1, tree.record.entries // PROBE_RECORDS))
    except PageDamaged:
        seams = _remaining_seams(pages, tree, count)
    cuts = [Position(key) for key in _spread(seams, count - 1)]
    return [Shard(tree.part, *ends) for ends in zip([None, *cuts], [*cuts, None], strict=True)]


def _remaining_seams(pages: Pages, tree: Tree, enough: int) -> list[bytes]:
    """Return keys that divide what is left of a damaged database, in order; `enough` of them, or more, if there are."""
    lows = [entry.low for entry in tree.entries if entry.low is not None]
    if len(lows) < enough:
        for entry in tree.entries:
            if entry.kind == "branch":
                try:
                    leaves = leaves_below(pages, [entry])
                except PageDamaged:
                    continue  # another process is writing
                lows += [leaves.low.at(at) for at in range(len(leaves)) if leaves.bounded_below[at]]
        lows.sort(key=tree.record.order())
    return list(dict.fromkeys(lows))


def _spread(keys: list[bytes], count: int) -> list[bytes]:
    """Return at most `count` of the keys, evenly spread, without duplicates."""
    if count < 1:
        return []
    chosen = [keys[(place + 1) * len(keys) // (count + 1)] for place in range(count)] if len(keys) > count else keys
    return list(dict.fromkeys(chosen))


def flags_of(data: Path) -> dict[str, int]:
    """Return the flags of each database that holds records, by part. Raises PageDamaged if there is no meta page."""
    return {part: tree.record.flags & PERSISTENT for part, tree in skeleton(data).trees.items()}


def flags_of_main(data: Path) -> int:
    """Return the flags of the main database, which may hold nothing but names. Raises PageDamaged."""
    with Pages(data) as pages:
        return pages.meta.main.flags & PERSISTENT


def data_version(data: Path) -> int:
    """Return the version of the file format: 1 for LMDB 0.9, 3 for LMDB 1.0. Raises PageDamaged."""
    with Pages(data) as pages:
        return pages.meta.version


def set_flags(data: Path, part: str, flags: int) -> None:
    """Give an empty database of a closed environment flags that py-lmdb cannot set. Raises PageDamaged."""
    with Pages(data) as pages:
        places = [pages.main_flags_at + page * pages.page_size for page in (0, 1)]
        if part:
            nodes = pages.leaf_nodes(pages.meta.main)
            named = ((node, page) for node, page in nodes if escape(node.key.rstrip(b"\0")) == part)
            node, page = next(named)
            start = int.from_bytes(page[:8], sys.byteorder) * pages.page_size
            places = [start + node.offset + FLAGS_AT]
    with data.open("r+b") as file:
        for place in places:
            file.seek(place)
            file.write(flags.to_bytes(2, sys.byteorder))


def fit_map(data: Path) -> None:
    """Set the map size in the meta pages of a finished, closed environment to the size of its pages and a little more.

    A process that opens the environment to write more can still raise it.
    """
    with Pages(data) as pages:
        page_size = pages.meta.page_size
        offsets = [pages.map_size_at, pages.map_size_at + page_size]
        size = (pages.meta.last_page + 1 + MAP_SPARE_PAGES) * page_size
    with data.open("r+b") as file:
        for offset in offsets:
            file.seek(offset)
            file.write(size.to_bytes(8, sys.byteorder))
