"""Check row numbers that lead into another file of a folder: `image_idxs` of train_questions.h5 and train_features.h5.

The other file is of the same set by its name, and the numbers are those of nearly all of its rows. It has no list of
what its rows are of, which the numbers may be looked up in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from datacheck.backends.hdf5.names import FEATURES, words
from datacheck.backends.hdf5.references.leading_elsewhere import NUMBERS, Leading
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.model.sample_sets import SETS

COVERED, FEW = 0.9, 0.1
"""Minimum share of the rows whose numbers there are, and maximum share of numbers beyond the rows."""
LISTS = NUMBERS | frozenset(b"id ids name names key keys file files filename filenames path paths".split())
"""Words in the names of datasets that say what each row of another dataset is of."""
TIMES = frozenset(b"frame frames clip clips".split())
"""Words for what may have no features at the end, as they are those of windows."""
Shapes = Mapping[bytes, tuple[int, ...]]
_Place = tuple[bytes, frozenset[bytes]]


class _Target(NamedTuple):
    """A dataset that row numbers of another file may lead to."""

    file: int
    path: bytes
    rows: int


def findings_of_leading(
    names: Sequence[str], leading: Mapping[int, Sequence[Leading]], shapes: Mapping[int, Shapes]
) -> Iterator[Finding]:
    """Yield a finding for numbers that lead beyond the rows of another file, given all names and the shapes by file."""
    files: dict[_Place, list[int]] = defaultdict(list)
    for number in shapes if leading else ():
        files[_place(names[number])].append(number)
    known: dict[tuple[_Place, frozenset[bytes]], list[_Target]] = {}
    for number, numbers in leading.items():
        place = _place(names[number])
        for it in numbers:
            if (place, it.things) not in known:
                known[place, it.things] = [to for at in files[place] for to in _targets(at, shapes[at], it.things)]
            targets = [*islice((to for to in known[place, it.things] if to.file != number), 2)]
            if len(targets) == 1 and (finding := _finding(it, names, targets[0])) is not None:
                yield msgspec.structs.replace(finding, file=names[number])


def _place(name: str) -> _Place:
    """Return the folder of a file, and the words for sets in its name."""
    folder, _, own = unescape(name).rpartition(b"/")
    return folder, words(own) & SETS


def _targets(file: int, shapes: Shapes, things: frozenset[bytes]) -> list[_Target]:
    """Return the datasets of a file that numbers of these things may lead to; of equally many rows only one."""
    named = things | FEATURES
    deep = ((path, shape) for path, shape in shapes.items() if len(shape) > 1)
    rows = {shape[0]: path for path, shape in deep if words(path.rpartition(b"/")[2]) & named}
    lists = {shape[0] for path, shape in shapes.items() if len(shape) == 1 and words(path.rpartition(b"/")[2]) & LISTS}
    return [_Target(file, path, count) for count, path in rows.items() if count not in lists]


def _finding(it: Leading, names: Sequence[str], target: _Target) -> Finding | None:
    rows = target.rows
    end = rows + (it.lowest > 0)  # they may count from 1
    beyond = [number for number in it.largest if number >= end]
    within = it.distinct - len(beyond)
    if not beyond or len(beyond) > max(1, FEW * rows) or len(beyond) == len(it.largest) or within < COVERED * rows:
        return None
    more = f", and {len(beyond) - 1:,} more lead beyond it" if len(beyond) > 1 else ""
    text = f"{escape(it.path)}[{it.at}] leads to row {it.largest[-1]:,} of {names[target.file]}:{escape(target.path)}"
    verdict: Verdict | None = "suspicious" if it.things <= TIMES else None
    text += f", which has {counted(rows, 'row')}{more}"
    return found("dangling", text, verdict=verdict, dataset=escape(it.path),
                 row=it.at, number=it.largest[-1])  # fmt: skip
