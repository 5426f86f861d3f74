"""Find the families among the groups of a file: samples that are one group each, and samples nested in them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from datacheck.backends.hdf5.names import DIGITS, WORDS, words
from datacheck.backends.hdf5.paths import nearest
from datacheck.backends.hdf5.samples.samples import (
    DEEPEST,
    FEWEST,
    MOST,
    PIECES,
    Family,
    Sample,
    Shape,
    by_number,
    called_a_sample,
)
from datacheck.backends.hdf5.samples.units import Kind, kinds
from datacheck.model.sample_sets import SETS

UNLIKE_NAMES = 6
"""Minimum number of groups with unlike names that are compared because they have the same members."""
LONG, OUTSIDE = 16, 2
"""Minimum number of rows of groups of columns, and of datasets elsewhere that have as many."""
AXIS = frozenset(b"t time times timestamp timestamps freq freqs frequency frequencies grid".split())
"""Words in the names of axes that samples may have in common."""
SAMPLE = frozenset(b"trial trials sample samples sim sims simulation simulations run runs clip utterance image".split())
"""Words in the names of groups that are samples whatever lies outside of them."""
UNLIKE, SHARE = 16, 1 / 4
"""Minimum number of different forms of ids (with the numbers folded), and the maximum share of the ids of one form."""


def families(groups: Collection[bytes], shapes: Mapping[bytes, Shape], linked: Collection[bytes]) -> list[Family]:
    """Return the families among the groups of a file, outermost first. Groups inside a sample are no further family.

    Groups that hold only samples of their own (years with events, speakers with utterances) are not samples, unless
    their names say that they are.
    """
    result: list[Family] = []
    left = sorted(groups)
    datasets, links = sorted(shapes), sorted(linked)
    for depth in range(1, DEEPEST + 1):
        level: dict[bytes, list[bytes]] = defaultdict(list)
        for path in left:
            if path.count(b"/") == depth:
                level[path.rpartition(b"/")[0]].append(path)
        numbered = [alike for siblings in level.values() for alike in _named_alike(siblings)]
        inner = _paths_by_sample(datasets, {it for paths in numbered for it in paths}, depth)
        links_inside = _paths_by_sample(links, {it for paths in numbered for it in paths}, depth)
        taken: set[bytes] = set()
        for paths in numbered:
            samples = [
                Sample(
                    path,
                    {it[len(path) + 1 :]: shapes[it] for it in inner.get(path, ())},
                    frozenset(it[len(path) + 1 :] for it in links_inside.get(path, ())),
                )
                for path in sorted(paths, key=by_number)
            ]
            family = _family(samples)
            if family is not None:
                result.append(family)
                taken.update(paths)
        if taken:
            left, datasets, links = (
                [it for it in some if _path_start(it, depth) not in taken] for some in (left, datasets, links)
            )
    return result


def without_columns(alike: Sequence[Family], shapes: Mapping[bytes, Shape]) -> list[Family]:
    """Return the families without those whose groups hold columns: of each cell or object, with a row for each step.

    All datasets in such groups have as many rows as several datasets outside of all families, such as the positions
    or the actions. A group that lacks a dataset of the others is found as a sample. Of as many groups as
    rows, the datasets outside may have a row for each.
    """
    rows = [_rows_of_columns(it) for it in alike]
    if all(it is None for it in rows):
        return list(alike)
    samples = {it.path for family in alike for it in family.samples}
    outside = Counter(
        shape[0]
        for path, shape in shapes.items()
        if shape and not words(path.rpartition(b"/")[2]) & AXIS and not nearest(path, samples)
    )
    return [it for it, number in zip(alike, rows, strict=True) if number is None or outside[number] < OUTSIDE]


def _rows_of_columns(family: Family) -> int | None:
    """Return the number of rows of all datasets of groups that may hold columns, or None if these are samples."""
    rows = {shape[0] for it in family.samples for shape in it.members.values() if shape}
    path = family.samples[0].path
    if family.inner or len(rows) != 1 or called_a_sample(path) or words(path.rpartition(b"/")[2]) & SAMPLE:
        return None
    if any(it.members.keys() != family.samples[0].members.keys() for it in family.samples):
        return None
    (number,) = rows
    return number if number >= LONG and number != len(family.samples) else None


def _named_alike(siblings: Sequence[bytes]) -> list[list[bytes]]:
    """Return lists of groups of one parent whose names differ only in numbers, or one list if the names are ids.

    Ids, such as those of proteins or hashes, mix digits and letters in an order that few other ids share.
    """
    alike: dict[bytes, list[bytes]] = defaultdict(list)
    for path in siblings:
        alike[DIGITS.sub(b"#", path.rpartition(b"/")[2])].append(path)
    numbered = [paths for name, paths in alike.items() if b"#" in name]
    ids = [path for paths in numbered for path in paths]
    of_ids = len(numbered) >= UNLIKE and max(map(len, numbered)) <= SHARE * len(ids)
    if of_ids and len(ids) >= MOST * len(siblings):
        return [ids]
    return [paths for paths in numbered if len(paths) > 1]


def _family(samples: Sequence[Sample]) -> Family | None:
    """Return the family of groups with similar names, or None if they are not samples."""
    whole = Family(samples)
    if any(DIGITS.search(it) for sample in samples for it in sample.members):
        within = kinds([it.members for it in samples])
        nested = [it for it in within if it.own]
    else:
        within, nested = [], []
    if not nested:
        return Family(samples, within=within) if whole.alike and not _are_pieces(whole) else None
    names = {unit: kind.name for kind in nested for units in kind.of for unit in units}
    if not Family([Sample(it.path, dict(_folded(it, names)), it.linked) for it in samples]).alike or _are_pieces(whole):
        return None
    rest = [_without_nested(it, nested, at) for at, it in enumerate(samples)]
    if not any(it.members for it in rest) and not called_a_sample(samples[0].path):
        return None
    return Family(rest, within=[it for it in within if not it.own], inner=[_pooled(samples, it) for it in nested])


def _folded(sample: Sample, names: Mapping[bytes, bytes]) -> Iterator[tuple[bytes, Shape]]:
    """Yield the members of a sample, with the names of nested samples replaced by the name of their kind."""
    for name, shape in sample.members.items():
        unit = nearest(name, names)
        yield (names[unit] + name[len(unit) :] if unit else name), shape


def _without_nested(sample: Sample, nested: Sequence[Kind], at: int) -> Sample:
    """Return a sample without the samples nested in it, which are listed as linked and so are not compared."""
    units = {unit for kind in nested for unit in kind.of[at]}
    members = {name: shape for name, shape in sample.members.items() if not nearest(name, units)}
    return Sample(sample.path, members, sample.linked | units)


def _pooled(samples: Sequence[Sample], kind: Kind) -> Family:
    """Return one family whose samples are the nested units of all samples."""
    return Family(
        [
            Sample(sample.path + b"/" + unit, members)
            for sample, units in zip(samples, kind.of, strict=True)
            for unit, members in units.items()
        ]
    )


def _are_pieces(family: Family) -> bool:
    """Check whether groups are named as pieces of a set of samples and hold only numbered groups."""
    name = family.samples[0].path.rpartition(b"/")[2].lower()
    inner = (it.partition(b"/") for it in family.common)
    return not PIECES.isdisjoint(WORDS.findall(name)) and all(it[1] and DIGITS.search(it[0]) for it in inner)


def _path_start(path: bytes, depth: int) -> bytes:
    return b"/".join(path.split(b"/", depth + 1)[: depth + 1])


def _paths_by_sample(paths: Sequence[bytes], samples: Collection[bytes], depth: int) -> dict[bytes, list[bytes]]:
    below: dict[bytes, list[bytes]] = defaultdict(list)
    for path in paths:
        start = _path_start(path, depth)
        if start in samples and len(path) > len(start):
            below[start].append(path)
    return below


def unlike_families(
    groups: Collection[bytes], shapes: Mapping[bytes, Shape], known: Sequence[Family]
) -> Iterator[Family]:
    """Yield families of groups of one parent that have the same members and unlike names, such as peptides.

    Each name has a number. Groups of the `known` families that are large enough to be compared are left out, and so are
    sets and pieces of sets. Whether these groups are samples or tables of their own is unknown: they are only compared.
    """
    compared = {it.path for family in known if len(family.samples) >= FEWEST for it in family.samples}
    siblings: dict[bytes, list[bytes]] = defaultdict(list)
    for path in sorted(groups):
        name = path.rpartition(b"/")[2]
        is_set = (PIECES | SETS) & words(name)
        if DIGITS.search(name) and not is_set and not nearest(path, compared):
            siblings[path.rpartition(b"/")[0]].append(path)
    for paths in siblings.values():
        if len(paths) < UNLIKE_NAMES:
            continue
        depth = paths[0].count(b"/")
        inner = _paths_by_sample(sorted(shapes), set(paths), depth)
        samples = [Sample(path, {it[len(path) + 1 :]: shapes[it] for it in inner.get(path, ())}) for path in paths]
        family = Family(samples)
        if family.alike and all(it.members.keys() == samples[0].members.keys() for it in samples):
            yield family
