"""Interpret what datasets and attributes of an HDF5 file say of each other: samples, counts, names, row numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from datacheck.backends.hdf5.columns import unjudged_places
from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.formats import cooler, coordinates, fuel, loom, matlab, named_axes, nwb, snapshots, snirf
from datacheck.backends.hdf5.formats.encoded import ENCODING, encoded
from datacheck.backends.hdf5.formats.frames import frames
from datacheck.backends.hdf5.formats.sparse import Cells, Sparse, cells_of, sparse
from datacheck.backends.hdf5.formats.trajectories import Trajectories, findings, holds_fields, trajectories
from datacheck.backends.hdf5.library.looking import LARGEST, Looking
from datacheck.backends.hdf5.names import DIGITS
from datacheck.backends.hdf5.paths import Paths, nearest
from datacheck.backends.hdf5.references.boundaries import boundaries
from datacheck.backends.hdf5.references.categories import categories
from datacheck.backends.hdf5.references.compound_ranges import compound_ranges
from datacheck.backends.hdf5.references.first_and_last import first_and_last
from datacheck.backends.hdf5.references.graph_edges import edges
from datacheck.backends.hdf5.references.joined_lengths import joined_lengths
from datacheck.backends.hdf5.references.joined_rows import joined_rows
from datacheck.backends.hdf5.references.row_numbers import (
    RowNumbers,
    joined_by_ranges,
    names_a_set,
    row_numbers,
    tiling,
)
from datacheck.backends.hdf5.samples.by_chance import by_chance
from datacheck.backends.hdf5.samples.counts_in_attributes import STEPS, Attribute, Counted, count_findings
from datacheck.backends.hdf5.samples.grid_axes import grid_axes
from datacheck.backends.hdf5.samples.group_families import families, unlike_families, without_columns
from datacheck.backends.hdf5.samples.named_samples import Named, list_names
from datacheck.backends.hdf5.samples.other_axes import without_told
from datacheck.backends.hdf5.samples.own_lengths import lengths_in_attributes, own_lengths
from datacheck.backends.hdf5.samples.row_counts import INFOS, info_counts, step_counts
from datacheck.backends.hdf5.samples.samples import FEWEST, Family
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more, counted

ID = b"id"
"""Attribute of a sample that may hold its number."""
NAMED = 5
SHORTEST, HEAD = 64, 16
"""Size of the shortest picture, and number of its first bytes that are read, in bytes."""
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
HIDING = frozenset(("damaged-store", "truncated-store", "unreadable", "checksum", "crash", "timeout", "too-large"))
"""Codes of findings after which nothing is reported as missing, since it is unknown what else there was."""


class Meaning(msgspec.Struct, frozen=True):
    """What the parts of a file say of each other, which a copy has to keep true.

    `samples` are groups that are dropped as a whole. `members` are the datasets of a sample that have one row per step.
    `cells` says which datasets have one row per cell.
    """

    samples: frozenset[bytes] = frozenset()
    members: Mapping[bytes, tuple[bytes, ...]] | None = None
    counts: tuple[Counted, ...] = ()
    names: tuple[Named, ...] = ()
    numbers: tuple[RowNumbers, ...] = ()
    sparse: tuple[Sparse, ...] = ()
    cells: Cells | None = None
    referred: Mapping[bytes, str] = msgspec.field(default_factory=dict)
    """The cell of a MATLAB file that each dataset in #refs# is, by path."""
    categories: Mapping[bytes, int] = msgspec.field(default_factory=dict)
    """The datasets of category numbers, with the number of categories."""
    pictures: frozenset[bytes] = frozenset()
    """The flat datasets whose bytes are one encoded picture."""
    by_chance: frozenset[bytes] = frozenset()
    """The datasets that have as many rows as others of their group by chance, and are not columns of one table."""
    parts: tuple[fuel.Part, ...] = ()
    """The sets that a file written by Fuel declares."""
    trajectories: Trajectories | None = None
    lengths: frozenset[bytes] = frozenset()
    """The scalars that hold the length of something in their sample."""
    numbered: frozenset[bytes] = frozenset()
    """The samples whose attribute `id` is the number in their name."""
    compared: frozenset[bytes] = frozenset()
    """The samples of families that are large enough to tell which of their datasets have the same number of rows."""
    larger: tuple[Counted, ...] = ()
    """Numbers that may count the samples of several files, of which this is one."""

    def holds(self, group: bytes) -> bool:
        """Check whether a group is a sample, or is inside one."""
        return bool(nearest(group, self.samples))

    def compares(self, group: bytes) -> bool:
        """Check whether a group, or one above it, is compared with others like it, or Fuel declares its sets."""
        return bool(nearest(group, self.compared) if group else self.parts)


