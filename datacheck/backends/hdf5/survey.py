"""Walk an HDF5 file to find its datasets, and which of them must not be read and why.

Links out of the file are not followed. The library is passed in: only `datacheck.backends.hdf5.file` imports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.formats import exodus
from datacheck.backends.hdf5.formats.marked_missing import with_all_missing
from datacheck.backends.hdf5.formats.pytables import is_of_index
from datacheck.backends.hdf5.library.alike_headers import AlikeHeaders
from datacheck.backends.hdf5.library.fork_guard import StepCounter
from datacheck.backends.hdf5.library.looking import LARGEST
from datacheck.backends.hdf5.meaning import MAGIC, SHORTEST, Facts, Meaning, meaning
from datacheck.backends.hdf5.recognition import conventions
from datacheck.backends.hdf5.references.leading_elsewhere import leading_elsewhere
from datacheck.backends.hdf5.references.positions import with_positions
from datacheck.backends.hdf5.references.ragged import with_ragged
from datacheck.backends.hdf5.samples.attribute_values import (
    attribute_findings,
    with_attribute_findings,
)
from datacheck.backends.hdf5.samples.by_chance import APART, pieces
from datacheck.backends.hdf5.samples.each import TABLE as PER_TABLE
from datacheck.backends.hdf5.samples.each import each, part_findings
from datacheck.backends.hdf5.samples.last_axis import with_samples_first
from datacheck.backends.hdf5.samples.near_counts import near_counts
from datacheck.backends.hdf5.samples.no_values import without_values
from datacheck.backends.hdf5.samples.one_picture import one_picture
from datacheck.backends.hdf5.samples.row_counts import paired_counts, row_counts, together
from datacheck.backends.hdf5.samples.sample_counts import count_samples
from datacheck.backends.hdf5.samples.set_counts import set_counts
from datacheck.backends.hdf5.samples.single import records
from datacheck.backends.hdf5.tables import Contents, Table, tables
from datacheck.backends.hdf5.tree_walk import TreeWalk
from datacheck.backends.interface import StoreOptions
from datacheck.model.cells import TEXTS
from datacheck.model.finding import Finding
from datacheck.model.replacing import replace


def survey(
    h5: Any,
    file: Any,
    size: int,
    options: StoreOptions,
    trail: StepCounter,
    *,
    whole: bool = True,
    path: Path | None = None,
    recovered: bool = False,
    descriptor: int | None = None,
    end: int = 0,
    alike: AlikeHeaders | None = None,
) -> Contents:
    """Return the contents of an open file of `size` bytes.

    If the file is not `whole`, it does not tell what was never written. `path` is the path of the file, which is needed
    to report other files that it names and that do not exist. If the file was `recovered`, everything that is left of
    it is known, so what a sample lacks is lost. Indexes are checked against themselves if the file's `descriptor` is
    given. Values before the offset `end` may be read without the library. `alike` are the headers met in other files.
    """
    walk = TreeWalk(h5, file, size, trail, whole=whole, path=path, descriptor=descriptor, end=end, alike=alike)
    found_tables, unjudged = list[Table](), list[Dataset]()
    groups = walk.placed(list(walk.groups()))
    texts = all(dataset.holds <= TEXTS for _, datasets in groups for dataset in datasets if dataset.shape)
    facts = walk.facts(groups, recovered=recovered, heeded=options.heeded)
    means, untrue = meaning(facts)
    filled = any(it.shape and it.bytes for _, datasets in groups for it in datasets)
    counts: list[Finding] = []
    odd = walk.attribute_values.odd()
    for group, datasets in groups:
        if is_of_index(group, walk.lengths, datasets):
            unjudged += datasets
            continue
        of_group = _divided(group, datasets, options, means, facts, whole=whole, texts=texts)
        found_tables += with_attribute_findings(of_group.singly, odd)
        found_tables += with_ragged(of_group.tables, facts.look)
        unjudged += of_group.unjudged
        mismatches = _mismatches(group, of_group.others, options, means, facts)
        counts += mismatches
        walk.findings += [*mismatches, *without_values(datasets, filled=filled)]
    found_tables = [*with_all_missing(found_tables, walk.lengths.keys(), facts.look)]
    found_tables = [*with_positions(found_tables, facts.look, walk.lengths)]
    kept = {it.path for table in found_tables for it in table.judged if it.spoiled}
    walk.findings += attribute_findings({path: spoiled for path, spoiled in odd.items() if path not in kept}, means)
    requested = [*together(walk.lengths_by_links(), options, walk.unknown)]
    requested += () if facts.hidden else set_counts(groups, [it for it in (*counts, *untrue) if it.verdict == "bad"])
    guessed = (it for it in walk.findings if not any(_paths(it) <= _paths(one) for one in requested if _paths(it)))
    means = count_samples(means, found_tables, facts, untrue)
    findings = (*guessed, *requested, *untrue, *part_findings(found_tables, () if facts.hidden else groups))
    leading = tuple(leading_elsewhere(dict(groups).get(b"", ()), facts.values)) if facts.heeded else ()
    single = tuple(sorted(records(groups, found_tables, means.pictures), key=lambda it: it.path))
    alone = frozenset(single)
    left = tuple(it for it in unjudged if it not in alone)
    shapes = tuple((it.path, it.shape) for _, datasets in groups for it in datasets)
    return Contents(
        tuple(sorted(found_tables, key=lambda it: it.name)), left, single, findings, paths=tuple(walk.lengths),
        shapes=shapes, means=means, keeps=tuple(conventions(facts, means)), by_path=walk.by_path,
        looked=tuple(sorted(facts.look.looked)), attributes=tuple(walk.attribute_values.of_root), leading=leading,
    )  # fmt: skip


class _Divided(NamedTuple):
    """The datasets of a group: tables of those that are a record each, tables with a record in each row, and the rest.

    `others` are all that are not a record each, with the samples on the first axis.
    """

    singly: list[Table]
    tables: list[Table]
    unjudged: list[Dataset]
    others: list[Dataset]


def _divided(
    group: bytes,
    datasets: Sequence[Dataset],
    options: StoreOptions,
    means: Meaning,
    facts: Facts,
    *,
    whole: bool,
    texts: bool,
) -> _Divided:
    """Divide the datasets of a group into tables and what is no record.

    Samples are looked for on the last axis only if the file is `whole`. `texts` says that it holds nothing but texts.
    """
    inside = means.holds(group) or (not group and exodus.is_mesh(facts.look))
    singly, others = each(group, datasets, options, inside=inside, pictures=means.pictures, hidden=facts.hidden)
    shots, others = one_picture(others) if options.records != PER_TABLE else ([], others)
    if whole and means.cells is None and not inside:
        others = with_samples_first(group, others, options, facts.values)
    own = {**pieces(others), **dict.fromkeys(means.by_chance, APART)}
    apart = [replace(it, table=it.table or own[it.path]) if it.path in own else it for it in others]
    texts = texts or any(_are_pictures(it, facts) for it in apart)
    group_tables, unjudged = tables(group, apart, options, texts=texts)
    return _Divided([*singly, *shots], list(group_tables), list(unjudged), list(others))


def _are_pictures(dataset: Dataset, facts: Facts) -> bool:
    """Check whether texts of a fixed length are encoded pictures, by the first, the middle and the last one."""
    flat = dataset.dtype.kind == "S" and len(dataset.shape) == 1 and dataset.rows
    if not flat or dataset.dtype.itemsize < SHORTEST or dataset.chunk_bytes > LARGEST:
        return False
    values = facts.look.values_of_rows(dataset, sorted({0, dataset.rows // 2, dataset.rows - 1}))
    return values is not None and any(it.startswith(MAGIC) for it in values.tolist())


def _mismatches(
    group: bytes, datasets: Sequence[Dataset], options: StoreOptions, means: Meaning, facts: Facts
) -> list[Finding]:
    """Return findings about datasets of a group that should have equally many rows but do not.

    Groups that are compared with others like them are left out.
    """
    compared = [] if means.compares(group) else datasets
    mismatches = [*row_counts(group, compared, options, facts.values), *paired_counts(datasets, facts.values)]
    return [*mismatches, *near_counts(compared, mismatches, facts.values)]


def _paths(finding: Finding) -> frozenset[str]:
    """Return the paths of the datasets whose rows a finding compares."""
    return frozenset(finding.details["rows"]) if finding.code == "row-count" else frozenset()
