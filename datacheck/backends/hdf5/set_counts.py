"""Datasets that have equally many rows in the other sets of a file (train, valid, test), and not in this one.

A set is named by a word of a path: /train/dt and /valid/dt, x_train and x_test. Two datasets that agree in two sets of
different sizes are meant to agree in the third.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.row_counts import PARTS, spelled
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.sample_sets import SETS

PAIRS = 1 << 14
"""Members of sets are compared in pairs; if there were more pairs than this, none are compared."""
LONG = 16
"""If only one other set shows that two datasets agree, they must have at least so many rows there."""
Place = tuple[tuple[bytes, ...], ...]
"""A path, in parts, without the word that names the set."""


def set_counts(groups: Iterable[tuple[bytes, Sequence[Dataset]]], before: Iterable[Finding]) -> Iterator[Finding]:
    """Yield a finding for two datasets of a set that differ in rows, unless a finding `before` names one of them."""
    rows: dict[Place, dict[Place, dict[bytes, Dataset]]] = defaultdict(lambda: defaultdict(dict))
    for _, datasets in groups:
        for dataset in datasets:
            parted = _parted(dataset.path) if dataset.shape and dataset.columns and not dataset.scale else None
            if parted is not None:
                place, name = parted
                rows[place[:-1]][place][name] = dataset
    told = {path for finding in before if finding.code == "row-count" for path in finding.details.get("rows", ())}
    for members in rows.values():
        several = {place: its for place, its in members.items() if len(its) > 1}
        if len(several) ** 2 <= PAIRS:
            yield from _differing(several, told)


def _parted(path: bytes) -> tuple[Place, bytes] | None:
    """Return a path without the word that names a set, and that word; None if there is no such word, or several."""
    parts = [[it.lower() for it in PARTS.findall(name)] for name in path.split(b"/")[1:]]
    named = [(at, word) for at, words in enumerate(parts) for word in words if word in SETS]
    if len(named) != 1:
        return None
    at, word = named[0]
    parts[at] = [it if it != word else b"*" for it in parts[at]]
    return tuple(map(tuple, parts)), word


def _differing(members: Mapping[Place, Mapping[bytes, Dataset]], told: set[str]) -> Iterator[Finding]:
    names = sorted(members)
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            both = {name: (its, members[other][name]) for name, its in members[one].items() if name in members[other]}
            filled = {name: its for name, its in both.items() if its[0].rows and its[1].rows}
            odd = [its for its in filled.values() if its[0].rows != its[1].rows]
            alike = [its for its in filled.values() if its[0].rows == its[1].rows > 1]
            sizes = {its[0].rows for its in alike}
            if len(odd) != 1 or not alike or not told.isdisjoint(escape(it.path) for it in odd[0]):
                continue
            if len(sizes) > 1 or (len(filled) == 2 and max(sizes) >= LONG):
                told.update(escape(it.path) for it in odd[0])
                yield _unequal(odd[0], alike[0], sure=len(sizes) > 1)


def _unequal(odd: tuple[Dataset, Dataset], alike: tuple[Dataset, Dataset], *, sure: bool) -> Finding:
    counts = [(escape(it.path), it.rows) for it in odd]
    like = " and ".join(escape(it.path) for it in alike)
    where = f"in the other sets they agree, as {like} do" if sure else f"{like} agree"
    return found("row-count", f"{spelled(counts)}; {where}", verdict="bad" if sure else "suspicious", rows=dict(counts))