class Facts(msgspec.Struct, frozen=True):
    """The result of a walk of a file: its groups with their datasets, the links, and a reader of small contents."""

    groups: Sequence[tuple[bytes, Sequence[Dataset]]]
    linked: Collection[bytes]
    hidden: bool
    look: Looking
    recovered: bool = False
    """Whether the file was damaged, and this is all that is left of it."""
    frames: Collection[bytes] = ()
    """The groups that are frames or series of pandas."""
    addresses: Collection[int] | None = None
    """The addresses of the headers of all objects that links lead to, or None if some were not visited."""
    netcdf: bool = False
    """Whether an attribute says that netCDF-4 wrote it."""
    heeded: bool = True
    """Whether counts, lists of names and row numbers are checked; not with `--convention none`."""

    @property
    def attribute(self) -> Attribute:
        return self.look.number

    @property
    def values(self) -> Values:
        return self.look.values


def meaning(facts: Facts) -> tuple[Meaning, list[Finding]]:
    """Return the meaning of a file, and findings for what is not true of it."""
    datasets = [it for _, some in facts.groups for it in some]
    shaped = {it.path: it for it in datasets}
    runs = trajectories(datasets, facts.look) if facts.heeded else None
    alike = _families_of_samples(facts, shaped, runs)
    names: list[Named] = []
    all_findings, counts, lengths = _check_samples(alike, facts, shaped)
    paths = {it.path for family in alike for it in family.samples}
    outside = [it for it in datasets if not nearest(it.path, paths)]
    numbers: list[RowNumbers] = []
    parts = fuel.parts(facts.look)
    if facts.heeded:
        for family in alike:
            all_findings += list_names(family, outside, facts, names)
        numbers, wrong = row_numbers(outside, facts.values)
        all_findings += wrong
    matrices, numbered, wrong = _check_groups(facts, paths)
    all_findings += wrong
    if not facts.hidden and not facts.recovered:
        all_findings += _format_findings(facts, datasets, matrices, parts, runs)
    several = Paths(it.path for family in alike if len(family.samples) >= FEWEST for it in family.samples)
    all_findings += map(_unjudged_finding, (it for it in datasets if unjudged_places(it.dtype, it.shape[1:])))
    of_group = dict(facts.groups)
    for group, some in facts.groups:
        if group not in several:
            all_findings += step_counts(some, facts.values)
            all_findings += (it for name in INFOS for it in info_counts(some, of_group.get(group + b"/" + name, ())))
    samples = Paths(it.path for family in alike for it in family.samples)
    members, cells = _members_by_sample(alike), cells_of({it.path: it for it in outside}, matrices, facts.look.text)
    result = Meaning(
        samples, members, tuple(counts), tuple(names), tuple(numbers), tuple(matrices), cells, compared=several,
        categories=numbered, by_chance=_apart(alike, facts, runs), parts=parts,
        referred=matlab.cells_of(datasets, facts.look.references), pictures=_picture_paths(facts),
        trajectories=runs, lengths=Paths(lengths),
        numbered=Paths(it for family in alike for it in _numbered_samples(family, facts.attribute)),
    )  # fmt: skip
    return result, without_told(all_findings)


