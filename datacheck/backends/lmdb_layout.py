"""How an LMDB environment divides: its databases, shards and probes, read off its pages."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO

from datacheck.backends.lmdb_pages import (
    DATABASE_BYTES,
    DUPDATA,
    HEADERS,
    SUBDATA,
    Database,
    PageDamaged,
    Pages,
    database,
    header_size,
)
from datacheck.model import Finding, Position, Shard, escape, found

SHARDS = 4096
SHARD_RECORDS = 32768
"""What a shard finds waits in memory until its turn comes: of small records few bytes may be many findings."""
PROBE_RECORDS = 16
"""Probes of a small store are at least this many records apart."""
NAMES_SOUGHT = 100_000
"""Named databases are looked for in a main database of at most this many entries: beyond it holds records."""
PAGES_AT_ONCE = 1024
NODE_FLAGS_AT = 4
"""Where in a node its flags stand, behind the two halves of its data's size."""
MAP_SPARE_PAGES = 16
META_PAGE_SIZES = (4096, 8192, 16384, 32768, 65536)


def trees(pages: Pages) -> dict[str, Database]:
    """Return the databases that hold records, by part; the main one too, if it holds any beside names."""
    main = pages.meta.main
    named = {escape(name.rstrip(b"\0")): tree for name, tree in _named(pages)}
    return {"": main, **named} if main.entries > len(named) or not named else named


def _named(pages: Pages) -> Iterator[tuple[bytes, Database]]:
    """Yield the named databases by their keys in the main one, which end in a NUL in LMDB 1.0."""
    if pages.meta.main.entries > NAMES_SOUGHT:
        return
    for numbers in _batched(pages.leaves(pages.meta.main), PAGES_AT_ONCE):
        raw = [pages.page(number) for number in numbers]
        for page in _with_subdata(raw, pages.header):
            for node in pages.nodes(page):
                if node.flags & SUBDATA and not node.flags & DUPDATA:
                    yield node.key, database(page[node.offset : node.offset + DATABASE_BYTES])


def _with_subdata(raw: list[bytes], header: int) -> list[bytes]:
    """Return those of these leaf pages that have a node whose data is a database: nearly always none.

    The nodes' flags are looked at all pages at once, the first node of each, then the second, and so on.
    """
    import numpy as np  # here, since the caller recognises a store without looking at its pages

    pages = np.frombuffer(b"".join(raw), np.uint16).reshape(len(raw), -1)
    base, size = HEADERS[header], pages.shape[1]
    counts = (pages[:, header // 2 - 2].astype(int) + base - header) // 2
    marked = np.zeros(len(raw), bool)
    for nth in range(min(int(counts.max()), size - header // 2)):
        rows = np.flatnonzero(counts > nth)
        flags = (pages[rows, header // 2 + nth].astype(int) + base + NODE_FLAGS_AT) // 2
        marked[rows] |= (flags < size) & (pages[rows, np.minimum(flags, size - 1)] & SUBDATA > 0)
    return [page for page, it in zip(raw, marked, strict=True) if it]


def _batched(numbers: Iterable[int], count: int) -> Iterator[list[int]]:
    numbers = iter(numbers)
    while batch := list(islice(numbers, count)):
        yield batch


def names(data: Path) -> frozenset[bytes]:
    """Return the keys of the main database that name databases, and are no records of it."""
    status = data.stat()
    return _names(data, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _names(data: Path, size: int, changed: int) -> frozenset[bytes]:
    try:
        with Pages(data) as pages:
            return frozenset(name for name, _ in _named(pages))
    except PageDamaged:
        return frozenset()


def shards(pages: Pages, part: str, tree: Database, shard_bytes: int) -> list[Shard]:
    """Return ranges of about `shard_bytes` each of one database, or of about SHARD_RECORDS where that is less."""
    wanted = min(SHARDS, max(-(-tree.pages * pages.page_size // shard_bytes), tree.entries // SHARD_RECORDS))
    seams, _ = pages.seams(tree, wanted * 4) if wanted > 1 else ([], False)
    cuts = [Position(key) for key in _spread(seams, wanted - 1)]
    records = tree.entries if not cuts else None
    return [Shard(part, *ends, records=records) for ends in zip([None, *cuts], [*cuts, None], strict=True)]


def probes(pages: Pages, part: str, tree: Database, count: int) -> list[Shard]:
    """Return at most `count` ranges that begin evenly spread over one database."""
    seams, leaves = pages.seams(tree, count)
    if leaves and len(seams) < count:
        seams = [node.key for node, _ in pages.leaf_nodes(tree)]
        count = min(count, max(1, len(seams) // PROBE_RECORDS))
    return [Shard(part), *(Shard(part, Position(key)) for key in _spread(seams, count - 1))]


def _spread(keys: list[bytes], count: int) -> list[bytes]:
    """Return at most `count` of the keys, evenly spread and none twice."""
    if count < 1:
        return []
    chosen = [keys[(place + 1) * len(keys) // (count + 1)] for place in range(count)] if len(keys) > count else keys
    return list(dict.fromkeys(chosen))


def cut(pages: Pages) -> Iterator[Finding]:
    """Say if the file ends before its last page does."""
    expected = (pages.meta.last_page + 1) * pages.page_size
    if pages.size < expected:
        lost = expected - pages.size
        message = f"data.mdb ends at byte {pages.size:,}, its last page at {expected:,}: {lost:,} bytes are lost"
        yield found("truncated-store", message, size=pages.size, expected=expected)


def second_meta(file: IO[bytes]) -> bool:
    """Say whether a second meta page stands where one would if the first is destroyed."""
    for page_size in META_PAGE_SIZES:
        file.seek(page_size)
        if header_size(file.read(64)) is not None:
            return True
    return False


def flags_of(data: Path) -> dict[str, int]:
    """Return the flags of each database that holds records, by part. Raises PageDamaged."""
    with Pages(data) as pages:
        return {part: tree.flags for part, tree in trees(pages).items()}


def data_version(data: Path) -> int:
    """Return the version of the file format: 1 for LMDB 0.9, 3 for LMDB 1.0. Raises PageDamaged."""
    with Pages(data) as pages:
        return pages.meta.version


def fit_map(data: Path) -> None:
    """Set the map size in the meta pages of a finished, closed environment to what its pages take, and a little more.

    Whoever opens the environment to write more may raise it as ever.
    """
    with Pages(data) as pages:
        page_size = pages.meta.page_size
        offsets = [pages.map_size_at, pages.map_size_at + page_size]
        size = (pages.meta.last_page + 1 + MAP_SPARE_PAGES) * page_size
    with data.open("r+b") as file:
        for offset in offsets:
            file.seek(offset)
            file.write(size.to_bytes(8, sys.byteorder))
