"""Find text files beside HDF5 files with a line or item for each row, or with names of dropped files and datasets."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from datacheck.backends.hdf5.copying.closing_up import single
from datacheck.backends.hdf5.copying.companions import beside
from datacheck.backends.hdf5.copying.dropped import Dropped
from datacheck.backends.hdf5.folders.file_lists import is_report, lists_beside, may_be_list, tables_beside
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.tables import Table
from datacheck.files.regular import NotRegular, is_regular, open_regular, read_whole
from datacheck.model.escaping import escape
from datacheck.model.listing import and_more, counted

SUFFIXES = frozenset({".txt", ".csv", ".tsv", ".lst", ".list", ".names"})
JSON = ".json"
PIECE = 1 << 20
STRING, END_OF_PIECE = re.compile(rb'"[^"\\\0]*+(?:\\.[^"\\\0]*+)*+["\0]', re.DOTALL), b"\0"
"""Matches a string of a JSON text, or its beginning if the piece ends in it."""
OPENS, CLOSES, COMMA = 1, -1, 2
KINDS = np.zeros(256, np.int8)
KINDS[list(b"[{")], KINDS[list(b"]}")], KINDS[list(b",")] = OPENS, CLOSES, COMMA
"""Which bytes open or close a list or mapping of a JSON text, or part its items."""
OUTER, INNER = 1, 2
"""Depths of the whole list or mapping, and of those right inside it."""
SHORTEST = 4
"""Minimum length of a name that is looked for in texts."""
END = b"\n"
WORD, DIGIT, LETTER = re.compile(rb"[\w.\-]+"), re.compile(rb"[0-9]"), re.compile(rb"[A-Za-z]")
FEWEST = 16
"""Minimum number of rows; fewer may equal a number of lines by chance."""
LARGEST = 1 << 20
"""Maximum size of a list of fewer samples, which is read as a whole."""
BLANK = 0.1
"""Maximum share of the lines of a list that may be empty; a text with more of them has paragraphs."""


def losses_of_lists(
    reader: Hdf5Reader, losing: Mapping[int, Sequence[Table]], dropped: Mapping[int, Dropped]
) -> Iterator[str]:
    """Yield a sentence for each text file with as many lines as there are rows in a table that loses some.

    A text about the data, such as its licence, is left out. The rows of one HDF5 file count, and those of all files
    together. The first line of a .csv or .tsv file may be a header. Tables in which each dataset is a record are left
    out, since such records are found by name. So are samples with names, but ManiSkill's trajectory.json has an item
    for each of the groups of trajectory.h5 without its name: their number counts, too.
    """
    if not reader.path.is_dir():
        return
    rows, few = _numbers(reader, losing, dropped), _few_samples(reader, dropped)
    for name in filter(may_be_list, beside(reader, frozenset())) if rows or few else ():
        what = _counted(reader.path / name, rows) or _few_counted(reader.path / name, few)
        if what is not None and not is_report(reader.path / name):
            title = escape(os.fsencode(name))
            yield f"{title} has {what}, and would keep those that go"


def _numbers(
    reader: Hdf5Reader, losing: Mapping[int, Sequence[Table]], dropped: Mapping[int, Dropped]
) -> Mapping[int, str]:
    """Return what a list of this many items may be of: rows, or the groups that are the samples of a file."""
    means = (reader.contents(number).means for number, it in dropped.items() if it.samples)
    samples = (len(it.samples) for it in means if it is not None)
    return {it: "samples" for it in samples if it >= FEWEST} | dict.fromkeys(_numbers_of_rows(reader, losing), "rows")


def _few_samples(reader: Hdf5Reader, dropped: Mapping[int, Dropped]) -> Mapping[Path, int]:
    """Return the JSON file called like each file that loses samples and has few, with the number of these."""
    losing = ((number, reader.contents(number).means) for number, it in dropped.items() if it.samples)
    counts = {number: len(means.samples) for number, means in losing if means is not None}
    return {reader.files[number].absolute().with_suffix(JSON): it for number, it in counts.items() if 1 < it < FEWEST}


def _few_counted(path: Path, few: Mapping[Path, int]) -> str | None:
    """Return how many items a list has if it is of mappings, one for each of few samples, as a phrase."""
    count = few.get(path.absolute(), 0)
    if not count:
        return None
    try:
        document = json.loads(read_whole(path, LARGEST))
    except (OSError, NotRegular, ValueError, RecursionError):  # copying the file reports an error
        return None
    lists = document.values() if isinstance(document, dict) else [document]
    for it in lists:
        if isinstance(it, list) and len(it) == count and all(isinstance(one, dict) for one in it):
            return f"{count:,} items, which may be of the samples one by one"
    return None


def notes_of_lists(
    reader: Hdf5Reader, losing: Mapping[int, Sequence[Table]], dropped: Mapping[int, Dropped]
) -> Iterator[str]:
    """Yield a sentence for each text beside a file or folder with as many lines or items as one of its tables has rows.

    Such a list is not part of the copy. Its name begins like that of the source, or is that of its metadata.
    """
    source = reader.path.absolute()
    stem = source.name.partition(".")[0].lower()
    tables = tables_beside(source)
    beside_it = (it for it in lists_beside(source)[0] if it != source)
    lists = [it for it in beside_it if it.name.lower().startswith(stem) or it in tables]
    rows, few = (_numbers(reader, losing, dropped), _few_samples(reader, dropped)) if lists else ({}, {})
    for path in lists if rows or few else ():
        what = _counted(path, rows) or _few_counted(path, few)
        if what is not None:
            title = escape(os.fsencode(path.name))
            yield f"{title}, beside the source, has {what}; the copy has fewer"


def _numbers_of_rows(reader: Hdf5Reader, losing: Mapping[int, Sequence[Table]]) -> set[int]:
    """Return the numbers of rows that a list of rows may have: of each table that loses some, and of all files."""
    names = {table.name for tables in losing.values() for table in tables if not table.each}
    rows: set[int] = {table.rows for tables in losing.values() for table in tables if not table.each}
    total_rows = Counter[str]()
    for number in range(len(reader.files) if names else 0):
        tables = [it for it in reader.contents(number).tables if not it.each]
        total_rows.update({it.name: it.rows for it in tables if it.name in names})
        total_rows[""] += sum(it.rows for it in tables)
    return {it for it in rows | set(total_rows.values()) if it >= FEWEST}


def _counted(path: Path, numbers: Mapping[int, str]) -> str | None:
    """Return how many items or lines a list has, and what they may be of, as a phrase; None if it has other numbers."""
    suffix = path.suffix.lower()
    header = suffix in (".csv", ".tsv")
    count = _lines(path) if suffix in SUFFIXES else None
    counts = _items(path) if suffix == JSON else () if count is None else (count, count - header)
    known = max((it for it in counts if it in numbers), default=None)
    if known is None:
        return None
    listed = counted(known, "item") if count is None else f"{count:,} lines"
    return f"{listed}, which may be of the {numbers[known]} one by one"


def losses_of_names(reader: Hdf5Reader, dropped: Mapping[int, Dropped]) -> Iterator[str]:
    """Yield a sentence for each text file that has the name of a dropped file, group or dataset as a word.

    `dropped` says what each file loses, by its number. Only names with letters and digits are looked for, since others
    may be ordinary words or numbers; those that other files have as well only in the folder of the dropped one.
    """
    names = _striking(_dropped_names(reader, dropped)) if reader.path.is_dir() else frozenset[bytes]()
    kept = {
        os.fsencode(file.name) for at, file in enumerate(reader.files) if at not in dropped or not dropped[at].whole
    }
    shared = names & kept.union(*(_without_suffixes(it) for it in kept))
    own = _names_by_folder(reader, dropped) if shared else {}
    for path in filter(may_be_list, beside(reader, frozenset())) if names else ():
        if is_report(reader.path / path):
            continue
        here = names - shared.difference(own.get(reader.path / path.parent, ()))
        if here and (named := _named(reader.path / path, here)):
            yield f"{escape(os.fsencode(path))} names {named}, which would not be there"


def notes_of_names(reader: Hdf5Reader, dropped: Mapping[int, Dropped]) -> Iterator[str]:
    """Yield a sentence for each list beside a folder that has the name of a dropped file, group or dataset as a word.

    Such a list is not part of the copy, and a loader of the copy may go by it. Beside a single file, only a table of
    its records is such a list.
    """
    if not any(it.whole or it.samples or it.rows for it in dropped.values()):
        return
    names = _striking(_dropped_names(reader, dropped))
    lists, left = lists_beside(reader.path) if names and reader.path.is_dir() else ([], 0)
    tables = tables_beside(reader.path.absolute()) if names and not reader.names else []
    for path in (*lists, *filter(is_regular, tables)):
        if named := _named(path, names):
            yield f"{escape(os.fsencode(path.name))}, beside the source, names {named}, which the copy does not have"
    if left:
        yield (
            f"{counted(left, 'further text')} beside the source may be lists, and were not searched for what "
            "the copy lacks"
        )


def _striking(names: Iterator[bytes]) -> frozenset[bytes]:
    """Return the names with letters and digits, since others may be ordinary words or numbers."""
    return frozenset(it for it in names if len(it) >= SHORTEST and DIGIT.search(it) and LETTER.search(it))


def _dropped_names(reader: Hdf5Reader, dropped: Mapping[int, Dropped]) -> Iterator[bytes]:
    """Yield the names of dropped files, with and without suffixes, and of dropped groups and single datasets."""
    for number, of_file in dropped.items():
        if of_file.whole and not reader.names:
            continue
        if of_file.whole:
            file = os.fsencode(reader.files[number].name)
            yield from (file, *_without_suffixes(file))
        else:
            paths = single(reader.contents(number), of_file).union(of_file.samples)
            yield from (it.rpartition(b"/")[2] for it in paths)


def _without_suffixes(file: bytes) -> tuple[bytes, bytes]:
    return file.rpartition(b".")[0], file.partition(b".")[0]


def _names_by_folder(reader: Hdf5Reader, dropped: Mapping[int, Dropped]) -> Mapping[Path, set[bytes]]:
    """Return the names of dropped files by folder: a text in another one that has such a name may mean another file."""
    names: dict[Path, set[bytes]] = {}
    for number, of_file in dropped.items():
        if of_file.whole and reader.names:
            file = os.fsencode(reader.files[number].name)
            names.setdefault(reader.files[number].parent, set()).update((file, *_without_suffixes(file)))
    return names


def _named(path: Path, names: frozenset[bytes]) -> str:
    """Return the first of the names that a file has as words, and how many more, or an empty text."""
    named = sorted(_names_in(path, names))
    return and_more(map(escape, named[:1]), len(named))


def _names_in(path: Path, names: frozenset[bytes]) -> set[bytes]:
    """Return those of the names that a file has as words."""
    named: set[bytes] = set()
    longest = max(map(len, names))
    cut = b""
    for piece in _pieces(path):
        text = cut + piece
        last = WORD.match(text[::-1])  # the next piece may go on with the last word
        end = len(text) - (0 if last is None else last.end())
        named |= names.intersection(WORD.findall(text[:end]))
        cut = text[end : end + longest + 1]  # a longer word is none of the names, however it goes on
    return named | names.intersection([cut])


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces, as far as they can be read: copying the file reports an error."""
    with contextlib.suppress(OSError, NotRegular), open_regular(path) as file:
        while piece := file.read(PIECE):
            yield piece