def _families_of_samples(facts: Facts, shaped: Mapping[bytes, Dataset], runs: Trajectories | None) -> list[Family]:
    """Return the families of groups that are samples: no fields of trajectories, folds, or columns of one table."""
    shapes = {path: it.shape for path, it in shaped.items()}
    groups = [path for path, _ in facts.groups if path and (runs is None or not holds_fields(path))]
    groups = [] if snapshots.is_snapshot(groups, facts.look) else groups
    all_families = families(groups, shapes, facts.linked)
    # folds hold rows of sets
    alike = [it for it in all_families if not (it.common and all(map(names_a_set, it.common)))]
    return without_columns(alike, shapes)


def _apart(alike: Sequence[Family], facts: Facts, runs: Trajectories | None) -> frozenset[bytes]:
    """Return the datasets that are no columns of a table although they have as many rows as others of their group."""
    apart = by_chance(alike, {path: {it.name: it.shape for it in some} for path, some in facts.groups})
    apart |= Paths() if runs is None else runs.others
    return apart | {path for _, some in facts.groups for path in grid_axes(some, facts.values)}


def _check_groups(facts: Facts, samples: Collection[bytes]) -> tuple[list[Sparse], dict[bytes, int], list[Finding]]:
    """Return the sparse matrices and the category numbers of all groups, and findings about these and row numbers."""
    matrices: list[Sparse] = []
    numbered: dict[bytes, int] = {}
    group_findings: list[Finding] = []
    for group, some in facts.groups:
        matrix, wrong = sparse(group, some, facts.values, facts.look.pieces, facts.look.numbers, facts.look.text)
        matrices += [matrix] if matrix is not None else []
        group_findings += wrong
        if facts.heeded:
            group_findings += _joined(group, some, facts, samples)
        numbered |= categories(some, facts.look.text(group, ENCODING), facts.values)
    if facts.heeded:
        group_findings += edges(facts.groups, facts.look, samples)
    return matrices, numbered, group_findings


def _format_findings(
    facts: Facts,
    datasets: Sequence[Dataset],
    matrices: Sequence[Sparse],
    parts: tuple[fuel.Part, ...],
    runs: Trajectories | None,
) -> Iterator[Finding]:
    """Yield findings about what the formats of certain projects ask for, and about references to what is gone."""
    by_path = {it.path: it for it in datasets}
    without_values = {*facts.linked, *(path for path, _ in facts.groups)}
    yield from encoded(facts.groups, facts.linked, matrices, facts.look.texts)
    for dataset in datasets:
        yield from _dangling_references(dataset, facts)
    yield from fuel.findings(parts, by_path)
    yield from loom.findings(by_path)
    yield from findings(runs, by_path, facts.look)
    yield from cooler.findings(by_path, facts.look)
    yield from snapshots.findings(facts.groups, facts.look)
    yield from nwb.findings(facts.groups, facts.look)
    yield from coordinates.findings(by_path)
    yield from named_axes.findings(facts.groups, facts.look)
    yield from snirf.findings(by_path, [path for path, _ in facts.groups], facts.look)
    yield from frames(facts.frames, by_path, without_values, facts.values, facts.look.numbers, facts.look.text)


def _joined(group: bytes, some: Sequence[Dataset], facts: Facts, samples: Collection[bytes]) -> Iterator[Finding]:
    """Yield findings about the row numbers in a group; those of boundaries only outside of samples, once for each."""
    joined = [*joined_by_ranges(some, facts.values), *tiling(some, facts.values)]
    names = facts.look.names(group) if len(some) > 1 else ()
    joined += joined_rows(group, some, facts.values, names, facts.attribute)
    yield from joined
    if not nearest(group, samples):
        known = {it.details.get("dataset") for it in joined}
        parts = list(first_and_last(some, facts.values, known))
        yield from parts
        known |= {it.details.get("dataset") for it in parts}
        inside = (it for path, its in facts.groups if path and path.rpartition(b"/")[0] == group for it in its)
        found_ones = boundaries(some, facts.values, facts.look.text, inside)
        yield from (it for it in found_ones if it.details["dataset"] not in known)
        yield from (it for it in joined_lengths(some, facts.look) if it.details.get("dataset") not in known)
        yield from compound_ranges(some, facts.values)


