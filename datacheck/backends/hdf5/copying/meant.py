"""Update in a copy what its datasets and attributes say of each other: counts, names of samples, row numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.copy_plan import Gone, Others
from datacheck.backends.hdf5.case_folders import case_of
from datacheck.backends.hdf5.copying import attribute_numbers, closing_up
from datacheck.backends.hdf5.copying.cell_axis import amend_cells, extents, with_cells
from datacheck.backends.hdf5.copying.closing_up import single
from datacheck.backends.hdf5.copying.going import INDEX, Going, Read, Rows, going, is_sample, mended, tied_heights
from datacheck.backends.hdf5.copying.lists_beside import of_lines
from datacheck.backends.hdf5.copying.marked import marks_of, samples_of, usual_of
from datacheck.backends.hdf5.copying.other_files import from_other_files
from datacheck.backends.hdf5.copying.pointing import pointers
from datacheck.backends.hdf5.copying.row_selection import Change, Kept
from datacheck.backends.hdf5.counts_beside import with_counts
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import library, opened
from datacheck.backends.hdf5.file_families import FileShapes
from datacheck.backends.hdf5.fork_guard import StepCounter
from datacheck.backends.hdf5.looking import Looking
from datacheck.backends.hdf5.meaning import Meaning
from datacheck.backends.hdf5.paired_files import pairs, with_partners
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.recordings import recordings
from datacheck.backends.hdf5.samples import FEWEST
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.backends.hdf5.trajectories import COUNT
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.errors import RebuildFailed
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import named as called

Samples = frozenset[tuple[str | None, str]]
SMALL, READ = 8 << 20, 512 << 20
"""Largest dataset, and largest total of datasets, whose values are held in search of row numbers, in bytes."""
NROWS = b"NROWS"
"""Attribute in which PyTables keeps the number of rows of a table."""


def all_gone(
    reader: Hdf5Reader, indexes: bytes, marked: Samples, *, drop_rows: bool, renumber: bool | None = None
) -> Gone:
    """Return everything that is dropped along with marked samples and the records at `indexes` (ascending int64)."""
    drops = np.frombuffer(indexes, np.int64)
    of_file = _by_file(marked)
    usual = usual_of(reader, set().union(*of_file.values()) - {b""})
    every: list[NDArray[np.int64]] = []
    samples: set[tuple[str | None, str]] = set()
    losses, lists, notes = list[str](), list[str](), list[str]()
    values: dict[str, str] = {}
    others: list[Others] = []
    direct, drops = drops, _with_partners(reader, drops, of_file)
    cases, recorded = _cases_that_go(reader, drops, of_file), _recordings(reader)
    samples |= {(folder, "") for folder in cases.values()}
    losing: dict[int, Sequence[Table]] = {}
    numbered: set[tuple[str | None, str]] = set()
    mends, first = False, 0
    for number, file in enumerate(reader.files):
        label = reader.names[number] if reader.names else None
        contents, _ = with_counts(reader, number, reader.contents(number))
        rows: Rows = {}
        start = first
        for table in contents.tables:
            its = drops[slice(*np.searchsorted(drops, [first, first + table.rows]))] - first
            if len(its):
                rows[table.name] = its
            first += table.rows
        its_records = drops[slice(*np.searchsorted(drops, [first, first + len(contents.records)]))]
        begin, first = first, first + len(contents.records)
        its_marks = marks_of(contents, of_file.get(label, ()), usual)
        its_marks |= samples_of(contents, its_records - begin)
        its_marks |= {b""} if label in cases else set()
        mends |= _untrue(contents)
        if not rows and not its_marks:
            every.append(its_records)
            _told(file, contents, Going(), label, values, lists)
            continue
        sample = None if label is None else label in {*cases, *recorded} or is_sample(unescape(label), contents)
        if b"" in its_marks and not sample:
            its_marks.discard(b"")
        rows = with_cells(file, contents, rows)
        read = read_numbers(file, contents)
        made = going(contents, rows, its_marks, read, drop_rows=drop_rows, sample=sample, renumber=renumber)
        made.losses += () if made.whole else attribute_numbers.losses(file, contents, made.rows)
        made.losses += closing_up.losses(file, contents, made, renumber)
        every += _indexes(contents, made, start)
        others += _others(contents, made, direct, start, label)
        every.append(np.arange(start, first) if made.whole else its_records)
        every.append(_records_in(contents, made.samples) + begin)
        samples |= {(label, "")} if made.whole else {(label, escape(path)) for path in made.samples}
        losses += (f"{label}: {it}" if label else it for it in made.losses)
        notes += closing_up.notes(contents, made, label, renumber)
        losing[number] = () if made.whole else [it for it in contents.tables if len(made.rows.get(it.name, ()))]
        _told(file, contents, made, label, values, lists)
        numbered.update(closing_up.numbered(contents, made, label, renumber, values))
    losses += [*from_other_files(reader, losing), *of_lines(reader, losing)]
    found = np.unique(np.concatenate(every)) if every else drops
    every_index = found.astype(np.int64).tobytes()
    more = tuple(values.items()), tuple(lists), tuple(others), tuple(notes)
    return Gone(every_index, frozenset(samples), tuple(losses), mends, (), *more, numbered=frozenset(numbered))


def _by_file(marked: Samples) -> dict[str | None, set[bytes]]:
    """Return the paths of the marked samples, by file."""
    made: dict[str | None, set[bytes]] = defaultdict(set)
    for file, path in marked:
        made[file].add(unescape(path))
    return made


def _others(
    contents: Contents, made: Going, direct: NDArray[np.int64], start: int, label: str | None
) -> Iterator[Others]:
    """Yield the records of each table that are dropped because of others, but not as part of a sample.

    `direct` are the records that are dropped for their own sake. `start` is the index of the file's first record.
    """
    for table in () if made.whole else contents.tables:
        first, start = start, start + table.rows
        own = table.datasets[0].path
        if table.name not in made.rows or any(own.startswith(it + b"/") for it in made.samples):
            continue
        low, high = np.searchsorted(direct, [first, start])
        rows = np.setdiff1d(made.rows[table.name], direct[low:high] - first).astype(np.int64)
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


def _cases_that_go(
    reader: Hdf5Reader, drops: NDArray[np.int64], marked: Mapping[str | None, Collection[bytes]]
) -> dict[str | None, str]:
    """Return the folder of each file, by its name, that is of a case with a dropped record or a marked file."""
    folder_of = case_of(reader.names) if reader.path.is_dir() else {}
    if not folder_of:
        return {}
    gone, first = set(), 0
    for number, name in enumerate(reader.names):
        contents = reader.contents(number)
        last = first + sum(it.rows for it in contents.tables) + len(contents.records)
        if name in folder_of and (marked.get(name) or np.diff(np.searchsorted(drops, [first, last]))[0]):
            gone.add(folder_of[name])
        first = last
    return {name: folder for name, folder in folder_of.items() if folder in gone}


def _recordings(reader: Hdf5Reader) -> frozenset[str]:
    """Return the names of the files of a folder that are one recording each."""
    if not reader.names or len(reader.files) < FEWEST:
        return frozenset()
    shapes = FileShapes()
    for number in range(len(reader.files)):
        contents = reader.contents(number)
        if contents.means is None or not contents.means.samples:
            shapes.add(number, contents.shapes)
    return frozenset(map(escape, recordings([unescape(it) for it in reader.names], shapes.by_file)))


def _told(
    file: Path, contents: Contents, made: Going, label: str | None, values: dict[str, str], lists: list[str]
) -> None:
    """Add what the copy of a file updates to `values` and `lists`, worded for people.

    `made` says what the copy drops.
    """
    if made.whole:
        return
    means, lost = contents.means or Meaning(), single(contents, made).union(made.samples)
    changes = {
        dataset.path: Change(Kept(table.rows, made.rows[table.name]))
        for table in contents.tables
        for dataset in (table.datasets if len(made.rows.get(table.name, ())) and not table.each else ())
    }
    for (path, name), extent in attribute_numbers.counts(file, contents, changes).items():
        sizes = (extent,) if isinstance(extent, int) else extent
        values[called(f"{escape(path)}: {escape(name)}", label)] = " x ".join(f"{size:,}" for size in sizes)
    for (path, name), count in _counts(contents, means, lost, changes).items():
        what = f"{escape(path)}: {escape(name)}" if name else escape(path)
        values[called(what, label if path.startswith(b"/") else None)] = f"{count:,}"
    for path in _with_height(file, contents, changes):
        values[called(f"{escape(path)}: {NROWS.decode()}", label)] = f"{len(changes[path].rows):,}"
    for where, extent in extents(file, contents, changes).items():
        values[called(where, label)] = " x ".join(f"{it:,}" for it in extent)
    for number in means.numbers:
        if number.path in changes or len(_dropped(contents, means, changes, number.height)):
            values[called(escape(number.path), label)] = "numbers of the rows of the copy"
    for it in means.names:
        gone = {sample.rpartition(b"/")[2] for sample in lost if sample.rpartition(b"/")[0] == it.above} | it.lost
        if gone.intersection(it.names):
            lists.append(called(escape(it.path), label))


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
    its = [at for at, it in enumerate(contents.records) if within and it.path.startswith(within)]
    return np.array(its, np.int64)


def _indexes(contents: Contents, made: Going, first: int) -> Iterator[NDArray[np.int64]]:
    for table in contents.tables:
        if table.name in made.rows:
            yield made.rows[table.name] + first
        first += table.rows


def _untrue(contents: Contents) -> bool:
    means = contents.means or Meaning()
    heights = {path: shape[0] for path, shape in contents.shapes if shape}
    if means.trajectories is not None and means.trajectories.there(heights) not in (None, means.trajectories.said):
        return True
    return any(not it.true for it in means.counts) or any(it.lost for it in means.names)


def _held(file: Path, contents: Contents, datasets: Collection[Dataset]) -> dict[bytes, NDArray[Any]]:
    """Return the values of datasets by path, at most READ bytes in all; those that cannot be read are left out."""
    read: dict[bytes, NDArray[Any]] = {}
    left = READ
    if not datasets:
        return read
    try:
        with opened(file, contents.recovery) as handle:
            look = Looking(library(), handle.file.id, StepCounter({}))
            for dataset in datasets:
                left -= dataset.bytes
                values = look.values(dataset) if left >= 0 else None
                if values is not None:
                    read[dataset.path] = values
    except TROUBLE:  # the scan has reported what is wrong with the file
        return {}
    return read


def read_numbers(file: Path, contents: Contents) -> Read:
    """Return the values, by path, of the datasets of a file that hold row numbers or may do so."""
    means = contents.means or Meaning()
    by_path = {it.path: it for table in contents.tables for it in table.datasets}
    by_path |= {it.path: it for it in contents.unjudged}
    wanted = dict.fromkeys(number.path for number in means.numbers)
    small = [path for path, it in by_path.items() if it.bytes <= SMALL and not means.holds(path)]
    wanted |= dict.fromkeys(path for path in small if any(pointers(by_path[path], None)))
    return _held(file, contents, [by_path[path] for path in wanted if path in by_path])


def amend(
    file: Path, contents: Contents, gone: frozenset[bytes], changes: dict[bytes, Change], read: Read
) -> dict[tuple[bytes, bytes], int | tuple[int, ...]]:
    """Add the changes that keep names and numbers true to `changes`; return the new values of attributes.

    `gone` are the samples that a copy does not have. `changes` has those to the datasets of its tables, by path.
    """
    means = contents.means or Meaning()
    for named in means.names:
        lost = {it.rpartition(b"/")[2] for it in gone if it.rpartition(b"/")[0] == named.above} | named.lost
        places = [at for at, name in enumerate(named.names) if name in lost]
        if places and named.path not in changes:
            changes[named.path] = Change(Kept(len(named.names), np.array(places, np.int64)))
    for number in means.numbers:
        of = _dropped(contents, means, changes, number.height)
        if len(of) and number.path in read:
            before = changes.get(number.path)
            rows = before.rows if before is not None else Kept(len(read[number.path]))
            kept = np.concatenate([np.arange(*it) for it in rows.runs(0, len(rows))] or [np.empty(0, np.int64)])
            held = np.ascontiguousarray(mended(number, read, of)[kept.astype(np.int64)])
            changes[number.path] = Change(rows, values=held)
    tall = {(path, NROWS): len(it.rows) for path, it in changes.items() if len(it.rows) < it.rows.total}
    of_rows = attribute_numbers.counts(file, contents, changes)
    counts = _counts(contents, means, gone, changes)
    changes.update(_scalars(contents, counts))
    counts = {where: it for where, it in counts.items() if where[1]}
    return {**of_rows, **tall, **counts, **amend_cells(file, contents, changes)}


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
    found = (INDEX.fullmatch(path) for path in contents.paths)
    return frozenset(
        escape(it[1] + b"/_i_" + it[2]) for it in found if it is not None and it[1] + b"/" + it[2] in tables
    )


def _dropped(contents: Contents, means: Meaning, changes: Mapping[bytes, Change], height: int) -> NDArray[np.int64]:
    """Return the dropped rows of the table of this height that row numbers refer to."""
    holding = {it.path for it in means.numbers}
    for table in contents.tables if height in tied_heights(contents.tables, means) else ():
        change = changes.get(table.datasets[0].path)
        if table.rows == height and change is not None and table.datasets[0].path not in holding:
            rows = change.rows
            if isinstance(rows, Kept) and len(rows.drops):
                return np.asarray(rows.drops, np.int64) - rows.first
    return np.empty(0, np.int64)


def _counts(
    contents: Contents, means: Meaning, gone: frozenset[bytes], changes: Mapping[bytes, Change]
) -> dict[tuple[bytes, bytes], int]:
    heights = {path: shape[0] for path, shape in contents.shapes if shape}
    steps, changed = {}, set(gone)
    for sample, members in (means.members or {}).items():
        if members:
            change = changes.get(members[0])
            steps[sample] = heights[members[0]] if change is None else len(change.rows)
            if change is not None and len(change.rows) < change.rows.total:
                changed.add(sample)
    heights |= {path: len(it.rows) for path, it in changes.items()}
    cut = {path for path, it in changes.items() if len(it.rows) < it.rows.total}
    made = {}
    for count in means.counts:
        left = [it for it in count.samples if it not in gone]
        of = [it + b"/" + count.of for it in left if count.of]
        same = count.true and changed.isdisjoint(count.samples) and cut.isdisjoint(of)
        if not left or same or not count.unsure.isdisjoint(left):
            continue
        its = (heights.get(it, 0) for it in of) if of else (steps.get(it, 0) for it in left)
        made[count.path, count.name] = len(left) if count.whole else sum(its)
    there = None if means.trajectories is None else means.trajectories.there(heights)
    if means.trajectories is not None and there is not None and there != means.trajectories.said:
        made[b"/", COUNT] = there
    return made


def file_of_samples(samples: Samples, label: str | None) -> tuple[frozenset[bytes], bool]:
    """Return the dropped samples of a file, and whether the file itself is dropped."""
    its = {path for file, path in samples if file == label}
    return frozenset(unescape(it) for it in its if it), "" in its
