"""Leave out findings about datasets that differ by the same number of rows in nearly all groups and files.

If the features of each picture have one row more than its coordinates, that is by design: a token for the class.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from datacheck.backends.hdf5.names import LABELS, words
from datacheck.model.escaping import unescape
from datacheck.model.finding import Finding

FEWEST, NEARLY, MOST = 3, 0.9, 8
"""Minimum number of groups, minimum share of them with the same difference, and maximum difference."""
TARGETS = LABELS | frozenset(b"clean sharp hr hq gt sol solution solutions answer answers positive positives".split())
"""Words in names of what is learned from the data beside it."""
Names = tuple[bytes, bytes]
Difference = tuple[Names, int]
Shapes = Iterable[tuple[bytes, tuple[int, ...]]]


def without_usual(findings: Sequence[Finding], files: Iterable[Shapes]) -> list[Finding]:
    """Return the findings without those about usual differences; `files` are the shapes of the datasets of each file.

    Labels and the like are compared anyway: if one is missing everywhere, that is a fault of the writer.
    """
    differences = {id(it): difference for it in findings if (difference := _difference(it)) is not None}
    wanted = {names for names, _ in differences.values()}
    if len(differences) < FEWEST:
        return list(findings)
    times, groups = Counter[Difference](), Counter[Names]()
    for one in _differences(files, wanted):
        times[one] += 1
        groups[one[0]] += 1
    usual = {it for it, count in times.items() if count >= max(FEWEST, NEARLY * groups[it[0]])}
    return [it for it in findings if differences.get(id(it)) not in usual]


def _difference(finding: Finding) -> Difference | None:
    """Return the names of the two datasets of one group that a finding compares, and how many more rows one has."""
    rows: Mapping[str, int | None] = finding.details.get("rows", {}) if finding.code == "row-count" else {}
    if len(rows) != 2 or None in rows.values():
        return None
    (one, first), (other, second) = sorted((unescape(path), count or 0) for path, count in rows.items())
    names = one.rpartition(b"/")[2], other.rpartition(b"/")[2]
    if one.rpartition(b"/")[0] != other.rpartition(b"/")[0] or abs(first - second) > MOST:
        return None
    return None if any(words(it) & TARGETS for it in names) else (names, first - second)


def _differences(files: Iterable[Shapes], wanted: Collection[Names]) -> Iterator[Difference]:
    """Yield the difference of each pair of datasets of one group that have these names."""
    others = defaultdict(list)
    for one, other in wanted:
        others[one].append(other)
    for shapes in files:
        of_group: dict[bytes, dict[bytes, int]] = defaultdict(dict)
        for path, shape in shapes:
            group, _, name = path.rpartition(b"/")
            of_group[group][name] = shape[0] if shape else 1
        for rows in of_group.values():
            for one in rows.keys() & others.keys():
                yield from (((one, other), rows[one] - rows[other]) for other in others[one] if other in rows)