def _items(path: Path) -> set[int]:
    """Return the numbers of items of the list or mapping in a JSON text, and of those right inside a mapping.

    `images` of cocotalk.json has an item for each row, and gqa_objects_info.json says the row of each picture. Numbers
    less than FEWEST are left out. None are returned if the text is cut off or has several values.
    """
    counts: set[int] = set()  # numbers of commas in each inner list or mapping that is read to its end
    outer = inner = depth = 0
    is_mapping = False
    for text in _without_strings(_pieces(path)):
        kinds = KINDS[np.frombuffer(text, np.uint8)]
        kinds = kinds[kinds != 0]
        if not kinds.size:
            continue
        if not outer:
            is_mapping, outer = text.lstrip()[:1] == b"{", 1
        elif not depth:
            return set()
        depths = depth + np.cumsum(np.where(kinds == COMMA, 0, kinds))
        if not depths[:-1].all():
            return set()
        begins = np.flatnonzero((kinds == OPENS) & (depths == INNER))
        commas = np.flatnonzero((kinds == COMMA) & (depths == INNER))
        inside = np.bincount(np.searchsorted(begins, commas), minlength=len(begins) + 1)
        inside[0] += inner
        counts.update(inside[:-1][inside[:-1] >= FEWEST - 1].tolist())
        outer += int(((kinds == COMMA) & (depths == OUTER)).sum())
        inner, depth = int(inside[-1]), int(depths[-1])
    inside_it = {it + 1 for it in (*counts, inner)} if is_mapping else set()
    return set() if depth else {it for it in (outer, *inside_it) if it >= FEWEST}


def _without_strings(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces of a JSON text without its strings, which may go on from one piece to the next."""
    inside, cut = False, b""
    for piece in pieces:
        text = cut + piece
        backslashes = len(text) - len(text.rstrip(b"\\"))
        text, cut = (text[:-1], text[-1:]) if backslashes % 2 else (text, b"")
        outside = STRING.sub(b"", (b'"' if inside else b"") + text + END_OF_PIECE)
        inside = not outside.endswith(END_OF_PIECE)
        yield outside.removesuffix(END_OF_PIECE)


def _lines(path: Path) -> int | None:
    """Return the number of lines in a list, or None if a file cannot be read or has paragraphs.

    A copy also reads the whole file.
    """
    count, empty, last = 0, 0, END
    try:
        with open_regular(path) as file:
            while piece := file.read(PIECE):
                text = last + piece.replace(b"\r", b"")
                ends = np.frombuffer(text, np.uint8) == ord(END)
                count += int(ends[1:].sum())
                empty += int((ends[1:] & ends[:-1]).sum())
                last = text[-1:]
    except (OSError, NotRegular):  # copying the file reports the error
        return None
    count += last != END
    return None if empty > BLANK * count else count
