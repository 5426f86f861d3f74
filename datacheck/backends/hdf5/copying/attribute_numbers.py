"""Find attributes that count the rows of a table (`num_events`) or hold row numbers (`event_idx` of pictures).

Counts are corrected in a copy; row numbers are reported before a copy is written. Tables in samples are left out, since
samples have counts of their own.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from datacheck.backends.hdf5.copying.row_selection import Change
from datacheck.backends.hdf5.file import library, opened
from datacheck.backends.hdf5.library.fork_guard import StepCounter
from datacheck.backends.hdf5.library.listing import attributes
from datacheck.backends.hdf5.library.looking import FEW, TEXTS, Looking
from datacheck.backends.hdf5.meaning import Meaning
from datacheck.backends.hdf5.names import DIGITS, LABELS, words
from datacheck.backends.hdf5.paths import with_groups_above
from datacheck.backends.hdf5.references.boundaries import BEGINS, BOUNDS, ENDS
from datacheck.backends.hdf5.references.row_numbers import ROWS
from datacheck.backends.hdf5.samples.samples import by_number
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.model.escaping import escape
from datacheck.model.sample_sets import SETS

SURELY = frozenset(b"n num nb number count total".split())
COUNTING = SURELY | frozenset(b"len length size".split())
ANYTHING = frozenset(b"sample samples example examples row rows record records entry entries item items".split())
"""Words that stand for the rows of any table."""
POINTING = ROWS | BOUNDS | frozenset({b"ix"})
CLASSES = LABELS | frozenset(b"class classes category categories cat".split())
SHAPE = b"shape"
FEWEST, REACHING = 3, 1 / 2
"""Minimum number of objects with rising numbers, and fraction of the rows that the last number must reach, for them to
be row numbers."""
Numbers = Mapping[tuple[bytes, bytes], tuple[int, ...]]
"""Integers in attributes, by the path of their object and their name."""


def counts(
    file: Path, contents: Contents, changes: Mapping[bytes, Change]
) -> dict[tuple[bytes, bytes], int | tuple[int, ...]]:
    """Return the new values of attributes with row counts or shapes of tables which lose rows, by path and name."""
    tables = _tables_outside_samples(contents)
    shortened = [it for it in tables if _rows_left(it, changes) < it.rows]
    amended: dict[tuple[bytes, bytes], int | tuple[int, ...]] = {}
    numbers = integers(file, contents, COUNTING | {SHAPE}, _paths_with_parents(shortened)) if shortened else {}
    for (path, name), values in numbers.items():
        for table in shortened:
            shapes = {it.path: it.shape for it in table.datasets if not it.across}
            if name == SHAPE and values == shapes.get(path):
                amended[path, name] = (_rows_left(table, changes), *values[1:])
            elif values == (table.rows,) and _counts_rows(name, path, table, _uncut_row_counts(tables, path, changes)):
                amended[path, name] = _rows_left(table, changes)
        below = [it for it in tables if _is_above(path, it)]
        if (path, name) not in amended and values == (sum(it.rows for it in below),) and _counts_all(name, below):
            amended[path, name] = sum(_rows_left(it, changes) for it in below)
    return amended


def losses(file: Path, contents: Contents, rows: Mapping[str, Collection[int]]) -> Iterator[str]:
    """Yield a sentence for each attribute that may hold row numbers of tables which lose `rows`.

    The attribute holds many such numbers, or one in each of several objects.
    """
    shortened = [it for it in _tables_outside_samples(contents) if len(rows.get(it.name, ()))]
    alike: dict[tuple[bytes, bytes], list[tuple[bytes, int]]] = defaultdict(list)
    found_numbers = (
        integers(
            file, contents, POINTING | BEGINS | ENDS, {*contents.paths, *_paths_with_parents(shortened)}, most=TEXTS
        )
        if shortened
        else {}
    )
    for (path, name), values in sorted(found_numbers.items()):
        for table in (it for it in shortened if _are_row_numbers(name, values, it)):
            attribute = f"the attribute {escape(name)} of {escape(path)}"
            yield f"{attribute} may hold numbers of rows of {table.name}, which would lead elsewhere"
        if len(values) == 1 and words(name) & POINTING:
            alike[DIGITS.sub(b"#", path), name].append((path, values[0]))
    for (_, name), found in sorted(alike.items()):
        numbers = np.array([it for _, it in sorted(found, key=lambda it: by_number(it[0]))])
        for table in shortened:
            own = {it.path for it in table.datasets}
            rising = len(found) >= FEWEST and not own.intersection(path for path, _ in found)
            rising = rising and bool((numbers[1:] >= numbers[:-1]).all()) and numbers[-1] > numbers[0] >= 0
            if rising and REACHING * table.rows <= numbers[-1] <= table.rows:
                yield (
                    f"the attribute {escape(name)} of {escape(found[0][0])} and {len(found) - 1:,} more may hold "
                    f"numbers of rows of {table.name}, which would lead elsewhere"
                )


def _are_row_numbers(name: bytes, numbers: Sequence[int], table: Table) -> bool:
    """Return whether the numbers in an attribute are rows of a table: those of a set of samples, or where it begins."""
    if len(numbers) == 1:
        return bool(words(name) & SETS) and 0 < numbers[0] <= table.rows
    if not words(name) & POINTING or len(numbers) in table.datasets[0].shape[1:] or len(set(numbers)) < len(numbers):
        return False
    if not words(name) & SETS and (words(name) & CLASSES or max(numbers) - min(numbers) == len(numbers) - 1):
        return False  # class numbers, or a full range of something else
    return min(numbers) >= 0 and REACHING * table.rows <= max(numbers) < table.rows


def _tables_outside_samples(contents: Contents) -> list[Table]:
    """Return the tables that are in no sample and have a record in each row."""
    means = contents.means or Meaning()
    groups = ((it, it.datasets[0].path.rpartition(b"/")[0]) for it in contents.tables if not it.each)
    return [it for it, group in groups if not means.holds(group)]


def _rows_left(table: Table, changes: Mapping[bytes, Change]) -> int:
    change = changes.get(table.datasets[0].path)
    return table.rows if change is None else len(change.rows)


def _is_above(path: bytes, table: Table) -> bool:
    group = table.datasets[0].path.rpartition(b"/")[0]
    return (group + b"/").startswith(path.rstrip(b"/") + b"/")


def _uncut_row_counts(tables: Collection[Table], path: bytes, changes: Mapping[bytes, Change]) -> set[int]:
    """Return the row counts of the tables below an object that lose no row; an attribute of it may count these."""
    return {it.rows for it in tables if _rows_left(it, changes) == it.rows and _is_above(path, it)}


def _counts_all(name: bytes, tables: Collection[Table]) -> bool:
    """Return whether an attribute that equals the rows of several tables together counts the samples of all sets."""
    name_words = words(name)
    samples = SURELY & name_words and ANYTHING & name_words and name_words <= SURELY | ANYTHING
    return bool(samples) and len(tables) > 1 and all(it.rows for it in tables)


def _paths_with_parents(tables: Collection[Table]) -> list[bytes]:
    """Return the paths of objects that may have counts of tables: their datasets and all groups above them."""
    datasets = (it.path for table in tables for it in table.datasets)
    return sorted({b"", *(path for it in datasets for path in with_groups_above(it))})


def _counts_rows(name: bytes, path: bytes, table: Table, uncut: Collection[int]) -> bool:
    """Return whether an attribute that equals a table's row count counts its rows, not something of the same length."""
    name_words = words(name)
    paths = {it.path for it in table.datasets}
    above = table.datasets[0].path.rpartition(b"/")[0]
    if not name_words & COUNTING or not (path in paths or _is_above(path, table)):
        return False
    table_words = {word for it in (*paths, above) for word in words(it.rpartition(b"/")[2])} - LABELS
    rest = name_words - COUNTING
    if name_words & SURELY and {it.removesuffix(b"s") for it in rest} & {it.removesuffix(b"s") for it in table_words}:
        return not any(it.shape[1:] == (table.rows,) for it in table.datasets)  # such as 64 features of 64 samples
    if not name_words & (SURELY | ANYTHING) and any(table.rows in it.shape[1:] for it in table.datasets):
        return False  # such as 64 windows of length 64
    return rest <= ANYTHING and (path in paths or table.rows not in uncut)


def integers(
    file: Path, contents: Contents, wanted: Collection[bytes], paths: Collection[bytes], most: int = FEW
) -> Numbers:
    """Return the integers, at most `most`, in each attribute of `paths` with one of the words `wanted` in its name."""
    found: dict[tuple[bytes, bytes], tuple[int, ...]] = {}
    with contextlib.suppress(*TROUBLE), opened(file, contents.recovery) as handle:  # the scan has reported errors
        h5 = library()
        look = Looking(h5, handle.file.id, StepCounter({}))
        for path in paths:
            with contextlib.suppress(*TROUBLE):
                names = attributes(h5, h5.h5o.open(handle.file.id, path or b"/")).names
                for name in (it for it in names if words(it).intersection(wanted)):
                    values = look.numbers(path, name, most)
                    if values:
                        found[path or b"/", name] = values
    return found
