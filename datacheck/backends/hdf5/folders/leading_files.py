"""Check row numbers that lead into another file of a folder: `image_idxs` of train_questions.h5 and train_features.h5.

The other file is of the same set by its name, and the numbers are those of nearly all of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from datacheck.backends.hdf5.names import FEATURES, words
from datacheck.backends.hdf5.references.leading_elsewhere import Leading
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding, found
from datacheck.model.sample_sets import SETS

COVERED, FEW = 0.9, 0.1
"""Minimum share of the rows whose numbers there are, and maximum share of numbers beyond the rows."""
Shapes = Mapping[bytes, tuple[int, ...]]


def findings_of_leading(
    names: Sequence[str], leading: Mapping[int, Sequence[Leading]], shapes: Mapping[int, Shapes]
) -> Iterator[Finding]:
    """Yield a finding for numbers that lead beyond the rows of another file, given all names and the shapes by file."""
    for number, numbers in leading.items():
        for it in numbers:
            targets = [
                (other, path, rows)
                for other, of_file in shapes.items()
                if other != number and _place(names[other]) == _place(names[number])
                for path, rows in _rows(of_file, it).items()
            ]
            if len(targets) == 1 and (finding := _finding(it, names, *targets[0])) is not None:
                yield msgspec.structs.replace(finding, file=names[number])


def _place(name: str) -> tuple[bytes, frozenset[bytes]]:
    """Return the folder of a file, and the words for sets in its name."""
    folder, _, own = unescape(name).rpartition(b"/")
    return folder, words(own) & SETS


def _rows(shapes: Shapes, numbers: Leading) -> dict[bytes, int]:
    """Return the numbers of rows of a file's datasets that row numbers may lead to, by path, each number once."""
    named = numbers.things | FEATURES
    deep = ((path, shape) for path, shape in shapes.items() if len(shape) > 1)
    rows = {shape[0]: path for path, shape in deep if words(path.rpartition(b"/")[2]) & named}
    return {path: count for count, path in rows.items()}


def _finding(it: Leading, names: Sequence[str], target: int, path: bytes, rows: int) -> Finding | None:
    end = rows + (it.lowest > 0)  # they may count from 1
    beyond = [number for number in it.largest if number >= end]
    within = it.distinct - len(beyond)
    if not beyond or len(beyond) > max(1, FEW * rows) or len(beyond) == len(it.largest) or within < COVERED * rows:
        return None
    more = f", and {len(beyond) - 1:,} more lead beyond it" if len(beyond) > 1 else ""
    text = f"{escape(it.path)}[{it.at}] leads to row {it.largest[-1]:,} of {names[target]}:{escape(path)}"
    return found("dangling", f"{text}, which has {rows:,} rows{more}", dataset=escape(it.path), row=it.at,
                 number=it.largest[-1])  # fmt: skip
