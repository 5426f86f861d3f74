"""Find datasets that differ in number of rows in one set of a file (train, valid, test) but agree in the other sets.

A set is named by a word of a path: /train/dt and /valid/dt, x_train and x_test. Two datasets that agree in two sets of
different sizes are meant to agree in the third. If most datasets have a length of their own, as sentences have that are
a dataset each, two of them agree only by chance.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.samples.row_counts import PARTS, counts_text
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.model.sample_sets import SETS

KINDS = 64
"""Maximum number of kinds of members that are compared with each other; members of a kind occur in the same sets."""
LONG = 16
"""Minimum number of rows in the other set if only one other set shows that two datasets agree."""
BROKEN = 3
"""Minimum number of members that agree elsewhere and differ in a set from which they are not meant to agree. These must
also be more than half of those that agree elsewhere, and no more than half of all members may agree on one length."""
SEVERAL, CHANCE = 6, 0.05
"""If there are at least SEVERAL members, most with a length of their own, and more than CHANCE pairs are expected to
agree at random, then agreement is taken for chance."""
Place = tuple[tuple[bytes, ...], ...]
"""The words of a path, by path component, with a star for the word that names the set."""
Members = Mapping[Place, Mapping[bytes, Dataset]]
"""For each place, its datasets by the words that name their sets."""


class _Odd(NamedTuple):
    """Two members, in order, that differ in the set `odd` and agree in others.

    `alike` is the first of the other sets in which they have more than one row.
    """

    one: Place
    other: Place
    odd: bytes
    alike: bytes
    sure: bool


def set_counts(groups: Iterable[tuple[bytes, Sequence[Dataset]]], before: Iterable[Finding]) -> Iterator[Finding]:
    """Yield a finding for two datasets of a set that differ in rows, unless a finding `before` names one of them."""
    rows: dict[Place, dict[Place, dict[bytes, Dataset]]] = defaultdict(lambda: defaultdict(dict))
    for _, datasets in groups:
        for dataset in datasets:
            parted = _without_set(dataset.path) if dataset.shape and dataset.columns and not dataset.scale else None
            if parted is not None:
                place, name = parted
                rows[place[:-1]][place][name] = dataset
    reported = {path for finding in before if finding.code == "row-count" for path in finding.details.get("rows", ())}
    for members in rows.values():
        yield from _set_findings({place: by_set for place, by_set in members.items() if len(by_set) > 1}, reported)


def _without_set(path: bytes) -> tuple[Place, bytes] | None:
    """Return a path without the word that names a set, and that word, or None if there is not exactly one such word."""
    parts = [[it.lower() for it in PARTS.findall(name)] for name in path.split(b"/")[1:]]
    named = [(at, word) for at, words in enumerate(parts) for word in words if word in SETS]
    if len(named) != 1:
        return None
    at, word = named[0]
    parts[at] = [it if it != word else b"*" for it in parts[at]]
    return tuple(map(tuple, parts)), word


def _set_findings(members: Members, reported: set[str]) -> Iterator[Finding]:
    kinds: dict[frozenset[bytes], list[Place]] = defaultdict(list)
    for place in sorted(members):
        kinds[frozenset(name for name, it in members[place].items() if it.rows)].append(place)
    if len(kinds) > KINDS:
        first = next(iter(members.values()))
        path = escape(min(it.path for it in first.values()))
        text = (
            f"{path} and {counted(len(members) - 1, 'other is', 'others are')} not compared with each other in "
            "the sets they are divided "
            f"into: those differ in more than {KINDS} ways"
        )
        yield found("unsupported", text, path=path)
        return
    found_odd: list[_Odd] = []
    for one, other in itertools.combinations_with_replacement(sorted(kinds, key=sorted), 2):
        for odd in sorted(one & other):
            alike = sorted((one & other) - {odd})
            places = kinds[one] if one is other else [*kinds[one], *kinds[other]]
            clusters = _clusters(members, sorted(places), alike)
            if alike and not _by_chance(members, clusters, alike, odd):
                second = frozenset(() if one is other else kinds[other])
                for cluster in clusters.values():
                    found_odd += _odd_pairs(members, cluster, second, odd, alike, reported)
    for it in sorted(found_odd):
        pair = members[it.one], members[it.other]
        yield _unequal_finding((pair[0][it.odd], pair[1][it.odd]), (pair[0][it.alike], pair[1][it.alike]), sure=it.sure)


def _clusters(members: Members, places: Sequence[Place], alike: Sequence[bytes]) -> dict[tuple[int, ...], list[Place]]:
    """Return the members grouped by their numbers of rows in these sets."""
    clusters: dict[tuple[int, ...], list[Place]] = defaultdict(list)
    for place in places:
        clusters[tuple(members[place][it].rows for it in alike)].append(place)
    return clusters


def _by_chance(
    members: Members, clusters: Mapping[tuple[int, ...], Sequence[Place]], alike: Sequence[bytes], odd: bytes
) -> bool:
    """Check whether the members of a cluster agree in the other sets only by chance."""
    count = sum(map(len, clusters.values()))
    ties = count - len(clusters)
    broken = sum(len({members[it][odd].rows for it in cluster}) - 1 for cluster in clusters.values())
    if broken >= BROKEN and broken * 2 > ties and max(map(len, clusters.values())) * 2 <= count:
        return True
    own = sum(len(cluster) == 1 for cluster in clusters.values())
    if count < SEVERAL or own * 2 <= count:
        return False
    lengths = [sorted(rows) for rows in zip(*clusters, strict=True)]
    spread: int = math.prod(rows[len(rows) * 9 // 10] - rows[len(rows) // 10] + 1 for rows in lengths)
    return count * (count - 1) / 2 > CHANCE * spread


def _odd_pairs(
    members: Members,
    cluster: Sequence[Place],
    second: frozenset[Place],
    odd: bytes,
    alike: Sequence[bytes],
    reported: set[str],
) -> Iterator[_Odd]:
    """Yield pairs of members of a cluster that differ in the set `odd`, with each member in at most one pair.

    If `second` is not empty, one member of each pair is in it and the other is not. A member waits for a partner until
    a later one has another number of rows; the one that has waited longest is taken.
    """
    rows = {name: members[cluster[0]][name].rows for name in alike}
    sizes = {it for it in rows.values() if it > 1}
    if not sizes or (len(sizes) == 1 and (len(alike) > 1 or max(sizes) < LONG)):
        return
    waiting: dict[bool, dict[int, deque[Place]]] = {False: {}, True: {}}
    for place in cluster:
        dataset, of_second = members[place][odd], place in second
        if escape(dataset.path) in reported:
            continue
        others = waiting[of_second != bool(second)]
        differing = next((it for it in others if it != dataset.rows), None)
        if differing is None:
            waiting[of_second].setdefault(dataset.rows, deque()).append(place)
            continue
        one = others[differing].popleft()
        if not others[differing]:
            del others[differing]
        reported.update((escape(members[one][odd].path), escape(dataset.path)))
        yield _Odd(one, place, odd, next(it for it in members[one] if rows.get(it, 0) > 1), len(sizes) > 1)


def _unequal_finding(odd: tuple[Dataset, Dataset], alike: tuple[Dataset, Dataset], *, sure: bool) -> Finding:
    counts = [(escape(it.path), it.rows) for it in odd]
    like = " and ".join(escape(it.path) for it in alike)
    where = f"in the other sets they agree, as {like} do" if sure else f"{like} agree"
    return found(
        "row-count", f"{counts_text(counts)}; {where}", verdict="bad" if sure else "suspicious", rows=dict(counts)
    )
