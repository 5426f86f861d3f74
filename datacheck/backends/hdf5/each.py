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
from datacheck.backends.hdf5.picture_shapes import is_picture
from datacheck.backends.hdf5.samples import WEIGHTS, Family, Sample
from datacheck.backends.hdf5.shard_parts import EACH
from datacheck.backends.hdf5.side_by_side import counted_apart, side_families
from datacheck.backends.hdf5.single_partners import with_partners, without_record
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
    usable = [it for it in datasets if _usable(it)]
    if b"#refs#" in group.split(b"/") and options.records != TABLE:  # the cells of MATLAB
        its = [it for it in usable if it.matlab and it.bytes <= LARGEST]
        own = {it.path for it in its}
        return [_table(group, b"", its)] if its else [], [it for it in datasets if it.path not in own]
    if inside or options.records == TABLE or len(usable) < FEW_VARYING:
        return [], [it for it in datasets if it.path not in pictures]
    made: list[Table] = []
    taken: set[bytes] = set()
    unclear: set[bytes] = set()
    labels = label_names(group, datasets, options)
    for name, its in _families(usable).items():
        own = {it.path for it in its}
        beside = [it for it in datasets if it.path not in own and (it.columns or it.name in labels)]
        said = _read_as(its, beside, named=bool(name)) if options.records is None else PER_SAMPLE
        large = max(it.bytes for it in its) > LARGEST
        if said is None or (said == PER_SAMPLE and large):
            unclear |= own
        if said == PER_SAMPLE and not large:
            its = [*its, *_hollow(name, its, datasets)]
            made.append(_table(group, name, its if hidden else with_partners(its, datasets)))
            taken.update(it.path for it in its)
    taken.update(pictures)
    left = [replace(it, unclear=True) if it.path in unclear else it for it in datasets if it.path not in taken]
    return made, left


def _hollow(family: bytes, its: Sequence[Dataset], siblings: Sequence[Dataset]) -> list[Dataset]:
    """Return the siblings of a family that have no value: samples whose values were never written.

    Return none if many samples are empty or if some have few rows, since a sample without rows is then normal.
    """
    if min(it.rows for it in its) <= FEW_ROWS:
        return []
    hollow = [it for it in siblings if it.shape and not it.bytes and _fits(it) and DIGITS.search(it.name)]
    named = [it for it in hollow if not family or DIGITS.sub(b"#", it.name) == family]
    made = [it for it in named if (len(it.shape), it.dtype) == (len(its[0].shape), its[0].dtype)]
    return made if len(made) <= max(1, MOSTLY_FULL * len(its)) else []


def _usable(dataset: Dataset) -> bool:
    return bool(dataset.shape and dataset.bytes and _fits(dataset))


def _fits(dataset: Dataset) -> bool:
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
    alike = {name: its for name, its in folded.items() if b"#" in name and len(its) >= FEW_VARYING}
    rest = [it for name, its in folded.items() if name not in alike for it in its]
    every = [it for it in datasets if b"#" in DIGITS.sub(b"#", it.name)]
    if len(every) >= FEW_UNLIKE and len(every) >= LIKE * len(datasets) and len(rest) * 2 > len(datasets):
        return {b"": every}
    return alike


def _read_as(its: Sequence[Dataset], beside: Sequence[Dataset], *, named: bool) -> str | None:
    """Return how to read the siblings, TABLE or PER_SAMPLE, or None if either may be meant."""
    heights = {it.rows for it in its}
    if OF_MANY & set(_LETTERS.findall(its[0].name.lower())) and len({it.shape[1:] for it in its}) == 1:
        return TABLE
    if len(heights) > 1:
        usual, count = Counter(it.rows for it in its).most_common(1)[0]
        fits = any(it.shape and it.rows == usual for it in beside)
        return TABLE if fits and count >= LIKE * len(its) else PER_SAMPLE
    height = next(iter(heights))
    if any(it.shape and it.rows == height and not _like(it, its[0]) and not _is_statistic(it, its) for it in beside):
        return TABLE
    if len(its) < FEW:
        return PER_SAMPLE if _are_pictures(its) or any(map(_are_pictures, _beside(its, beside))) else TABLE
    if not named or any(len(it.shape) > 1 for it in its):
        return PER_SAMPLE
    numbers = sorted(int(found[-1][:18]) for it in its if (found := DIGITS.findall(it.name)))
    counted = numbers[0] in (0, 1) and numbers[-1] - numbers[0] == len(numbers) - 1
    return None if counted and not words(its[0].name) & SAMPLES else PER_SAMPLE


