"""Open the tables of a LevelDB by their index or, if that is lost, by a walk; describe placeholders for tables."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from operator import add, le
from pathlib import Path

from datacheck.backends.leveldb.block import (
    TRAILER,
    Damaged,
    Value,
    handles,
    parse_block,
    read_block,
    read_failure,
    varint,
)
from datacheck.backends.leveldb.block_search import Walked, begins_with_block, walk
from datacheck.backends.leveldb.names import FOOTER, MAGIC
from datacheck.backends.leveldb.table import Gap, Table, TableFile
from datacheck.files.regular import irregular, open_regular
from datacheck.files.retrying import pread
from datacheck.model.replacing import replace

_U64 = struct.Struct("<Q")
_LFS = b"version https://git-lfs"
_HTML = (b"<!doctype html", b"<html")


def table_path(directory: Path, number: int) -> Path:
    """Return the path of a table: `.ldb`, or `.sst` as older versions name it."""
    path = directory / f"{number:06d}.ldb"
    old = path.with_suffix(".sst")
    return old if not path.exists() and old.exists() else path


def stand_in(path: Path) -> str | None:
    """Return a clause that says what a file is if it is only a placeholder, or None. Raises OSError."""
    placeholder = path.with_name(f".{path.name}.icloud")
    if not path.exists():
        return (
            f"is still in the cloud ({placeholder.name} stands for it); download it" if placeholder.exists() else None
        )
    special = irregular(path)
    if special is not None or path.is_dir():
        return special or "is a directory, not a file"
    with open_regular(path) as file:
        head = file.read(64)
    if not head:
        return "is an empty file"
    if head.startswith(_LFS):
        return "is a git-lfs pointer; fetch the file with 'git lfs pull'"
    if head.lstrip().lower().startswith(_HTML):
        return "is an HTML page, most likely the error page of a download"
    return None


def open_table(directory: Path, table: TableFile) -> Table:
    """Return a table's index, or the blocks that were found without it. Raises Damaged if there are none."""
    path = table_path(directory, table.number)
    try:
        with _readable_status(path) as status:
            return _open_table(path, table, status.st_size, status.st_mtime_ns)
    except FileNotFoundError:
        raise Damaged("truncated-store", "is missing") from None


@contextmanager
def _readable_status(path: Path) -> Iterator[os.stat_result]:
    """Yield the status of a table's file. Raises Damaged if it cannot be read or is no table.

    FileNotFoundError is passed on: the caller knows whether the file should exist.
    """
    try:
        why = stand_in(path)
        if why is not None:
            raise Damaged("truncated-store", why)
        yield path.stat()
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise read_failure(exc) from exc


@lru_cache(maxsize=128)
def _open_table(path: Path, table: TableFile, size: int, changed: int) -> Table:
    with open_regular(path) as opened:
        file = opened.fileno()
        damage = Damaged("truncated-store", f"has {size:,} bytes, expected {table.size:,}")
        if size >= table.size:
            try:
                return _table_by_index(path, table, *_read_index(file, table.size))
            except Damaged as exc:
                if exc.toll == "not checked":
                    raise
                damage = exc
        return _table_by_walk(path, table, damage, _walk(path, min(size, table.size), changed))


def unlisted_table(path: Path, number: int) -> TableFile:
    """Return the description of a table that no MANIFEST gives, from its blocks. Raises Damaged if it has none."""
    try:
        with _readable_status(path) as status:
            return _unlisted_table(path, number, status.st_size, status.st_mtime_ns)
    except FileNotFoundError as exc:
        raise read_failure(exc) from exc


@lru_cache(maxsize=4096)
def _unlisted_table(path: Path, number: int, size: int, changed: int) -> TableFile:
    with open_regular(path) as opened:
        file = opened.fileno()
        try:
            named = TableFile(number, None, size, b"", b"")
            index = _table_by_index(path, named, *_read_index(file, size))
        except Damaged as exc:
            pieces = _walk(path, size, changed).pieces
            if not pieces:
                raise exc from None
            smallest = b"" if pieces[0].offset else pieces[0].first[:-8]
            return TableFile(number, None, size, smallest, pieces[-1].last[:-8])
        # index keys may lie behind the last key of a block, and the range of a table must not appear too large
        first, last = _internal_keys(file, index, 0), _internal_keys(file, index, len(index) - 1)
        smallest = first[0][:-8] if first else b""
        largest = last[-1][:-8] if last else index.bounds[-1]
        return TableFile(number, None, size, smallest, largest)


