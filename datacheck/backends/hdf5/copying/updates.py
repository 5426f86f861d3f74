"""Update in a copy what its datasets and attributes say of each other: counts, names of samples, row numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.copy_plan import Gone, Others
from datacheck.backends.hdf5.copying import attribute_numbers, closing_up
from datacheck.backends.hdf5.copying.cell_axis import amend_cells, extents, with_cells
from datacheck.backends.hdf5.copying.closing_up import single
from datacheck.backends.hdf5.copying.corrected_numbers import Read, corrected_numbers, read_numbers
from datacheck.backends.hdf5.copying.dropped import (
    Dropped,
    Rows,
    dropped_with,
    is_sample,
    tied_heights,
)
from datacheck.backends.hdf5.copying.equal_files import losing_parameters, notes_of_equal_files, recorded_files
from datacheck.backends.hdf5.copying.list_counts import counts_of_lists
from datacheck.backends.hdf5.copying.lists_beside import (
    losses_of_lists,
    losses_of_names,
    notes_of_lists,
    notes_of_names,
)
from datacheck.backends.hdf5.copying.marked import marks_of, samples_of, usual_paths
from datacheck.backends.hdf5.copying.other_files import losses_of_other_files
from datacheck.backends.hdf5.copying.row_selection import Amended, Change, Kept
from datacheck.backends.hdf5.file import opened
from datacheck.backends.hdf5.folders.case_folders import case_of
from datacheck.backends.hdf5.folders.counts_beside import with_counts
from datacheck.backends.hdf5.folders.counts_of_sets import WholeSet, sets_of, with_sets
from datacheck.backends.hdf5.folders.paired_files import pairs, with_partners
from datacheck.backends.hdf5.formats.pytables import in_indexes
from datacheck.backends.hdf5.formats.trajectories import COUNT
from datacheck.backends.hdf5.meaning import Meaning
from datacheck.backends.hdf5.paths import nearest
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.samples.counts_in_attributes import Counted
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.errors import RebuildFailed
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import full_name as called

Samples = frozenset[tuple[str | None, str]]
NROWS = b"NROWS"
"""Attribute in which PyTables keeps the number of rows of a table."""


def all_dropped(
    reader: Hdf5Reader, indexes: bytes, marked: Samples, *, drop_rows: bool, renumber: bool | None = None
) -> Gone:
    """Return everything that is dropped along with marked samples and the records at `indexes` (ascending int64)."""
    drops = np.frombuffer(indexes, np.int64)
    of_file = _by_file(marked)
    usual = usual_paths(reader, set().union(*of_file.values()) - {b""})
    dropped_indexes: list[NDArray[np.int64]] = []
    samples: set[tuple[str | None, str]] = set()
    losses, lists, notes = list[str](), list[str](), list[str]()
    values: dict[str, str] = {}
    others: list[Others] = []
    direct, drops = drops, _with_partners(reader, drops, of_file)
    cases, recorded = _cases_that_go(reader, drops, of_file), losing_parameters(reader, drops) | recorded_files(reader)
    samples |= {(folder, "") for folder in cases.values()}
    losing, numbered = dict[int, Sequence[Table]](), set[tuple[str | None, str]]()
    needs_mending, first = False, 0
    sets, gone, to_describe = sets_of(reader), dict[int, Collection[bytes]](), dict[int, Dropped]()
    for number, file in enumerate(reader.files):
        label = reader.names[number] if reader.names else None
        contents = _contents(reader, number, sets, {})
        rows, file_records = _rows_of(contents, drops, first)
        start, begin = first, first + sum(it.rows for it in contents.tables)
        first = begin + len(contents.records)
        file_marks = marks_of(contents, of_file.get(label, ()), usual) | samples_of(contents, file_records - begin)
        file_marks |= {b""} if label in cases else set()
        needs_mending |= _is_untrue(contents)
        if not rows and not file_marks:
            dropped_indexes.append(file_records)
            to_describe[number] = Dropped()
            continue
        sample = None if label is None else label in {*cases, *recorded} or is_sample(unescape(label), contents)
        file_marks -= set() if sample else {b""}
        dropped = _dropped_of_file(
            file, contents, rows, file_marks, drop_rows=drop_rows, sample=sample, renumber=renumber
        )
        dropped_indexes += _dropped_indexes(contents, dropped, start)
        others += _others(contents, dropped, direct, start, label)
        dropped_indexes += [np.arange(start, first) if dropped.whole else file_records]
        dropped_indexes += [_records_in(contents, dropped.samples) + begin]
        samples |= {(label, "")} if dropped.whole else {(label, escape(path)) for path in dropped.samples}
        losses += (f"{label}: {it}" if label else it for it in dropped.losses)
        notes += closing_up.notes(contents, dropped, label, renumber)
        losing[number] = () if dropped.whole else [it for it in contents.tables if len(dropped.rows.get(it.name, ()))]
        to_describe[number] = dropped
        gone[number] = _of_sets([it.by_file[number] for it in sets if number in it.by_file], contents, dropped)
        numbered.update(closing_up.numbered(contents, dropped, label, renumber, values))
    for number, dropped in to_describe.items():
        _describe_updates(reader, number, _contents(reader, number, sets, gone), dropped, values, lists)
    losses += [*losses_of_other_files(reader, losing), *losses_of_lists(reader, losing, to_describe)]
    losses += losses_of_names(reader, to_describe)
    notes += _notes(reader, to_describe, losing)
    found = np.unique(np.concatenate(dropped_indexes)) if dropped_indexes else drops
    index_bytes = found.astype(np.int64).tobytes()
    more = tuple(values.items()), tuple(lists), tuple(others), tuple(notes)
    return Gone(index_bytes, frozenset(samples), tuple(losses), needs_mending, (), *more, numbered=frozenset(numbered))


def _dropped_of_file(
    file: Path,
    contents: Contents,
    rows: Rows,
    marked: set[bytes],
    *,
    drop_rows: bool,
    sample: bool | None,
    renumber: bool | None,
) -> Dropped:
    """Return what a file, which may be one `sample` itself, loses along with these rows and the `marked` samples."""
    rows = with_cells(file, contents, rows)
    read = read_numbers(file, contents)
    dropped = dropped_with(contents, rows, marked, read, drop_rows=drop_rows, sample=sample, renumber=renumber)
    dropped.losses += () if dropped.whole else attribute_numbers.losses(file, contents, dropped.rows)
    dropped.losses += closing_up.losses(file, contents, dropped, renumber)
    return dropped


def _rows_of(contents: Contents, drops: NDArray[np.int64], first: int) -> tuple[Rows, NDArray[np.int64]]:
    """Return the dropped rows of each table of a file, and the indexes of its dropped single records.

    `first` is the index of the file's first record.
    """
    rows: Rows = {}
    for table in contents.tables:
        its = drops[slice(*np.searchsorted(drops, [first, first + table.rows]))] - first
        if len(its):
            rows[table.name] = its
        first += table.rows
    return rows, drops[slice(*np.searchsorted(drops, [first, first + len(contents.records)]))]


def _contents(
    reader: Hdf5Reader, number: int, sets: Sequence[WholeSet], gone: Mapping[int, Collection[bytes]]
) -> Contents:
    """Return the contents of a file with all counts of its samples; `gone` are the dropped samples of each file."""
    contents, _ = with_counts(reader, number, reader.contents(number))
    return with_sets(contents, number, sets, gone)


def _of_sets(counts: Sequence[Counted], contents: Contents, dropped: Dropped) -> frozenset[bytes]:
    """Return the dropped samples of a file that counts of whole sets include."""
    lost = single(contents, dropped).union(dropped.samples)
    return frozenset(path for it in counts for path in it.samples if dropped.whole or path in lost)


def _by_file(marked: Samples) -> dict[str | None, set[bytes]]:
    """Return the paths of the marked samples, by file."""
    paths: dict[str | None, set[bytes]] = defaultdict(set)
    for file, path in marked:
        paths[file].add(unescape(path))
    return paths


def _others(
    contents: Contents, dropped: Dropped, direct: NDArray[np.int64], start: int, label: str | None
) -> Iterator[Others]:
    """Yield the records of each table that are dropped because of others, but not as part of a sample.

    `direct` are the records that are dropped for their own sake. `start` is the index of the file's first record.
    """
    for table in () if dropped.whole else contents.tables:
        first, start = start, start + table.rows
        own = table.datasets[0].path
        if table.name not in dropped.rows or any(own.startswith(it + b"/") for it in dropped.samples):
            continue
        low, high = np.searchsorted(direct, [first, start])
        rows = np.setdiff1d(dropped.rows[table.name], direct[low:high] - first).astype(np.int64)
        if len(rows):
            names = tuple(table.key(it) for it in rows.tolist()) if table.each else ()
            yield Others(label, table.name, first, rows.tobytes(), names)


def _with_partners(
    reader: Hdf5Reader, drops: NDArray[np.int64], marked: Mapping[str | None, Collection[bytes]]
) -> NDArray[np.int64]:
    """Return the dropped records, with their labels or data if these are in another file beside theirs."""
    if not pairs(reader.names):
        return drops
    tables, firsts, first = {}, {}, 0
    for number in range(len(reader.files)):
        contents = reader.contents(number)
        tables[number], firsts[number] = contents.tables, first
        first += sum(it.rows for it in contents.tables) + len(contents.records)
    return with_partners(reader.names, tables, firsts, drops, marked)


def _notes(reader: Hdf5Reader, dropped: Mapping[int, Dropped], losing: Mapping[int, Sequence[Table]]) -> Iterator[str]:
    """Yield what a receipt says of lists beside the source, and of files that have fewer rows than the others."""
    yield from notes_of_names(reader, dropped)
    yield from notes_of_lists(reader, losing, dropped)
    yield from notes_of_equal_files(reader, losing)


def _cases_that_go(
    reader: Hdf5Reader, drops: NDArray[np.int64], marked: Mapping[str | None, Collection[bytes]]
) -> dict[str | None, str]:
    """Return the folder of each file, by its name, that is of a case with a dropped record or a marked file."""
    folder_of = case_of(reader.names) if reader.path.is_dir() else {}
    if not folder_of:
        return {}
    folders, first = set(), 0
    for number, name in enumerate(reader.names):
        contents = reader.contents(number)
        last = first + sum(it.rows for it in contents.tables) + len(contents.records)
        if name in folder_of and (marked.get(name) or np.diff(np.searchsorted(drops, [first, last]))[0]):
            folders.add(folder_of[name])
        first = last
    return {name: folder for name, folder in folder_of.items() if folder in folders}


def _describe_updates(
    reader: Hdf5Reader, number: int, contents: Contents, dropped: Dropped, values: dict[str, str], lists: list[str]
) -> None:
    """Add what the copy of a file updates to `values` and `lists`, worded for people.

    `dropped` says what the copy drops.
    """
    if dropped.whole:
        return
    file, label = reader.files[number], reader.names[number] if reader.names else None
    means, lost = contents.means or Meaning(), single(contents, dropped).union(dropped.samples)
    changes = {
        dataset.path: Change(Kept(table.rows, dropped.rows[table.name]))
        for table in contents.tables
        for dataset in (table.datasets if len(dropped.rows.get(table.name, ())) and not table.each else ())
    }
    of_lists = counts_of_lists(file, contents, lost)
    for (path, name), extent in (of_lists | attribute_numbers.counts(file, contents, changes)).items():
        sizes = (extent,) if isinstance(extent, int) else extent
        values[called(f"{escape(path)}: {escape(name)}", label)] = " x ".join(f"{size:,}" for size in sizes)
    for (path, name), count in _corrected_counts(contents, means, lost, changes).items():
        title = f"{escape(path)}: {escape(name)}" if name else escape(path)
        values[called(title, label if path.startswith(b"/") else None)] = f"{count:,}"
    for path in _with_height(file, contents, changes):
        values[called(f"{escape(path)}: {NROWS.decode()}", label)] = f"{len(changes[path].rows):,}"
    for where, extent in extents(file, contents, changes).items():
        values[called(where, label)] = " x ".join(f"{it:,}" for it in extent)
    for its in means.numbers:
        if its.path in changes or len(_dropped_rows(contents, means, changes, its.height)):
            values[called(escape(its.path), label)] = "numbers of the rows of the copy"
    lists += (called(it.title, label) for it in means.names if it.gone(lost))


def _with_height(file: Path, contents: Contents, changes: Mapping[bytes, Change]) -> list[bytes]:
    """Return the paths of the changed datasets that are tables of PyTables, which keep their height in an attribute."""
    compound = {it.path for table in contents.tables for it in table.datasets if it.dtype.names} & changes.keys()
    if not compound:
        return []
    try:
        with opened(file, contents.recovery) as handle:
            return [it for it in sorted(compound) if NROWS in handle.file[it].attrs]
    except TROUBLE as exc:
        raise RebuildFailed(str(file), "what it keeps of the heights of its tables cannot be read") from exc


def _records_in(contents: Contents, samples: Collection[bytes]) -> NDArray[np.int64]:
    """Return the indexes of the single records of a file that lie in these samples."""
    within = tuple(it + b"/" for it in samples)
    numbers = [at for at, it in enumerate(contents.records) if within and it.path.startswith(within)]
    return np.array(numbers, np.int64)


def _dropped_indexes(contents: Contents, dropped: Dropped, first: int) -> Iterator[NDArray[np.int64]]:
    for table in contents.tables:
        if table.name in dropped.rows:
            yield dropped.rows[table.name] + first
        first += table.rows


def _is_untrue(contents: Contents) -> bool:
    means = contents.means or Meaning()
    heights = {path: shape[0] for path, shape in contents.shapes if shape}
    if means.trajectories is not None and means.trajectories.number(heights) not in (None, means.trajectories.said):
        return True
    return any(not it.true for it in means.counts) or any(it.lost for it in means.names)


def amend(
    file: Path, contents: Contents, dropped: frozenset[bytes], changes: dict[bytes, Change], read: Read
) -> dict[tuple[bytes, bytes], Amended]:
    """Add the changes that keep names and numbers true to `changes`; return the new values of attributes.

    `dropped` are the samples that a copy does not have. `changes` has those to the datasets of its tables, by path.
    """
    means = contents.means or Meaning()
    lists: dict[tuple[bytes, bytes], Kept] = {}
    for named in means.names:
        places = named.gone(dropped)
        kept = Kept(len(named.names), np.array(places, np.int64))
        if places and named.name:
            lists[named.path, named.name] = kept
        elif places and named.path not in changes:
            changes[named.path] = Change(kept)
    for number in means.numbers:
        dropped_rows = _dropped_rows(contents, means, changes, number.height)
        if len(dropped_rows) and number.path in read:
            before = changes.get(number.path)
            rows = before.rows if before is not None else Kept(len(read[number.path]))
            left = np.concatenate([np.arange(*it) for it in rows.runs(0, len(rows))] or [np.empty(0, np.int64)])
            corrected = np.ascontiguousarray(corrected_numbers(number, read, dropped_rows)[left.astype(np.int64)])
            changes[number.path] = Change(rows, values=corrected)
    tall = {(path, NROWS): len(it.rows) for path, it in changes.items() if len(it.rows) < it.rows.total}
    of_rows = counts_of_lists(file, contents, dropped) | attribute_numbers.counts(file, contents, changes)
    counts = _corrected_counts(contents, means, dropped, changes)
    changes.update(_scalars(contents, counts))
    counts = {where: it for where, it in counts.items() if where[1]}
    return {**of_rows, **tall, **counts, **amend_cells(file, contents, changes), **lists}


def _scalars(contents: Contents, counts: Mapping[tuple[bytes, bytes], int]) -> Iterator[tuple[bytes, Change]]:
    """Yield the changes to scalars that count samples, by their paths."""
    dtypes = {it.path: it.dtype for it in contents.unjudged if not it.shape}
    for (path, name), count in counts.items():
        if not name and path in dtypes:
            yield path, Change(Kept(1), values=np.array(count, dtypes[path]))


def indexes(contents: Contents, changes: Mapping[bytes, Change]) -> frozenset[str]:
    """Return the escaped paths of the indexes of tables that lose rows, since these indexes are no longer true.

    PyTables works without them and builds them again on request.
    """
    tables = {path for path, it in changes.items() if len(it.rows) < it.rows.total}
    return frozenset(escape(index) for _, index in in_indexes(contents.paths, tables))


def _dropped_rows(
    contents: Contents, means: Meaning, changes: Mapping[bytes, Change], height: int
) -> NDArray[np.int64]:
    """Return the dropped rows of the table of this height that row numbers refer to."""
    holding = {it.path for it in means.numbers}
    for table in contents.tables if height in tied_heights(contents.tables, means) else ():
        change = changes.get(table.datasets[0].path)
        if table.rows == height and change is not None and table.datasets[0].path not in holding:
            rows = change.rows
            if isinstance(rows, Kept) and len(rows.drops):
                return np.asarray(rows.drops, np.int64) - rows.first
    return np.empty(0, np.int64)


def _corrected_counts(
    contents: Contents, means: Meaning, dropped: frozenset[bytes], changes: Mapping[bytes, Change]
) -> dict[tuple[bytes, bytes], int]:
    heights = {path: shape[0] for path, shape in contents.shapes if shape}
    steps, changed = {}, set(dropped)
    for sample, members in (means.members or {}).items():
        if members:
            change = changes.get(members[0])
            steps[sample] = heights[members[0]] if change is None else len(change.rows)
            if change is not None and len(change.rows) < change.rows.total:
                changed.add(sample)
    heights |= {path: len(it.rows) for path, it in changes.items()}
    shortened = {path for path, it in changes.items() if len(it.rows) < it.rows.total}
    new_counts = {}
    for count in means.counts:
        left = [it for it in count.samples if not nearest(it, dropped)]
        datasets = [it + b"/" + count.of for it in left if count.of]
        are_all_left = len(left) == len(count.samples) and changed.isdisjoint(left)
        is_unchanged = count.true and are_all_left and shortened.isdisjoint(datasets)
        if not left or is_unchanged or not count.unsure.isdisjoint(left):
            continue
        lengths = (heights.get(it, 0) for it in datasets) if datasets else (steps.get(it, 0) for it in left)
        new_counts[count.path, count.name] = len(left) + count.elsewhere if count.whole else sum(lengths)
    trajectory_count = None if means.trajectories is None else means.trajectories.number(heights)
    if means.trajectories is not None and trajectory_count is not None and trajectory_count != means.trajectories.said:
        new_counts[b"/", COUNT] = trajectory_count
    return new_counts


def samples_of_file(samples: Samples, label: str | None) -> tuple[frozenset[bytes], bool]:
    """Return the dropped samples of a file, and whether the file itself is dropped."""
    paths = {path for file, path in samples if file == label}
    return frozenset(unescape(it) for it in paths if it), "" in paths
