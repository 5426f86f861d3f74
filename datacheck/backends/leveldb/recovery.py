"""Find the live tables of a LevelDB that has lost its MANIFEST, or edits of it: all existing ones, by sequence number.

A table that a compaction has already rewritten, but that was not deleted yet, would bring deleted records back. A write
keeps its sequence number through every compaction (doc/impl.md), so such a table can be recognised: some of its writes
are also in a table with a greater number. What else it holds between the keys of the newer table was dropped there, and
is no longer a record.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from datacheck.backends.leveldb.block import Damaged
from datacheck.backends.leveldb.merge import Files
from datacheck.backends.leveldb.names import TABLE_NAME
from datacheck.backends.leveldb.table import Table, TableFile
from datacheck.backends.leveldb.table_files import open_table, table_path, unlisted_table
from datacheck.backends.leveldb.version import Version, read_version, runs
from datacheck.model.replacing import replace

PAIRS = 4096
"""Maximum number of pairs of tables that are compared."""
BLOCKS = 64
"""Maximum number of blocks of a table that are searched for in another one."""

Stamp = tuple[tuple[str, int, int], ...]


def live_version(directory: Path) -> Version:
    """Return the state of a store as given by its MANIFEST, or by its tables. Raises Damaged."""
    version = read_version(directory)
    with os.scandir(directory) as entries:
        names = {entry.name for entry in entries}
    if not version.rebuilt and _manifest_damage(version, names) is None:
        return version
    stamp = []
    for name in sorted(names):
        with suppress(OSError):  # deleted meanwhile, or a link that leads nowhere
            status = (directory / name).stat()
            stamp.append((name, status.st_size, status.st_mtime_ns))
    return _rebuilt(directory, tuple(stamp))


def _manifest_damage(version: Version, names: set[str]) -> Damaged | None:
    """Return the damage if a MANIFEST lacks its last edits, or None.

    It then names files that are missing, and does not name some that exist.
    """
    tables = {table.number for table in version.tables.values()}
    present = {int(match[1]) for match in map(TABLE_NAME.fullmatch, names) if match}
    unlisted = len(present - tables - version.dead)
    log = f"{version.log_number:06d}.log"
    if not unlisted or (tables <= present and (not version.log_number or log in names)):
        return None
    which = "a table that is there" if unlisted == 1 else f"{unlisted:,} tables that are there"
    other = f"the log that it names, {log}, is not there" if tables <= present else "names others"
    return Damaged("truncated-store", f"{version.manifest} ends too early: it does not name {which}, and {other}")


@lru_cache(maxsize=4)
def _rebuilt(directory: Path, stamp: Stamp) -> Version:
    """Return the state of a store as given by its tables.

    `stamp` has the names, sizes and times of the files, so that a change of them invalidates the cached version.
    """
    version = read_version(directory)
    why = version.why or _manifest_damage(version, {name for name, _, _ in stamp})
    tables = dict(version.tables)
    listed = {table.number for table in tables.values()}
    unread: list[tuple[str, Damaged]] = []
    for name, _, _ in stamp:
        match = TABLE_NAME.fullmatch(name)
        if match is None or int(match[1]) in listed | version.dead:
            continue
        if table_path(directory, int(match[1])).name != name:
            continue  # a second file of that number, or one that LevelDB would have named otherwise
        try:
            table = unlisted_table(directory / name, int(match[1]))
        except Damaged as exc:
            unread.append((name, exc))
        else:
            tables[-1, table.number] = table
    return replace(
        version,
        why=None if version.damages else why,
        rebuilt=True,
        tables=tables,
        runs=runs(tables.values()),
        unread=unread,
        replaced=_replacement_ranges(directory, list(tables.values())),
    )


def _replacement_ranges(directory: Path, files: Sequence[TableFile]) -> Mapping[int, Sequence[tuple[bytes, bytes]]]:
    """Return the key ranges of the tables into which a table was rewritten, by the number of that table."""
    ranges: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
    ordered = sorted(files, key=lambda it: it.smallest)
    pairs = 0
    for place, one in enumerate(ordered):
        for other in ordered[place + 1 :]:
            if other.smallest > one.largest or pairs >= PAIRS:
                break
            old, new = sorted((one, other), key=lambda it: it.number)
            pairs += 1
            if old.number != new.number and _share_a_write(directory, old, new):
                ranges[old.number].append((new.smallest, new.largest))
    return dict(ranges)


def _share_a_write(directory: Path, old: TableFile, new: TableFile) -> bool:
    """Return whether two tables have a write in common, by searching for writes of the old one in the new one."""
    low, high = max(old.smallest, new.smallest), min(old.largest, new.largest)
    try:
        sought, searched = open_table(directory, old), open_table(directory, new)
    except Damaged:
        return False
    blocks = sought.between((low, 0), (high, 1))
    with Files() as files:
        for block in blocks[:: max(1, -(-len(blocks) // BLOCKS))]:
            users, writes = _writes(files, sought, block)
            if not users:
                continue
            for other in searched.between((users[0], 0), (users[-1], 1)):
                if not writes.isdisjoint(_writes(files, searched, other)[1]):
                    return True
    return False


def _writes(files: Files, table: Table, block: int) -> tuple[list[bytes], set[tuple[bytes, int]]]:
    """Return the keys of a block and its writes, each a key with its tag; nothing for a damaged block."""
    try:
        users, tags, _ = table.read(files[table.path], block)
    except Damaged:
        return [], set()
    return users, set(zip(users, tags.tolist(), strict=True))
