"""Find files that are one sample each by the sizes of their datasets, and what all files of a family have in one size.

The names of the files of a family differ only in numbers. A copy that drops a value of `unitPar`, which has four values
in every file, would leave a file that no loader can put beside the others, so the whole file goes. Rows may be samples
or the lines of one picture; nothing shows which, so the receipt says that a file has fewer than the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.folders.file_families import FileShapes
from datacheck.backends.hdf5.folders.recordings import recordings
from datacheck.backends.hdf5.names import family_name, words
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.samples.samples import FEWEST as FEWEST_SAMPLES
from datacheck.backends.hdf5.samples.samples import PIECES
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.model.escaping import escape, unescape
from datacheck.model.listing import and_more, counted

FEWEST = 4
"""Minimum number of files of a family."""
LONGEST = 16
"""Maximum number of values that are parameters of a file."""


def recorded_files(reader: Hdf5Reader) -> frozenset[str]:
    """Return the names of the files of a folder that are one recording each."""
    if not reader.names or len(reader.files) < FEWEST_SAMPLES:
        return frozenset()
    shapes = FileShapes()
    for number in range(len(reader.files)):
        contents = reader.contents(number)
        if contents.means is None or not contents.means.samples:
            shapes.add(number, contents.shapes)
    return frozenset(map(escape, recordings([unescape(it) for it in reader.names], shapes.by_file)))


def losing_parameters(reader: Hdf5Reader, drops: NDArray[np.int64]) -> frozenset[str]:
    """Return the names of the files of which a parameter is dropped; `drops` are the indexes of records, ascending."""
    losing: dict[int, Sequence[Table]] = {}
    first = 0
    for number in range(len(reader.names)):
        contents = reader.contents(number)
        ends = np.cumsum([first, *(it.rows for it in contents.tables)])
        counts = np.diff(np.searchsorted(drops, ends)).tolist()
        lost = [table for table, count in zip(contents.tables, counts, strict=True) if count]
        losing[number] = [it for it in _parameters(contents) if it in lost] if lost else ()
        first = int(ends[-1]) + len(contents.records)
    return frozenset(reader.names[it] for it in _of_equal_files(reader, losing))


def _parameters(contents: Contents) -> list[Table]:
    """Return the tables of a file that may be its parameters: few values that lie beside data with more rows."""
    longest = max((it.rows for it in contents.tables), default=0)
    flat = [it for it in contents.tables if not it.each and all(len(one.shape) == 1 for one in it.datasets)]
    return [it for it in flat if 1 < it.rows <= LONGEST and it.rows < longest]


def _of_equal_files(reader: Hdf5Reader, losing: Mapping[int, Sequence[Table]]) -> dict[int, list[Table]]:
    """Return those of the tables that lose rows which have as many in all files of the family, by file number."""
    families: dict[bytes, list[int]] = defaultdict(list)
    for number, name in enumerate(reader.names if any(losing.values()) else ()):
        families[family_name(unescape(name))].append(number)
    result = {}
    for numbers in families.values():
        wanted = {it.datasets[0].path for number in numbers for it in losing.get(number, ())}
        if not wanted or len(numbers) < FEWEST or words(reader.names[numbers[0]].rpartition("/")[2].encode()) & PIECES:
            continue
        sizes: dict[bytes, set[int]] = defaultdict(set)
        for number in numbers:
            rows = {path: shape[0] for path, shape in reader.contents(number).shapes if path in wanted and shape}
            for path in wanted:
                sizes[path].add(rows.get(path, -1))
        equal = {path for path, some in sizes.items() if len(some) == 1}
        for number in numbers:
            result[number] = [it for it in losing.get(number, ()) if it.datasets[0].path in equal]
    return {number: tables for number, tables in result.items() if tables}


def notes_of_equal_files(reader: Hdf5Reader, losing: Mapping[int, Sequence[Table]]) -> Iterator[str]:
    """Yield a sentence for each family of files that had equally many rows, of which some lose rows and not all."""
    told: dict[tuple[bytes, str], list[int]] = defaultdict(list)
    for number, tables in _of_equal_files(reader, losing).items():
        for table in tables:
            told[family_name(unescape(reader.names[number])), table.name].append(number)
    for (_, name), numbers in sorted(told.items()):
        rows = next(it.rows for it in losing[numbers[0]] if it.name == name)
        yield (
            f"all files like {reader.names[numbers[0]]} had {counted(rows, 'row')} of {name}, and "
            f"{and_more(['this one'], len(numbers))} would have fewer: a loader that takes a file for one sample would "
            "stop there"
        )
