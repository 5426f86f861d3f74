"""Find text files beside HDF5 files with a line or item for each row, or with names of dropped files and datasets."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from datacheck.backends.hdf5.copying.closing_up import single
from datacheck.backends.hdf5.copying.companions import beside
from datacheck.backends.hdf5.copying.dropped import Dropped
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.tables import Table
from datacheck.files.regular import NotRegular, open_regular, read_whole
from datacheck.model.escaping import escape

SUFFIXES = frozenset({".txt", ".csv", ".tsv", ".lst", ".list", ".names"})
JSON = ".json"
PIECE, LARGEST = 1 << 20, 64 << 20
SHORTEST = 4
"""Minimum length of a name that is looked for in texts."""
WORD, DIGIT, LETTER = re.compile(rb"[\w.\-]+"), re.compile(rb"[0-9]"), re.compile(rb"[A-Za-z]")
FEWEST = 16
"""Minimum number of rows; fewer may equal a number of lines by chance."""


def losses_of_lists(reader: Hdf5Reader, losing: Mapping[int, Sequence[Table]]) -> Iterator[str]:
    """Yield a sentence for each text file with as many lines as there are rows in a table that loses some.

    The rows of one HDF5 file count, and those of all files together. The first line of a .csv or .tsv file may be a
    header. Tables in which each dataset is a record are left out, since such records are found by name.
    """
    names = {table.name for tables in losing.values() for table in tables if not table.each}
    if not names or not reader.path.is_dir():
        return
    rows: set[int] = {table.rows for tables in losing.values() for table in tables if not table.each}
    total_rows = Counter[str]()
    for number in range(len(reader.files)):
        tables = [it for it in reader.contents(number).tables if not it.each]
        total_rows.update({it.name: it.rows for it in tables if it.name in names})
        total_rows[""] += sum(it.rows for it in tables)
    rows = {it for it in rows | set(total_rows.values()) if it >= FEWEST}
    for name in beside(reader, frozenset()) if rows else ():
        items = _items(reader.path / name) if name.suffix.lower() == JSON else None
        if items in rows:
            escaped = escape(os.fsencode(name))
            yield f"{escaped} has {items:,} items, which may be of the rows one by one, and would keep those that go"
        count = _lines(reader.path / name) if name.suffix.lower() in SUFFIXES else None
        if count is not None and rows & {count, count - (name.suffix.lower() in (".csv", ".tsv"))}:
            escaped = escape(os.fsencode(name))
            yield f"{escaped} has {count:,} lines, which may be of the rows one by one, and would keep those that go"


def losses_of_names(reader: Hdf5Reader, dropped: Mapping[int, Dropped]) -> Iterator[str]:
    """Yield a sentence for each text file that has the name of a dropped file, group or dataset as a word.

    `dropped` says what each file loses, by its number. Only names with letters and digits are looked for, since others
    may be ordinary words or numbers.
    """
    names = {it for it in _dropped_names(reader, dropped) if len(it) >= SHORTEST}
    names = {it for it in names if DIGIT.search(it) and LETTER.search(it)}
    for path in beside(reader, frozenset()) if names and reader.path.is_dir() else ():
        if path.suffix.lower() not in SUFFIXES | {JSON, ".jsonl"}:
            continue
        named = sorted(names.intersection(WORD.findall(_text(reader.path / path) or b"")))
        if named:
            more = f" and {len(named) - 1:,} more" if len(named) > 1 else ""
            yield f"{escape(os.fsencode(path))} names {escape(named[0])}{more}, which would not be there"


def _dropped_names(reader: Hdf5Reader, dropped: Mapping[int, Dropped]) -> Iterator[bytes]:
    """Yield the names of dropped files, with and without suffix, and of dropped groups and single datasets."""
    for number, its in dropped.items() if reader.names else ():
        if its.whole:
            file = os.fsencode(reader.files[number].name)
            yield from (file, file.rpartition(b".")[0])
        else:
            yield from (it.rpartition(b"/")[2] for it in single(reader.contents(number), its).union(its.samples))


def _text(path: Path) -> bytes | None:
    """Return the bytes of a file, or None if it is larger than LARGEST or cannot be read."""
    try:
        return read_whole(path, LARGEST)
    except (OSError, NotRegular, ValueError):  # copying the file reports an error
        return None


def _items(path: Path) -> int | None:
    """Return the number of items of a JSON list, or None if there is none."""
    try:
        made = json.loads(_text(path) or b"")
    except (ValueError, RecursionError):
        return None
    return len(made) if isinstance(made, list) else None


def _lines(path: Path) -> int | None:
    """Return the number of lines in a file, or None if it cannot be read. A copy also reads the whole file."""
    count, last = 0, b"\n"
    try:
        with open_regular(path) as file:
            while piece := file.read(PIECE):
                count, last = count + piece.count(b"\n"), piece[-1:]
    except (OSError, NotRegular):  # copying the file reports the error
        return None
    return count + (last != b"\n")