def _check_samples(
    alike: Sequence[Family], facts: Facts, shaped: Mapping[bytes, Dataset]
) -> tuple[list[Finding], list[Counted], list[bytes]]:
    """Return findings about samples, attributes that count samples or rows, and paths of scalars that hold lengths."""
    sample_findings: list[Finding] = []
    counts: list[Counted] = []
    lengths: list[bytes] = []
    for family in alike:
        if not facts.hidden:
            sample_findings += (it for _, it in family.findings())
        sample_findings += count_findings(family, facts.attribute, counts) if facts.heeded else ()
        if facts.heeded and not facts.hidden:
            scalars, wrong = own_lengths(family, shaped, facts.look.scalar)
            sample_findings += [*wrong, *lengths_in_attributes(family, facts.look.names, facts.attribute, STEPS)]
            lengths += (it.path + b"/" + one.name for it in family.samples for one in scalars)
    if not facts.hidden:
        shapes = {path: it.shape for path, it in shaped.items()}
        unlike = unlike_families([path for path, _ in facts.groups if path], shapes, alike)
        sample_findings += (it for family in unlike for _, it in family.findings() if it.code == "row-count")
    return sample_findings, counts, lengths


def _numbered_samples(family: Family, attribute: Attribute) -> Iterator[bytes]:
    """Yield the samples whose attribute `id` is the number in their name, up to the first without the attribute."""
    for sample in family.samples:
        number = attribute(sample.path, ID)
        if number is None:
            return
        if DIGITS.findall(sample.path.rpartition(b"/")[2]) == [b"%d" % number]:
            yield sample.path


def _picture_paths(facts: Facts) -> frozenset[bytes]:
    """Return the flat datasets of bytes that begin like a picture and are not as long as any dataset beside them."""
    paths = set()
    for _, datasets in facts.groups:
        heights = Counter(it.rows for it in datasets if it.shape)
        for it in datasets:
            flat = it.is_integer_vector and it.dtype.itemsize == 1 and it.readable
            if flat and it.rows >= SHORTEST and it.bytes <= LARGEST and heights[it.rows] == 1:
                head = facts.look.head(it, HEAD)
                if any(head.startswith(magic) for magic in MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
                    paths.add(it.path)
    return Paths(paths)


def _dangling_references(dataset: Dataset, facts: Facts) -> Iterator[Finding]:
    """Yield a finding for references to objects that are gone."""
    refers = facts.addresses is not None and "ref" in (dataset.dtype.metadata or {})
    positions = facts.look.dangling_references(dataset, facts.addresses or ()) if refers else []
    if positions:
        path, what = escape(dataset.path), ("reference", "leads") if len(positions) == 1 else ("references", "lead")
        places = and_more(map(str, positions[:NAMED]), len(positions))
        text = f"{path}: {what[0]} {places} {what[1]} to nothing"
        yield found("dangling", text, field=dataset.title, dataset=path, missing=positions[:NAMED])


def _unjudged_finding(dataset: Dataset) -> Finding:
    path = escape(dataset.path)
    text = (
        f"{path} is read and not judged: it has {counted(math.prod(dataset.shape[1:]), 'value')} of "
        "varying length in each row"
    )
    return found("unsupported", text, field=dataset.title, path=path)


def _members_by_sample(alike: Sequence[Family]) -> dict[bytes, tuple[bytes, ...]]:
    """Return the datasets of each sample that have one row per step."""
    result = {}
    for family in alike:
        steps = family.steps
        names = {family.names[at] for at in family.counted}
        for sample, rows in zip(family.samples, steps.tolist(), strict=True):
            counted_names = (it for it, shape in sample.members.items() if it in names and shape and shape[0] == rows)
            result[sample.path] = tuple(sample.path + b"/" + it for it in counted_names)
    return result
