"""Check tables beside HDF5 files that name their records: merge.csv of the traces in merge.hdf5, as STEAD has them.

Nearly all names in one column are those of datasets or groups, or of rows of datasets: SeisBench's metadata.csv has
`bucket1$15,:3,:6000` for row 15 of bucket1 in waveforms.hdf5. A loader that goes by the table fails at the others.

A column of numbers may count anything, even where the records have numbers for names. It names them only if it has each
number once, and the missing ones lie between those of the file.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, TextIO

from datacheck.backends.hdf5.folders.file_lists import tables_beside
from datacheck.backends.hdf5.tables import Contents
from datacheck.files.regular import NotRegular, is_regular, open_regular
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more

FEWEST, NEARLY, MOST, NAMED = 8, 0.9, 2 / 3, 5
"""Minimum number of records, minimum share of names that are there, for the others to be missing, maximum share of
missing rows of buckets, which are named as nothing else is, and how many names are told."""
SAMPLED, LONGEST, MOST_MISSING = 64, 1 << 17, 1 << 20
"""Number of lines by which the column of the names is found, maximum length of a row, and maximum number of different
missing names that are kept; the number of all of them is estimated if there are more."""
PLACE = re.compile(rb"(bucket[^$]*)\$([0-9]{1,18})")
"""The name of a bucket, and the number of a row in it."""


def findings_of_record_lists(file: Path, contents: Contents) -> Iterator[Finding]:
    """Yield a finding for the table beside a file, if it names records that are not in the file."""
    tables = [*filter(is_regular, tables_beside(file))]
    rows = _rows_by_name(contents) if tables else {}
    if len(rows) < FEWEST and not any(it.startswith(b"bucket") for it in rows):
        return
    for path in tables:
        compared = _compared(path, rows)
        named = _names(contents) if compared.missing else frozenset[bytes]()
        missing = [it for it in compared.missing if it not in named]  # a record that is unlike the others is there, too
        if any(map(bytes.isdigit, missing)) and not _are_between(missing, rows):
            continue
        of_rows = all(map(PLACE.match, missing))
        if contents.by_path and not of_rows:
            continue  # a soft link may have the name
        if missing and compared.different <= (MOST if of_rows else 1 - NEARLY) * compared.names:
            title = escape(os.fsencode(path.name))
            names = [*map(escape, missing[:NAMED])]
            verb = "are" if len(missing) > 1 else "is"
            count = and_more(names, len(missing))
            if compared.more:
                count = f"{', '.join(names)} and about {compared.different - len(names):,} more"
            text = f"{title} names {count}, which {verb} not in {escape(os.fsencode(file.name))}"
            verdict: Verdict | None = None if of_rows else "suspicious"  # some may have been left out
            yield found("missing", text, verdict=verdict, path=title, missing=names)


def _names(contents: Contents) -> frozenset[bytes]:
    """Return the names of all groups and datasets of a file, and of links that are not followed."""
    links = (it.details.get("path") for it in contents.findings)
    paths = (*contents.paths, *(unescape(it) for it in links if isinstance(it, str)))
    return frozenset(part for it in paths for part in it.split(b"/"))


def _are_between(names: Iterable[bytes], rows: Iterable[bytes]) -> bool:
    """Check whether all names are numbers between the lowest and the highest number that is the name of a record."""
    numbers = [_digits(it) for it in rows if it.isdigit()]
    lowest, highest = min(numbers, default=(0, b"")), max(numbers, default=(0, b""))
    return all(it.isdigit() and lowest < _digits(it) < highest for it in names)


def _digits(name: bytes) -> tuple[int, bytes]:
    """Return what numbers of any length sort by."""
    digits = name.lstrip(b"0")
    return len(digits), digits


def _rows_by_name(contents: Contents) -> Mapping[bytes, int]:
    """Return the names of datasets and groups that are a record each, and of buckets, with their number of rows."""
    samples = frozenset[bytes]() if contents.means is None else contents.means.samples
    rows = {it.rpartition(b"/")[2]: 1 for it in samples}
    for table in contents.tables:
        buckets = [it for it in table.datasets if it.name.startswith(b"bucket")]
        rows |= {it.name: 1 for it in table.judged} if table.each else {}
        rows |= {it.name: it.rows for it in buckets}
    return rows


class Compared(NamedTuple):
    """How many names a table has, and which of them are not there: all of these unless there are `more`."""

    names: int
    missing: list[bytes]
    different: int
    """Number of different names that are not there, estimated if there are more than are kept."""
    more: bool = False


def _compared(path: Path, rows: Mapping[bytes, int]) -> Compared:
    """Return how many names a table has in the column of names, and those of them that are not there.

    None are returned for a column of numbers that has one of them twice. If more are missing than are kept, the share
    of different names among these gives the number of all, and the first of each form and the lowest and the highest
    number are kept as well.
    """
    count, missing = 0, dict[bytes, None]()
    numbers: set[bytes] = set()
    absent, before, further = 0, 0, dict[str, bytes]()
    with contextlib.suppress(OSError, NotRegular, csv.Error), open_regular(path) as file:
        text = io.TextIOWrapper(file, "latin-1", newline="")  # it closes the file as soon as nothing refers to it
        lines = _rows(text)
        head = [[*map(_name, it)] for it in islice(lines, 1, SAMPLED)]
        columns = range(min(map(len, head), default=0))
        fitting = {at: sum(it[at] in rows or PLACE.match(it[at]) is not None for it in head) for at in columns}
        column = max(fitting, key=lambda it: fitting[it], default=0)
        if not fitting or fitting[column] < NEARLY * len(head):
            return NOTHING
        for name in chain((it[column] for it in head), (_name(it[column]) for it in lines if len(it) > column)):
            count += bool(name)
            if name in numbers:
                return NOTHING
            is_there = not name or _is_there(name, rows)
            absent += not is_there
            if not is_there and len(missing) >= MOST_MISSING:
                if name not in missing:
                    before = before or absent - 1
                    _keep_extremes(name, further)
                continue
            if not is_there:
                missing[name] = None
            if name.isdigit():
                numbers.add(name)
    different = max(len(missing), round(len(missing) * absent / before)) if further else len(missing)
    return Compared(count, list(dict.fromkeys((*missing, *further.values()))), different, bool(further))


NOTHING = Compared(0, [], 0)


def _keep_extremes(name: bytes, extremes: dict[str, bytes]) -> None:
    """Keep a name if it is the first of its form, or the lowest or highest number."""
    if not name.isdigit():
        extremes.setdefault("row" if PLACE.match(name) else "name", name)
        return
    extremes["low"] = min(extremes.get("low", name), name, key=_digits)
    extremes["high"] = max(extremes.get("high", name), name, key=_digits)


def _rows(text: TextIO) -> Iterator[list[str]]:
    """Yield the fields of each row of a table. Raises csv.Error if a row with line breaks is longer than LONGEST.

    A longer line is read in parts.
    """
    length = 0

    def lines() -> Iterator[str]:
        nonlocal length
        while line := text.readline(LONGEST):
            length += len(line)
            if length > LONGEST:
                raise csv.Error("a row is too long")
            yield line

    for row in csv.reader(lines()):
        yield row
        length = 0


def _name(field: str) -> bytes:
    return field.encode("latin-1").strip().rpartition(b"/")[2]


def _is_there(name: bytes, rows: Mapping[bytes, int]) -> bool:
    place = PLACE.match(name)
    return name in rows if place is None else int(place[2]) < rows.get(place[1], 0)
