"""Detect datasets that are one record each: siblings with similar names that are not columns of one table.

Siblings are columns if they are few and no pictures, or if another dataset beside them has as many rows (a label, the
actions of an episode). Flat siblings of one length that are numbered from 0 or 1 without a gap, as features are, may be
either. They are marked as unclear, so that the user is asked. Names are similar if they differ only in their numbers,
or if nearly all of them contain a digit.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from datacheck.backends.hdf5.dataset import Dataset, label_names
from datacheck.backends.hdf5.names import DIGITS, words
from datacheck.backends.hdf5.samples.picture_shapes import is_picture
from datacheck.backends.hdf5.samples.samples import WEIGHTS, Family, Sample
from datacheck.backends.hdf5.samples.side_by_side import counted_apart, side_families
from datacheck.backends.hdf5.samples.single_partners import with_partners, without_record
from datacheck.backends.hdf5.shard_parts import EACH
from datacheck.backends.hdf5.tables import Table
from datacheck.backends.interface import StoreOptions
from datacheck.model.cells import NUMBERS
from datacheck.model.escaping import escape, plain
from datacheck.model.finding import Finding
from datacheck.model.replacing import replace

FEW, FEW_VARYING, FEW_UNLIKE = 8, 3, 16
"""Minimum number of siblings that can be records: of one length, of several lengths, and with dissimilar names."""
LIKE = 0.9
"""Share of the siblings that counts as nearly all: those with a digit in the name, or with the usual number of rows."""
FEW_LONG, CLOSE = 20, 0.95
"""Minimum number of rows of columns, and how near to it the number of rows of a single odd one must be, as a share."""
FEW_ROWS = 3
"""If some sample has at most this many rows, others may have none, as with the boxes of a picture."""
MOSTLY_FULL = 0.1
"""If more than this share of the samples have no value, that is not taken for a fault."""
LARGEST = 256 << 20
"""Largest dataset that is held in memory as one record, in bytes."""
TABLE, PER_SAMPLE = "table", "per-sample"
NO_SAMPLES = re.compile(rb"(block|axis|level|label|_i_)[0-9]*_?.*|.*_(items|values|level|label)[0-9]*")
"""Names that pandas and PyTables give to the parts of one table."""
SAMPLES = frozenset(
    b"protein prot seq sample img image picture pic photo utt utterance clip video vid doc document item example case "
    b"patient subject audio wav frame mol molecule graph scene id".split()
)
"""Words before a number which show that samples are numbered, not columns."""
STATISTICS = frozenset(b"mean means avg average std stds stddev var variance median min max".split())
"""Words in the name of a dataset that is a statistic over all siblings."""
OF_MANY = frozenset(b"batch batches bucket buckets shard shards".split())
"""Words for datasets that hold many samples, one per row."""
_LETTERS = re.compile(rb"[A-Za-z]+")


def each(
    group: bytes,
    datasets: Sequence[Dataset],
    options: StoreOptions,
    *,
    inside: bool,
    pictures: Collection[bytes] = (),
    hidden: bool = False,
) -> tuple[list[Table], list[Dataset]]:
    """Return the tables of datasets that are one record each, and the other datasets.

    If the group itself is a sample (`inside`), its datasets are not records. `pictures` are the paths of datasets that
    are left out of the others. If some datasets may be `hidden` by damage, none is missing.
    """
    usable = [it for it in datasets if _is_usable(it)]
    if b"#refs#" in group.split(b"/") and options.records != TABLE:  # the cells of MATLAB
        cells = [it for it in usable if it.matlab and it.bytes <= LARGEST]
        paths = {it.path for it in cells}
        return [_record_table(group, b"", cells)] if cells else [], [it for it in datasets if it.path not in paths]
    if inside or options.records == TABLE or len(usable) < FEW_VARYING:
        return [], [it for it in datasets if it.path not in pictures]
    tables: list[Table] = []
    taken: set[bytes] = set()
    unclear: set[bytes] = set()
    labels = label_names(group, datasets, options)
    for name, family in _families(usable).items():
        own_paths = {it.path for it in family}
        others = [it for it in datasets if it.path not in own_paths and (it.columns or it.name in labels)]
        mode = _read_as(family, others, named=bool(name)) if options.records is None else PER_SAMPLE
        large = max(it.bytes for it in family) > LARGEST
        if mode is None or (mode == PER_SAMPLE and large):
            unclear |= own_paths
        if mode == PER_SAMPLE and not large:
            family = [*family, *_without_values(name, family, datasets)]
            tables.append(_record_table(group, name, family if hidden else with_partners(family, datasets)))
            taken.update(it.path for it in family)
    taken.update(pictures)
    left = [replace(it, unclear=True) if it.path in unclear else it for it in datasets if it.path not in taken]
    return tables, left


def _without_values(family: bytes, members: Sequence[Dataset], siblings: Sequence[Dataset]) -> list[Dataset]:
    """Return the siblings of a family that have no value: samples whose values were never written.

    Return none if many samples are empty or if some have few rows, since a sample without rows is then normal.
    """
    if min(it.rows for it in members) <= FEW_ROWS:
        return []
    hollow = [it for it in siblings if it.shape and not it.bytes and _may_be_record(it) and DIGITS.search(it.name)]
    named = [it for it in hollow if not family or DIGITS.sub(b"#", it.name) == family]
    alike = [it for it in named if (len(it.shape), it.dtype) == (len(members[0].shape), members[0].dtype)]
    return alike if len(alike) <= max(1, MOSTLY_FULL * len(members)) else []


def _is_usable(dataset: Dataset) -> bool:
    return bool(dataset.shape and dataset.bytes and _may_be_record(dataset))


def _may_be_record(dataset: Dataset) -> bool:
    return bool(
        dataset.readable
        and not dataset.scale
        and dataset.dtype.names is None
        and dataset.holds == {NUMBERS}
        and not WEIGHTS.fullmatch(dataset.name)
        and not NO_SAMPLES.fullmatch(dataset.name)
    )


def _families(datasets: Sequence[Dataset]) -> dict[bytes, list[Dataset]]:
    """Return the siblings by their names with the numbers folded.

    If the names have nothing else in common but nearly all contain a digit, all of those are under the empty name.
    """
    folded: dict[bytes, list[Dataset]] = defaultdict(list)
    for dataset in datasets:
        folded[DIGITS.sub(b"#", dataset.name)].append(dataset)
    alike = {name: group for name, group in folded.items() if b"#" in name and len(group) >= FEW_VARYING}
    rest = [it for name, group in folded.items() if name not in alike for it in group]
    every = [it for it in datasets if b"#" in DIGITS.sub(b"#", it.name)]
    if len(every) >= FEW_UNLIKE and len(every) >= LIKE * len(datasets) and len(rest) * 2 > len(datasets):
        return {b"": every}
    return alike


def _read_as(family: Sequence[Dataset], others: Sequence[Dataset], *, named: bool) -> str | None:
    """Return how to read the siblings, TABLE or PER_SAMPLE, or None if either may be meant."""
    heights = {it.rows for it in family}
    if OF_MANY & set(_LETTERS.findall(family[0].name.lower())) and len({it.shape[1:] for it in family}) == 1:
        return TABLE
    if len(heights) > 1:
        usual, count = Counter(it.rows for it in family).most_common(1)[0]
        fits = any(it.shape and it.rows == usual for it in others)
        columns = count >= LIKE * len(family) or _has_short_column(family, usual)
        return TABLE if fits and columns else PER_SAMPLE
    height = next(iter(heights))
    if any(
        it.shape and it.rows == height and not _may_be_one_sample(it, family[0]) and not _is_statistic(it, family)
        for it in others
    ):
        return TABLE
    if len(family) < FEW:
        return (
            PER_SAMPLE if _are_pictures(family) or any(map(_are_pictures, _numbered_alike(family, others))) else TABLE
        )
    if not named or any(len(it.shape) > 1 for it in family):
        return PER_SAMPLE
    numbers = sorted(int(found[-1][:18]) for it in family if (found := DIGITS.findall(it.name)))
    counted = numbers[0] in (0, 1) and numbers[-1] - numbers[0] == len(numbers) - 1
    return None if counted and not words(family[0].name) & SAMPLES else PER_SAMPLE


def _has_short_column(family: Sequence[Dataset], usual: int) -> bool:
    """Check whether all siblings but one have the usual number of rows, that one nearly so, and no two rows are alike.

    Siblings such as the layers of a detector, whose rows differ in shape, are no samples of one kind.
    """
    odd = [it.rows for it in family if it.rows != usual]
    near = len(odd) == 1 and usual >= FEW_LONG and abs(odd[0] - usual) <= (1 - CLOSE) * usual
    return near and len({it.shape[1:] for it in family}) == len(family)


def _is_statistic(dataset: Dataset, family: Sequence[Dataset]) -> bool:
    """Check whether a dataset is a statistic over all siblings, such as their mean, by its name and their shape."""
    return len(dataset.shape) > 1 and bool(STATISTICS & words(dataset.name)) and dataset.shape == family[0].shape


def _are_pictures(family: Sequence[Dataset]) -> bool:
    """Check whether siblings are a picture each, by shape, and by a name that is a number or has a word for samples."""
    return (family[0].name.isdigit() or bool(words(family[0].name) & SAMPLES)) and all(map(is_picture, family))


def _numbered_alike(family: Sequence[Dataset], others: Sequence[Dataset]) -> Iterator[list[Dataset]]:
    """Yield other siblings with the same numbers, heights and widths as these, such as the pictures beside masks."""
    alike: dict[bytes, list[Dataset]] = defaultdict(list)
    for it in others:
        alike[DIGITS.sub(b"#", it.name)].append(it)
    numbers = {tuple(DIGITS.findall(it.name)): it.shape[:2] for it in family if len(it.shape) > 1}
    for candidates in alike.values():
        if {tuple(DIGITS.findall(it.name)): it.shape[:2] for it in candidates} == numbers:
            yield candidates


def _may_be_one_sample(some: Dataset, other: Dataset) -> bool:
    """Check whether two siblings may be parts of one sample: their names have equally many numbers, at least one."""
    return len(DIGITS.findall(some.name)) == len(DIGITS.findall(other.name)) > 0


def _record_table(group: bytes, name: bytes, datasets: Sequence[Dataset]) -> Table:
    field = plain(b"_".join(_LETTERS.findall(name)).decode()) or "data"
    renamed = [replace(it, called=(field,)) for it in sorted(datasets, key=lambda it: it.path)]
    return Table(EACH + escape(group + b"/" + (name or b"#")), len(renamed), tuple(renamed), each=True)


def stems(table: Table) -> list[bytes]:
    """Return for each dataset what it shares with other parts of its sample: the group and the numbers in the name.

    A number that all datasets share is part of the name: f0_1 and f0_2 belong to wav_1 and wav_2.
    """
    names = [it.path.rpartition(b"/") for it in table.judged]
    numbers = [DIGITS.findall(name) for _, _, name in names]
    least = min(map(len, numbers), default=0)
    fixed = {at for at in range(least) if len({own_numbers[at] for own_numbers in numbers}) == 1 and len(numbers) > 1}
    return [
        above + b"/" + b"_".join(it for at, it in enumerate(own_numbers) if at not in fixed)
        for (above, _, _), own_numbers in zip(names, numbers, strict=True)
    ]


def part_families(tables: Collection[Table]) -> Iterator[tuple[Family, dict[str, list[bytes]]]]:
    """Yield families of samples that consist of several datasets: of one group, with the same numbers in their names.

    Each family comes with the sample path of each dataset, by table name. Samples with parts in several groups follow.
    """
    groups: dict[str, list[Table]] = defaultdict(list)
    for table in tables:
        groups[table.group].append(table)
    for siblings in groups.values():
        samples: dict[bytes, dict[bytes, tuple[int, ...]]] = defaultdict(dict)
        stems_by_table = {it.name: stems(it) for it in siblings if len(siblings) > 1}
        for table in siblings if stems_by_table else ():
            for dataset, path in zip(table.judged, stems_by_table[table.name], strict=True):
                samples[path][DIGITS.sub(b"#", dataset.name)] = dataset.shape
        family = Family([Sample(path, members) for path, members in sorted(samples.items())])
        if samples and len(family.common) > 1 and family.alike:
            yield family, stems_by_table
    yield from side_families(tables)


def part_findings(
    tables: Collection[Table], groups: Iterable[tuple[bytes, Sequence[Dataset]]] = ()
) -> Iterator[Finding]:
    """Yield findings for samples of several datasets that differ from what the other samples have."""
    siblings = dict(groups)
    for table in tables:
        if table.each:
            yield from without_record(table.judged, siblings.get(table.judged[0].path.rpartition(b"/")[0], ()))
    for family, _ in part_families([it for it in tables if it.each]):
        findings = [it for _, it in family.findings()]
        apart = any(it.code == "unpaired" for it in findings) and counted_apart(family)
        for it in findings:
            yield msgspec.structs.replace(it, verdict="suspicious") if apart and it.code == "unpaired" else it