def _internal_keys(file: int, index: Table, block: int) -> list[bytes]:
    """Return the internal keys of a block, none for a damaged one."""
    try:
        return parse_block(*read_block(file, index.offsets[block], index.sizes[block]))[0]
    except Damaged as exc:
        if exc.by_machine:
            raise
        return []


def is_table(path: Path) -> bool:
    """Return whether a file that has lost its footer was a table: it then begins with a sound block."""
    try:
        with open_regular(path) as opened:
            return begins_with_block(opened.fileno(), path.stat().st_size)
    except (Damaged, OSError):
        return False


@lru_cache(maxsize=128)
def _walk(path: Path, size: int, changed: int) -> Walked:
    with open_regular(path) as opened:
        return walk(opened.fileno(), size)


def _read_index(file: int, size: int) -> tuple[list[bytes], list[Value]]:
    """Return the entries of a table's index. Raises Damaged."""
    footer = pread(file, FOOTER, size - FOOTER) if size >= FOOTER else b""
    if len(footer) < FOOTER or _U64.unpack_from(footer, 40)[0] != MAGIC:
        raise Damaged("damaged-store", "does not end in a table's footer", max(0, size - FOOTER), FOOTER)
    offset, length = size - FOOTER, FOOTER
    try:
        at = varint(footer, varint(footer, 0)[1])[1]
        offset, at = varint(footer, at)
        length, at = varint(footer, at)
        return parse_block(*read_block(file, offset, min(length, size)))
    except (IndexError, Damaged) as exc:
        if isinstance(exc, Damaged) and exc.toll == "not checked":
            raise
        raise _broken_index(exc, offset, min(length, size)) from exc


def _broken_index(why: object, offset: int | None = None, size: int | None = None) -> Damaged:
    return Damaged("damaged-store", f"has a broken index: {why}", offset, size)


def _table_by_index(path: Path, table: TableFile, inner: list[bytes], values: list[Value]) -> Table:
    users = [key[:-8] for key in inner]
    places = [it for it in handles(values) if it is not None]
    offsets, sizes = zip(*places, strict=True) if places else ((), ())
    if len(places) < len(values) or max(map(add, offsets, sizes), default=0) + TRAILER > table.size - FOOTER:
        raise _broken_index("an entry points beyond the file")
    if not users or min(map(len, inner)) < 8 or users[-1] < table.largest:
        raise _broken_index("it does not reach the largest key that the MANIFEST gives")
    bounds = [table.smallest, *users[:-1], table.largest if table.level is not None else users[-1]]
    if not all(map(le, bounds, islice(bounds, 1, None))):
        raise _broken_index("its keys are out of order")
    return Table(path, bounds, offsets, sizes)


def _table_by_walk(path: Path, table: TableFile, damage: Damaged, walked: Walked) -> Table:
    """Return a table of the blocks that a walk found, and gaps elsewhere. Raises `damage` if it found none."""
    if walked.entries is not None:
        try:
            return replace(_table_by_index(path, table, *walked.entries), damage=damage)
        except Damaged:
            pass
    bounds, offsets, sizes = [table.smallest], [0][:0], [0][:0]
    gaps: dict[int, Gap] = {}
    at, last = 0, table.smallest

    def add_gap(end: int, high: bytes | None) -> None:
        cut = high == table.largest and damage.code == "truncated-store"
        why = "is cut off here" if cut else "has no block here whose CRC32C matches"
        more = " (the search was given up)" if walked.spent else ""
        code = damage.code if cut else "checksum"
        gaps[len(offsets)] = Gap(Damaged(code, why + more, at, max(0, end - at)), last, high)
        offsets.append(at)
        sizes.append(max(0, end - at))
        bounds.append(last)

    known = table.level is not None
    for piece in walked.pieces:
        low, high = piece.first[:-8], piece.last[:-8]
        if low > high or low < last or (known and high > table.largest):
            continue
        if piece.offset > at:
            add_gap(piece.offset, low)
        offsets.append(piece.offset)
        sizes.append(piece.size)
        bounds.append(high)
        at, last = piece.offset + piece.size + TRAILER, high
    if not at:
        raise damage
    if last < table.largest:
        add_gap(walked.end, table.largest)
    elif not known and at < walked.end:
        add_gap(walked.end, None)
    return Table(path, bounds, offsets, sizes, damage, gaps)
