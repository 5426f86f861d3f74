"""Interpret what datasets and attributes of an HDF5 file say of each other: samples, counts, names, row numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import msgspec

from datacheck.backends.hdf5.columns import unjudged_places
from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.formats import cooler, fuel, loom, matlab, snapshots
from datacheck.backends.hdf5.formats.encoded import ENCODING, encoded
from datacheck.backends.hdf5.formats.frames import frames
from datacheck.backends.hdf5.formats.sparse import Cells, Sparse, cells_of, sparse
from datacheck.backends.hdf5.formats.trajectories import Trajectories, findings, holds_fields, trajectories
from datacheck.backends.hdf5.library.looking import LARGEST, Looking
from datacheck.backends.hdf5.names import DIGITS
from datacheck.backends.hdf5.paths import Paths
from datacheck.backends.hdf5.references.boundaries import boundaries
from datacheck.backends.hdf5.references.categories import categories
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
from datacheck.backends.hdf5.samples.grid_axes import grid_axes
from datacheck.backends.hdf5.samples.group_families import families, unlike_families, without_columns
from datacheck.backends.hdf5.samples.named_samples import Named, list_names
from datacheck.backends.hdf5.samples.own_lengths import lengths_in_attributes, own_lengths
from datacheck.backends.hdf5.samples.row_counts import INFOS, info_counts, step_counts
from datacheck.backends.hdf5.samples.samples import FEWEST, Family
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more

STEPS = (b"num_samples", b"num_steps", b"n_steps", b"total_steps")
"""Attributes of a sample that hold its number of rows."""
BUDGET = b"total_steps"
"""Attribute with the rows of all samples, if a number of samples is beside it, or else with planned training steps."""
TOTALS = (b"total", BUDGET)
"""Attributes of the parent of samples that hold how many rows all of them have together."""
SAMPLES = (b"num_demos", b"n_demos", b"num_episodes", b"n_episodes", b"num_trajectories", b"total_episodes")
"""Attributes of the parent of samples that hold the number of samples."""
ID = b"id"
"""Attribute of a sample that may hold its number."""
SURE = frozenset({b"/data"})
"""Groups whose counts certainly refer to this file; robomimic keeps its demonstrations there."""
NEAR = 3 / 4
"""In other groups, a count may be that of all files of a set if less than this share of it is in the file."""
NAMED = 5
SHORTEST, HEAD = 64, 16
"""Size of the shortest picture, and number of its first bytes that are read, in bytes."""
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
HIDING = frozenset(("damaged-store", "truncated-store", "unreadable", "checksum", "crash", "timeout", "too-large"))
"""Codes of findings after which nothing is reported as missing, since it is unknown what else there was."""
Attribute = Callable[[bytes, bytes], "int | None"]
"""Returns the whole number in the attribute of a path with a name, or None if there is none."""


class Counted(msgspec.Struct, frozen=True):
    """An attribute that counts the rows of its `samples`, which may be one, or if `whole` the samples themselves."""

    path: bytes
    name: bytes
    samples: tuple[bytes, ...]
    whole: bool = False
    true: bool = True
    unsure: frozenset[bytes] = frozenset()
    """Samples whose number of rows is unknown."""
    of: bytes = b""
    """The dataset of each sample whose rows are counted, if they are not its steps: actions beside observations."""
    said: int = 0
    """The count, if it is one of samples."""
    elsewhere: int = 0
    """The samples of other files that it counts too."""


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
        return group in self.samples or any(it in self.samples for it in _parents(group))

    def compares(self, group: bytes) -> bool:
        """Check whether a group, or one above it, is compared with others like it, or Fuel declares its sets."""
        return (
            (not group and bool(self.parts))
            or group in self.compared
            or any(it in self.compared for it in _parents(group))
        )


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
    shapes = {path: it.shape for path, it in shaped.items()}
    runs = trajectories(datasets, facts.look) if facts.heeded else None
    groups = [path for path, _ in facts.groups if path and (runs is None or not holds_fields(path))]
    groups = [] if snapshots.is_snapshot(groups, facts.look) else groups
    all_families = families(groups, shapes, facts.linked)
    # folds hold rows of sets
    alike = [it for it in all_families if not (it.common and all(map(names_a_set, it.common)))]
    alike = without_columns(alike, shapes)
    names: list[Named] = []
    all_findings, counts, lengths = _check_samples(alike, facts, shaped)
    paths = {it.path for family in alike for it in family.samples}
    outside = [it for it in datasets if paths.isdisjoint(_parents(it.path))] if paths else datasets
    numbers: list[RowNumbers] = []
    parts = fuel.parts(facts.look)
    if facts.heeded:
        for family in alike:
            all_findings += list_names(family, outside, facts, names)
        numbers, wrong = row_numbers(outside, facts.values)
        all_findings += wrong
    matrices = []
    numbered: dict[bytes, int] = {}
    for group, some in facts.groups:
        matrix, wrong = sparse(group, some, facts.values, facts.look.pieces, facts.look.numbers, facts.look.text)
        matrices += [matrix] if matrix is not None else []
        all_findings += wrong
        if facts.heeded:
            all_findings += _joined(group, some, facts, paths)
        numbered |= categories(some, facts.look.text(group, ENCODING), facts.values)
    all_findings += edges(facts.groups, facts.look, paths) if facts.heeded else ()
    if not facts.hidden and not facts.recovered:
        all_findings += encoded(facts.groups, facts.linked, matrices, facts.look.texts)
        without_values, by_path = {*facts.linked, *(path for path, _ in facts.groups)}, {it.path: it for it in datasets}
        all_findings += (it for some in datasets for it in _dangling_references(some, facts))
        all_findings += [*fuel.findings(parts, by_path), *loom.findings(by_path), *findings(runs, by_path, facts.look)]
        all_findings += cooler.findings(by_path, facts.look)
        all_findings += snapshots.findings(facts.groups, facts.look)
        all_findings += frames(facts.frames, by_path, without_values, facts.values, facts.look.numbers, facts.look.text)
    several = Paths(it.path for family in alike if len(family.samples) >= FEWEST for it in family.samples)
    all_findings += map(_unjudged_finding, (it for it in datasets if unjudged_places(it.dtype, it.shape[1:])))
    of_group = dict(facts.groups)
    for group, some in facts.groups:
        if group not in several:
            all_findings += step_counts(some, facts.values)
            all_findings += (it for name in INFOS for it in info_counts(some, of_group.get(group + b"/" + name, ())))
    samples = Paths(it.path for family in alike for it in family.samples)
    members, cells = _members_by_sample(alike), cells_of({it.path: it for it in outside}, matrices, facts.look.text)
    apart = by_chance(alike, {path: {it.name: it.shape for it in some} for path, some in facts.groups})
    apart |= Paths() if runs is None else runs.others
    apart |= {path for _, some in facts.groups for path in grid_axes(some, facts.values)}
    result = Meaning(
        samples, members, tuple(counts), tuple(names), tuple(numbers), tuple(matrices), cells, compared=several,
        categories=numbered, by_chance=apart, parts=parts,
        referred=matlab.cells_of(datasets, facts.look.references), pictures=_picture_paths(facts),
        trajectories=runs, lengths=Paths(lengths),
        numbered=Paths(it for family in alike for it in _numbered_samples(family, facts.attribute)),
    )  # fmt: skip
    return result, all_findings


def _joined(group: bytes, some: Sequence[Dataset], facts: Facts, samples: Collection[bytes]) -> Iterator[Finding]:
    """Yield findings about the row numbers in a group; those of boundaries only outside of samples, once for each."""
    joined = [*joined_by_ranges(some, facts.values), *tiling(some, facts.values)]
    names = facts.look.names(group) if len(some) > 1 else ()
    joined += joined_rows(group, some, facts.values, names, facts.attribute)
    yield from joined
    if not any(it in samples for it in (group, *_parents(group))):
        known = {it.details.get("dataset") for it in joined}
        parts = list(first_and_last(some, facts.values, known))
        yield from parts
        known |= {it.details.get("dataset") for it in parts}
        inside = (it for path, its in facts.groups if path and path.rpartition(b"/")[0] == group for it in its)
        found_ones = boundaries(some, facts.values, facts.look.text, inside)
        yield from (it for it in found_ones if it.details["dataset"] not in known)
        yield from (it for it in joined_lengths(some, facts.look) if it.details.get("dataset") not in known)


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
        sample_findings += _count_findings(family, facts, counts) if facts.heeded else ()
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
            flat = len(it.shape) == 1 and it.dtype.kind in "iu" and it.dtype.itemsize == 1 and it.readable
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
        f"{path} is read and not judged: it has {math.prod(dataset.shape[1:]):,} values of varying length in each row"
    )
    return found("unsupported", text, field=dataset.title, path=path)


def _parents(path: bytes) -> Iterator[bytes]:
    while path:
        path = path.rpartition(b"/")[0]
        yield path


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


def _count_findings(family: Family, facts: Facts, counts: list[Counted]) -> Iterator[Finding]:
    """Add the attributes that count rows or samples to `counts`, and yield a finding for each that is not true."""
    rows = family.steps.tolist()
    declared_rows = []
    for sample, actual in zip(family.samples, rows, strict=True):
        number = actual if actual >= 0 else 0
        for name in STEPS:
            declared = facts.attribute(sample.path, name)
            others = (it for it, shape in sample.members.items() if shape[:1] == (declared,))
            if declared is None:
                continue
            if declared != actual and (other := next(others, b"")):  # such as audio samples beside frames
                counts.append(Counted(sample.path, name, (sample.path,), of=other))
                continue
            counts.append(Counted(sample.path, name, (sample.path,), true=declared == actual or actual < 0))
            number = declared
            if actual >= 0 and declared != actual:
                path = escape(sample.path)
                text = f"{path}: {escape(name)} says {declared:,}, and there are {actual:,} rows"
                yield found("count", text, sample=path, attribute=escape(name), said=declared, there=actual)
            break
        declared_rows.append(number)
    above = family.samples[0].path.rpartition(b"/")[0] or b"/"
    paths = tuple(it.path for it in family.samples)
    filled = sum(bool(it.members) for it in family.samples)
    for name in TOTALS + SAMPLES:
        declared = facts.attribute(above, name)
        if declared is None:
            continue
        counts_samples = name in SAMPLES or (name == TOTALS[0] and declared == len(paths))
        true = {len(paths), filled} if counts_samples else {sum(declared_rows), sum(it for it in rows if it > 0)}
        unsure = Paths() if counts_samples else Paths(it for it, actual in zip(paths, rows, strict=True) if actual < 0)
        if unsure:
            counts.append(Counted(above, name, paths, unsure=unsure))
            continue
        if not counts_samples and declared not in true and (other := _summed_dataset(family, declared)):
            counts.append(Counted(above, name, paths, of=other))
            continue
        if declared not in true and name == BUDGET and all(facts.attribute(above, it) is None for it in SAMPLES):
            continue
        counts.append(Counted(above, name, paths, counts_samples, declared in true, said=declared * counts_samples))
        if declared not in true:
            what = "samples" if counts_samples else "rows in all samples together"
            actual = len(paths) if counts_samples else sum(declared_rows)
            text = f"{escape(above)}: {escape(name)} says {declared:,}, and there are {actual:,} {what}"
            verdict: Verdict | None = None if above in SURE or actual >= NEAR * declared else "suspicious"
            yield found(
                "count",
                text,
                verdict=verdict,
                path_of=escape(above),
                attribute=escape(name),
                said=declared,
                there=actual,
            )


def _summed_dataset(family: Family, total: int) -> bytes:
    """Return the name of the dataset whose rows in all samples add up to `says`, or an empty name if there is none."""
    if not family.compared:
        return b""
    rows = zip(family.names, family.lengths, strict=True)
    return next((name for name, lengths in rows if lengths.min() >= 0 and lengths.sum() == total), b"")