def _is_statistic(dataset: Dataset, its: Sequence[Dataset]) -> bool:
    """Check whether a dataset is a statistic over all siblings, such as their mean, by its name and their shape."""
    return len(dataset.shape) > 1 and bool(STATISTICS & words(dataset.name)) and dataset.shape == its[0].shape


def _are_pictures(its: Sequence[Dataset]) -> bool:
    """Check whether siblings are a picture each, by shape, and by a name that is a number or has a word for samples."""
    return (its[0].name.isdigit() or bool(words(its[0].name) & SAMPLES)) and all(map(is_picture, its))


def _beside(its: Sequence[Dataset], beside: Sequence[Dataset]) -> Iterator[list[Dataset]]:
    """Yield other siblings with the same numbers, heights and widths as these, such as the pictures beside masks."""
    alike: dict[bytes, list[Dataset]] = defaultdict(list)
    for it in beside:
        alike[DIGITS.sub(b"#", it.name)].append(it)
    numbers = {tuple(DIGITS.findall(it.name)): it.shape[:2] for it in its if len(it.shape) > 1}
    for others in alike.values():
        if {tuple(DIGITS.findall(it.name)): it.shape[:2] for it in others} == numbers:
            yield others


def _like(some: Dataset, other: Dataset) -> bool:
    """Check whether two siblings may be parts of one sample: their names have equally many numbers, at least one."""
    return len(DIGITS.findall(some.name)) == len(DIGITS.findall(other.name)) > 0


def _table(group: bytes, name: bytes, its: Sequence[Dataset]) -> Table:
    field = plain(b"_".join(_LETTERS.findall(name)).decode()) or "data"
    called = [replace(it, called=(field,)) for it in sorted(its, key=lambda it: it.path)]
    return Table(EACH + escape(group + b"/" + (name or b"#")), len(called), tuple(called), each=True)


def stems(table: Table) -> list[bytes]:
    """Return for each dataset what it shares with other parts of its sample: the group and the numbers in the name.

    A number that all datasets share is part of the name: f0_1 and f0_2 belong to wav_1 and wav_2.
    """
    names = [it.path.rpartition(b"/") for it in table.judged]
    numbers = [DIGITS.findall(name) for _, _, name in names]
    least = min(map(len, numbers), default=0)
    fixed = {at for at in range(least) if len({its[at] for its in numbers}) == 1 and len(numbers) > 1}
    return [
        above + b"/" + b"_".join(it for at, it in enumerate(its) if at not in fixed)
        for (above, _, _), its in zip(names, numbers, strict=True)
    ]


def part_families(made: Collection[Table]) -> Iterator[tuple[Family, dict[str, list[bytes]]]]:
    """Yield families of samples that consist of several datasets: of one group, with the same numbers in their names.

    Each family comes with the sample path of each dataset, by table name. Samples with parts in several groups follow.
    """
    groups: dict[str, list[Table]] = defaultdict(list)
    for table in made:
        groups[table.group].append(table)
    for its in groups.values():
        samples: dict[bytes, dict[bytes, tuple[int, ...]]] = defaultdict(dict)
        of_table = {it.name: stems(it) for it in its if len(its) > 1}
        for table in its if of_table else ():
            for dataset, path in zip(table.judged, of_table[table.name], strict=True):
                samples[path][DIGITS.sub(b"#", dataset.name)] = dataset.shape
        family = Family([Sample(path, members) for path, members in sorted(samples.items())])
        if samples and len(family.common) > 1 and family.alike:
            yield family, of_table
    yield from side_families(made)


def part_findings(made: Collection[Table], groups: Iterable[tuple[bytes, Sequence[Dataset]]] = ()) -> Iterator[Finding]:
    """Yield findings for samples of several datasets that differ from what the other samples have."""
    siblings = dict(groups)
    for table in made:
        if table.each:
            yield from without_record(table.judged, siblings.get(table.judged[0].path.rpartition(b"/")[0], ()))
    for family, _ in part_families([it for it in made if it.each]):
        said = [it for _, it in family.findings()]
        apart = any(it.code == "unpaired" for it in said) and counted_apart(family)
        for it in said:
            yield msgspec.structs.replace(it, verdict="suspicious") if apart and it.code == "unpaired" else it
