"""Find samples whose parts are datasets of the same name in neighbouring groups: /lr/7 and /hr/7.

Such groups are recognised by their names: these differ in one word, and the two words are a pair that training reads
side by side. Groups named after sets or classes have samples of their own, even if the numbers are the same.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from datacheck.backends.hdf5.names import DIGITS, LABELS
from datacheck.backends.hdf5.samples.near_counts import PAIRS
from datacheck.backends.hdf5.samples.row_counts import DATA, PARTS
from datacheck.backends.hdf5.samples.samples import Family, Sample
from datacheck.backends.hdf5.tables import Table

LIKE = 0.9
"""Minimum share of the names of the larger group that both groups have."""
MOST_PARTS = 8
"""Maximum number of parts of samples that may be counted apart; with more parts, more than two words tie them."""
CERTAIN = [(it.some, it.other) for it in PAIRS if it.certain]
CERTAIN += [(DATA, LABELS), (frozenset(b"feature features feats".split()), frozenset(b"box boxes bbox bboxes".split()))]
SIDES = [*CERTAIN, *((it.some, it.other) for it in PAIRS)]


def side_families(tables: Collection[Table]) -> Iterator[tuple[Family, dict[str, list[bytes]]]]:
    """Yield families of samples with parts in several groups, and the sample path of each dataset, by table name.

    The path has a star in place of the groups: /*/7.
    """
    above: dict[bytes, dict[bytes, list[Table]]] = defaultdict(lambda: defaultdict(list))
    for table in tables:
        parent, _, name = table.judged[0].path.rpartition(b"/")[0].rpartition(b"/")
        if name:
            above[parent][name].append(table)
    for parent, groups in above.items():
        for names in _groups_together(groups):
            samples: dict[bytes, dict[bytes, tuple[int, ...]]] = defaultdict(dict)
            by_table: dict[str, list[bytes]] = {}
            for group in names:
                for table in groups[group]:
                    by_table[table.name] = [parent + b"/*/" + it.name for it in table.judged]
                    for path, dataset in zip(by_table[table.name], table.judged, strict=True):
                        samples[path][group] = dataset.shape
            family = Family([Sample(path, members) for path, members in sorted(samples.items())])
            if family.alike:
                yield family, by_table


def _groups_together(groups: dict[bytes, list[Table]]) -> Iterator[list[bytes]]:
    """Yield the names of groups that hold parts of the same samples."""
    names = {group: {it.name for table in tables for it in table.judged} for group, tables in groups.items()}
    left = sorted(names)
    while left:
        members = [left.pop(0)]
        for other in list(left):
            if any(is_pair(some, other) and are_alike(names[some], names[other]) for some in members):
                members.append(other)
                left.remove(other)
        if len(members) > 1:
            yield members


def are_alike(some: Collection[bytes], other: Collection[bytes]) -> bool:
    """Check whether nearly all of these names are common to both collections."""
    return len({*some}.intersection(other)) >= LIKE * max(len(some), len(other))


def counted_apart(family: Family) -> bool:
    """Check whether each part is numbered on its own without gaps, and no names make a pair of parts certain.

    With 30 queries and 32 passages that are numbered from 0, passage 30 may have lost its query or never had one.
    """
    if len(family.common) > MOST_PARTS:
        return False
    parts: dict[bytes, set[int]] = defaultdict(set)
    for sample in family.samples:
        number = DIGITS.findall(sample.path.rpartition(b"/")[2])
        for part in sample.members.keys() & family.common.keys() if len(number) == 1 else ():
            parts[part].add(int(number[0][:18]))
    pairs = list(itertools.combinations(sorted(parts), 2))
    if not any(is_pair(*it) for it in pairs) or any(is_pair(*it, CERTAIN) for it in pairs):
        return False
    return (
        all(max(numbers) - min(numbers) == len(numbers) - 1 for numbers in parts.values())
        and len(set(map(min, parts.values()))) == 1
    )


def is_pair(some: bytes, other: bytes, sides: Sequence[tuple[frozenset[bytes], frozenset[bytes]]] = SIDES) -> bool:
    """Check whether two names differ in one word, and the two words are a pair that training reads side by side.

    >>> is_pair(b"train_lr", b"train_hr"), is_pair(b"train", b"test")
    (True, False)
    """
    both: list[Sequence[bytes]] = [[it.lower() for it in PARTS.findall(name)] for name in (some, other)]
    if len(both[0]) != len(both[1]):
        return False
    odd = [(one, another) for one, another in zip(*both, strict=True) if one != another]
    return len(odd) == 1 and any(
        (odd[0][0] in first and odd[0][1] in second) or (odd[0][1] in first and odd[0][0] in second)
        for first, second in sides
    )
