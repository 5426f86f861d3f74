"""Determine what is dropped along with rows: their whole sample, the same rows of related datasets, row numbers.

Also list what would no longer be true in a copy, because nothing here can correct it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.copying import group_numbers
from datacheck.backends.hdf5.copying.cell_axis import losses as of_cells
from datacheck.backends.hdf5.copying.corrected_numbers import Read, lost_entries, whole_runs
from datacheck.backends.hdf5.copying.episode_ends import losses_of_ends
from datacheck.backends.hdf5.copying.last_observations import is_one_more, losses_of_episode
from datacheck.backends.hdf5.copying.pointing import pointers, points_into
from datacheck.backends.hdf5.copying.several_rows import has_several_rows
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.formats import counted_elsewhere, frames, matlab
from datacheck.backends.hdf5.formats.pytables import in_indexes
from datacheck.backends.hdf5.formats.sparse import Cells
from datacheck.backends.hdf5.meaning import Meaning
from datacheck.backends.hdf5.names import ACTIONS, DIGITS, words
from datacheck.backends.hdf5.paths import nearest
from datacheck.backends.hdf5.references.row_numbers import may_number_a_set
from datacheck.backends.hdf5.samples import last_axis, scales
from datacheck.backends.hdf5.samples.by_chance import by_themselves
from datacheck.backends.hdf5.samples.each import part_families
from datacheck.backends.hdf5.samples.one_picture import at_top, is_part, numbered_pictures
from datacheck.backends.hdf5.samples.row_counts import SEEN, STEPS
from datacheck.backends.hdf5.samples.samples import EPISODES, FEWEST, PIECES, WEIGHTS, called_a_sample
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.model.escaping import escape

WATCHED = SEEN | frozenset({b"qpos", b"state", b"states", b"images"})
Rows = dict[str, NDArray[np.int64]]
"""The dropped rows, ascending, by the name of their table."""


@dataclass
class Dropped:
    """What one file loses: rows by table, samples by path, or the `whole` file; `losses` say what becomes untrue."""

    rows: Rows = field(default_factory=dict)
    samples: set[bytes] = field(default_factory=set)
    whole: bool = False
    losses: list[str] = field(default_factory=list)


def is_sample(name: bytes, contents: Contents) -> bool:
    """Check whether a file of a folder is one sample, such as an episode or a case.

    A trajectory.h5 of traj_0 to traj_99 holds many, and so does turn_on_the_stove_demo.hdf5 of demo_0 to demo_49.
    """
    name_words = words(name.rpartition(b"/")[2])
    pictures = [it for it in contents.tables if at_top(it)]
    inside = frozenset[bytes]() if contents.means is None else contents.means.samples
    if name_words & PIECES or any(map(called_a_sample, inside)):  # samples, unless the file has a single picture
        return bool(pictures)
    paths = [path for path, _ in contents.shapes]
    own = {path.strip(b"/") for path in paths}
    if not inside:
        own |= {path.strip(b"/").partition(b"/")[0] for path in paths}
    is_watched = any(WATCHED.intersection(path.split(b"/")) for path in paths)
    return bool(name_words & EPISODES) or bool(own & ACTIONS and is_watched) or bool(pictures)


def dropped_with(
    contents: Contents,
    rows: Rows,
    marked: set[bytes],
    read: Read,
    *,
    drop_rows: bool,
    sample: bool | None,
    renumber: bool | None = None,
) -> Dropped:
    """Return everything that is dropped along with these rows and the `marked` samples.

    `sample` says whether the file itself is one sample; it is None if the source is a single file. A file of several
    is dropped as a whole if none of its records is left.
    """
    dropped = Dropped(dict(rows))
    pictured = any(len(rows.get(it.name, ())) for it in contents.tables if at_top(it))
    if sample and ((rows and not drop_rows) or b"" in marked or pictured):
        dropped.whole = True
        dropped.rows = {table.name: np.arange(table.rows) for table in contents.tables}
        return dropped
    means = contents.means or Meaning()
    of_sample = _tables_of(contents, means.samples)
    _with_samples(contents, of_sample, marked, dropped, drop_rows=drop_rows)
    _with_parts([it for it in contents.tables if it.each], marked, dropped)
    parts = [it for it in contents.tables if is_part(it)]
    if sample is not None or not numbered_pictures(parts, contents.paths):
        _with_pictures(parts, dropped)
    inside = {it.name for tables in of_sample.values() for it in tables}
    outside = [it for it in contents.tables if it.name not in inside and not it.each]
    if means.trajectories is not None:
        rows_of = means.trajectories.rows
        _drop_from_all([it for it in outside if any(dataset.path in rows_of for dataset in it.datasets)], dropped)
        shortened_datasets = [it for table in outside if len(dropped.rows.get(table.name, ())) for it in table.datasets]
        dropped.losses += means.trajectories.losses(it.path for it in shortened_datasets)
    _with_steps(outside, means, read, dropped, drop_rows=drop_rows)
    dropped.losses += _losses_of_shortened(of_sample, means, dropped)
    dropped.losses += of_cells(contents, dropped.rows)
    dropped.losses += _losses_of_cells(contents, means, dropped)
    for above in sorted({it.rpartition(b"/")[0] for it in dropped.samples}):
        dropped.losses += group_numbers.losses(above, contents, dropped.samples, renumber)
    dropped.losses += dict.fromkeys(_losses_of_rows(contents, outside, means, dropped, read))
    nothing_left = all(len(dropped.rows.get(it.name, ())) == it.rows for it in contents.tables) and not contents.records
    return Dropped(dropped.rows, whole=True) if sample is not None and nothing_left else dropped


def _with_samples(
    contents: Contents,
    of_sample: Mapping[bytes, Sequence[Table]],
    marked: set[bytes],
    dropped: Dropped,
    *,
    drop_rows: bool,
) -> None:
    """Drop the `marked` samples, and those with a dropped row; with `drop_rows`, only those that lose a picture.

    In all other samples, drop the same rows from all tables that have one row per step.
    """
    means = contents.means or Meaning()
    sample_of = {it.name: path for path, tables in of_sample.items() for it in tables}
    pictures = {it.name for it in contents.tables if is_part(it)}
    dropped.samples = {it for it in marked if it in of_sample or it in means.samples}
    for name in dropped.rows:
        path = sample_of.get(name)
        if path is not None and not (drop_rows and name not in pictures) and not _is_piece(path):
            dropped.samples.add(path)
    for path, tables in of_sample.items():
        if path in dropped.samples:
            dropped.rows.update((it.name, np.arange(it.rows)) for it in tables)
        else:
            _with_members(tables, (means.members or {}).get(path, ()), dropped)


def _losses_of_shortened(of_sample: Mapping[bytes, Sequence[Table]], means: Meaning, dropped: Dropped) -> Iterator[str]:
    """Yield a sentence for each thing that is not true of samples which lose some of their rows."""
    shortened = {
        path
        for path, tables in of_sample.items()
        if path not in dropped.samples and any(len(dropped.rows.get(it.name, ())) for it in tables)
    }
    for path in sorted(shortened):
        yield from losses_of_episode(of_sample[path], dropped.rows)
    for path in sorted(means.lengths):
        if nearest(path, shortened):
            yield f"{escape(path)} says how long its sample is, which loses rows"


def _with_parts(tables: Sequence[Table], marked: set[bytes], dropped: Dropped) -> None:
    """Drop all datasets of a sample if one of them is dropped and each part of the sample is a dataset."""
    for family, by_table in part_families(tables):
        dropped_paths = marked & {it.path for it in family.samples}
        dropped_paths |= {paths[row] for name, paths in by_table.items() for row in dropped.rows.get(name, ())}
        for name, paths in by_table.items() if dropped_paths else ():
            rows = [row for row, path in enumerate(paths) if path in dropped_paths]
            if rows:
                dropped.rows[name] = np.array(rows, np.int64)


def _with_pictures(tables: Sequence[Table], dropped: Dropped) -> None:
    """Drop all parts of a picture if one is dropped; datasets named by numbers alone are a picture each."""
    picture_of = {it.name: (it.group, it.judged[0].name if it.judged[0].name.isdigit() else b"") for it in tables}
    dropped_pictures = {picture_of[it.name] for it in tables if len(dropped.rows.get(it.name, ()))}
    dropped.rows.update((it.name, np.arange(1)) for it in tables if picture_of[it.name] in dropped_pictures)


def _is_piece(path: bytes) -> bool:
    return bool(PIECES & words(path.rpartition(b"/")[2]))


def _tables_of(contents: Contents, samples: frozenset[bytes]) -> dict[bytes, list[Table]]:
    """Return the tables of each sample that has any."""
    by_sample: dict[bytes, list[Table]] = {}
    for table in contents.tables if samples else ():
        path = nearest(table.datasets[0].path, samples)
        if path:
            by_sample.setdefault(path, []).append(table)
    return by_sample


def _with_members(tables: Sequence[Table], members: Sequence[bytes], dropped: Dropped) -> None:
    """Drop the same rows from all tables of a sample that have one row per step."""
    known = frozenset(members)
    aligned = [it for it in tables if any(dataset.path in known for dataset in it.datasets)]
    _drop_from_all(aligned, dropped)


def _drop_from_all(tables: Sequence[Table], dropped: Dropped) -> None:
    parts = [dropped.rows[it.name] for it in tables if len(dropped.rows.get(it.name, ()))]
    if parts:
        union = np.unique(np.concatenate(parts))
        dropped.rows.update((it.name, union) for it in tables)


def tied_heights(tables: Sequence[Table], means: Meaning) -> set[int]:
    """Return the heights of tables with one row per step: those that row numbers refer to, and transitions."""
    heights = {it.height for it in means.numbers}
    for table in tables:
        names = {it.name for it in table.datasets}
        if names & ACTIONS and (names & (STEPS | SEEN) - ACTIONS or len(tables) > 1):
            heights.add(table.rows)
    return heights


def _with_steps(tables: Sequence[Table], means: Meaning, read: Read, dropped: Dropped, *, drop_rows: bool) -> None:
    """Drop the same rows from tables of equal height, and their numbers; without `drop_rows`, their whole episodes."""
    holding = {it.path for it in means.numbers}
    for height in sorted(tied_heights(tables, means)):
        aligned = [it for it in tables if it.rows == height and not any(one.path in holding for one in it.datasets)]
        _drop_from_all(aligned, dropped)
        dropped_rows = next((dropped.rows[it.name] for it in aligned if len(dropped.rows.get(it.name, ()))), None)
        if dropped_rows is None:
            continue
        numbers = [it for it in means.numbers if it.height == height]
        if not drop_rows:
            dropped_rows = whole_runs(numbers, read, dropped_rows, height)
            dropped.rows.update((it.name, dropped_rows) for it in aligned)
        for number in numbers:
            table = next((it for it in tables if any(one.path == number.path for one in it.datasets)), None)
            lost = lost_entries(number, read, dropped_rows)
            if table is not None and len(lost):
                dropped.rows[table.name] = np.union1d(dropped.rows.get(table.name, lost), lost)


def _losses_of_rows(
    contents: Contents, tables: Sequence[Table], means: Meaning, dropped: Dropped, read: Read
) -> Iterator[str]:
    """Yield a sentence for each thing that is no longer true in a copy because a table loses rows."""
    themselves = by_themselves(contents.shapes) if any(map(len, dropped.rows.values())) else {}
    table_of = {dataset.path: it.name for it in contents.tables for dataset in it.datasets}
    known = {it.path for it in means.numbers}
    cells = means.cells or Cells(0, frozenset())
    others = [*(dataset for it in tables for dataset in it.datasets), *contents.unjudged]
    others = [it for it in others if it.shape and not means.holds(it.path.rpartition(b"/")[0])]
    losing = {path for path, name in table_of.items() if len(dropped.rows.get(name, ()))}
    omitted = frozenset(path for path, _ in in_indexes(contents.paths, losing))  # the copy leaves them out
    others = [it for it in others if it.path not in omitted]
    yield from _losses_of_positions(contents.tables, losing)
    yield from _losses_beside_samples(means, others, dropped)
    yield from _losses_of_each(
        contents.tables, [it for it in others if it.path not in {one.path for one in means.names}], read, dropped
    )
    for table in tables:
        dropped_rows = dropped.rows.get(table.name, np.empty(0, np.int64))
        own = {it.path for it in table.datasets}
        if not len(dropped_rows):
            continue
        if any(it.unclear for it in table.datasets):
            yield (
                f"in {table.name} each dataset may be a sample, or each row across them: "
                "say which, with --convention per-sample or --convention table"
            )
            continue
        if not known.isdisjoint(own):
            continue
        if not known:
            yield from losses_of_ends(table, dropped_rows, read)
        yield from _losses_of_formats(contents, table, others)
        if any(map(cells.covers, own)):
            yield from _losses_beside_cells(cells, table, others) if own & cells.rows else ()
            continue
        apart, within = own | known | means.by_chance, _parent_of(table.datasets[0].path)
        elsewhere = {it for it, above in themselves.items() if above == themselves.get(within) and it != within}
        beside = [it for it in others if it.path not in apart and _parent_of(it.path) not in elsewhere]
        for other in beside if table.rows > 1 else ():
            other_rows = dropped.rows.get(table_of.get(other.path, ""), np.empty(0, np.int64))
            loss = _loss_of_other(other, table, dropped_rows, other_rows, read)
            yield from () if loss is None else (loss,)
        yield from _losses_of_matrices(table, means, own)
        if not own.isdisjoint(it.source for it in means.parts):
            yield f"the attribute split of / says which rows of {table.name} are of which set, and would not fit them"


def _losses_of_positions(tables: Sequence[Table], losing: Set[bytes]) -> Iterator[str]:
    """Yield a sentence for each dataset with rows of one that loses some: the nearest neighbors of queries."""
    for table in tables if losing else ():
        for it in table.positions if losing.isdisjoint(one.path for one in table.judged) else ():
            path = _parent_of(table.judged[0].path) + b"/" + it.of.encode()
            if it.flat and path in losing:
                own = next(escape(one.path) for one in table.judged if any(it.name == col.name for col in one.columns))
                yield f"{own} has numbers of rows of {escape(path)}, which would lead elsewhere"


def _losses_of_formats(contents: Contents, table: Table, others: Sequence[Dataset]) -> Iterator[str]:
    """Yield a sentence for each rule of a format or a library that a table without some of its rows breaks."""
    own = {it.path for it in table.datasets}
    if all(map(WEIGHTS.fullmatch, own)):
        yield f"{table.name} holds weights of a model, which would have another shape than its layers expect"
    yield from matlab.losses(table.name, table.datasets, others)
    yield from last_axis.losses(table, others)
    yield from scales.losses(contents.findings, table.name, own)
    yield from frames.losses(table.name, table.datasets, others)
    yield from counted_elsewhere.losses(contents.shapes, table.name, own)


def _loss_of_other(
    other: Dataset, table: Table, rows: NDArray[np.int64], other_rows: NDArray[np.int64], read: Read
) -> str | None:
    """Return a sentence if a dataset would not fit a table without these `rows`, or None.

    `other_rows` are the rows that the dataset itself loses.
    """
    if other.height == table.datasets[0].height and not np.array_equal(other_rows, rows):
        return f"{escape(other.path)} has as many rows as {table.name}, and would keep those that go there"
    if leading := _row_number_parts(other, table, read):
        return f"{leading[0]} may hold numbers of rows of {table.name}, which would lead elsewhere"
    if is_one_more(table, other):
        return f"{escape(other.path)} has a row for each step of {table.name}, which has one more or less"
    if has_several_rows(table, other):
        few, many = sorted((table.rows, other.rows))
        return f"{escape(other.path)} and {table.name} have {many // few} rows of one for each of the other"
    return None


def _row_number_parts(other: Dataset, table: Table, read: Read) -> list[str]:
    """Return the names of the parts of a dataset that may hold row numbers of a table."""
    found = pointers(other, read.get(other.path))
    return [name for name, numbers, values in found if points_into(numbers, values, table)]


def _losses_of_matrices(table: Table, means: Meaning, own: set[bytes]) -> Iterator[str]:
    for matrix in means.sparse:
        if not own.isdisjoint(matrix.paths) or matrix.pointers == table.rows + 1:
            yield f"{escape(matrix.group)} is a sparse matrix, whose pointers would not fit the rows of {table.name}"


def _parent_of(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]


def _losses_of_cells(contents: Contents, means: Meaning, dropped: Dropped) -> Iterator[str]:
    """Yield a sentence for each cell of a MATLAB file that would lead to a dropped dataset."""
    for table in contents.tables if means.referred else ():
        for row in dropped.rows.get(table.name, ()) if table.each else ():
            path = table.judged[row].path
            if path in means.referred:
                yield f"the cell {means.referred[path]} would lead to nothing, since it is {escape(path)}"


def _losses_beside_cells(cells: Cells, table: Table, others: Sequence[Dataset]) -> Iterator[str]:
    """Yield a sentence for each dataset with as many rows as there are cells, if it is not known to be about cells."""
    for other in others:
        if other.rows == cells.count > 1 and not (cells.covers(other.path) or other.path in cells.genes):
            yield f"{escape(other.path)} has as many rows as {table.name}, and would keep those that go there"


def _like_a_sample(dataset: Dataset, others: Sequence[Dataset], means: Meaning) -> bool:
    """Check whether a dataset is in a group that is no sample but has members like those of the samples beside it."""
    group = dataset.path.rpartition(b"/")[0]
    beside = next((it for it in means.samples if it.rpartition(b"/")[0] == group.rpartition(b"/")[0]), None)
    if not group or beside is None or group in means.samples:
        return False
    names = {it.removeprefix(beside + b"/") for it in (means.members or {}).get(beside, ())}
    own = {it.path.removeprefix(group + b"/") for it in others}
    return bool(names) and len(names & own) * 2 > len(names)


def _losses_of_each(tables: Sequence[Table], others: Sequence[Dataset], read: Read, dropped: Dropped) -> Iterator[str]:
    """Yield a sentence for each dataset with rows for, or numbers of, datasets that are records if some of them go."""
    for table in tables:
        if not table.each or table.rows < FEWEST or not len(dropped.rows.get(table.name, ())):
            continue
        above = table.judged[0].path.rpartition(b"/")[0]
        numbers = {int(found[-1][:18]) for it in table.judged if (found := DIGITS.findall(it.name))}
        for other in others:
            home = other.path.rpartition(b"/")[0]
            if other.rows == table.rows and (above + b"/").startswith(home + b"/"):
                yield f"{escape(other.path)} has a row for each dataset like {table.key(0)}, of which some go"
            elif may_number_a_set(other) and other.rows < table.rows:
                values = read.get(other.path)
                if values is None or numbers.issuperset(values.tolist()):
                    yield f"{escape(other.path)} may hold numbers of datasets like {table.key(0)}, of which some go"


def _losses_beside_samples(means: Meaning, others: Sequence[Dataset], dropped: Dropped) -> Iterator[str]:
    """Yield a sentence for each dataset with a row for each sample, or numbers of samples, if whole samples go."""
    named = {it.path for it in means.names}
    others = [it for it in others if not _like_a_sample(it, others, means)]
    for above in sorted({it.rpartition(b"/")[0] for it in dropped.samples}):
        count = sum(it.rpartition(b"/")[0] == above for it in means.samples)
        for other in others:
            if other.path in named or count < FEWEST:
                continue
            if other.rows == count:
                yield f"{escape(other.path)} has a row for each group of {escape(above or b'/')}, of which some go"
            elif may_number_a_set(other) and other.rows < count:
                yield f"{escape(other.path)} may hold numbers of groups of {escape(above or b'/')}, of which some go"
