"""Find text files beside HDF5 files with a line for each row, which describe a row by its position alone."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from datacheck.backends.hdf5.copying.companions import beside
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.tables import Table
from datacheck.files.regular import NotRegular, open_regular
from datacheck.model.escaping import escape

SUFFIXES = frozenset({".txt", ".csv", ".tsv", ".lst", ".list", ".names"})
PIECE = 1 << 20
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
        count = _lines(reader.path / name) if name.suffix.lower() in SUFFIXES else None
        if count is not None and rows & {count, count - (name.suffix.lower() in (".csv", ".tsv"))}:
            escaped = escape(os.fsencode(name))
            yield f"{escaped} has {count:,} lines, which may be of the rows one by one, and would keep those that go"


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
