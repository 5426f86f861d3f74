"""Match data in one file with labels in another, row by row: patches_train_x.h5 and patches_train_y.h5.

Two files are a pair if they are in one folder, each holds one table, and their names differ in one word, which means
data in one name and labels in the other. Their row counts should be equal if at least as many pairs of the source
have equal counts as different ones, or if the larger count is less than twice the smaller. If each dataset is a sample
(0, 1, 2, ... in train_input.h5 and train_target.h5), datasets of the same name belong together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.samples.row_counts import THIRD, of_a_set, other_words, without
from datacheck.backends.hdf5.samples.side_by_side import are_alike
from datacheck.backends.hdf5.tables import Table
from datacheck.model.distinct import distinct_numbers
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding, found

Words = tuple[bytes, tuple[bytes, ...]]
"""The folder of a file, and the words of its name without the one that means data or labels."""


def pairs(names: Sequence[str]) -> list[tuple[int, int]]:
    """Return pairs of file numbers, data and its labels, given the escaped names of all files.

    >>> pairs(["train_x.h5", "train_y.h5", "test_x.h5", "notes.h5"])
    [(0, 1)]
    """
    data: dict[Words, list[int]] = defaultdict(list)
    labels: dict[Words, list[int]] = defaultdict(list)
    thirds: set[Words] = set()
    for number, name in enumerate(map(unescape, names)):
        folder, _, own = name.rpartition(b"/")
        for side, is_label in ((data, False), (labels, True)):
            words = other_words(own.rpartition(b".")[0] or own, is_label=is_label)
            if words is not None:
                side[folder, words].append(number)
        third = without(own.rpartition(b".")[0] or own, THIRD)
        if third is not None:
            thirds.add((folder, third))
    return [
        (data[it][0], numbers[0])
        for it, numbers in labels.items()
        if len(numbers) == 1 and len(data.get(it, ())) == 1 and it not in thirds
    ]


def findings_of_pairs(names: Sequence[str], tables: Mapping[int, Sequence[Table]]) -> Iterator[Finding]:
    """Yield findings for labels that do not match the rows or samples of the data in the paired file."""
    alike, unlike = 0, []
    for data, labels in pairs(names):
        both = _paired_tables(tables.get(data, ()), tables.get(labels, ()))
        if both is not None and both[0].each:
            yield from _unpaired_findings(names[data], names[labels], *map(_names, both))
        elif both is not None and both[0].rows == both[1].rows:
            alike += 1
        elif both is not None:
            unlike.append((data, labels, both))
    for data, labels, both in unlike:
        low, high = sorted((both[0].rows, both[1].rows))
        if alike >= len(unlike) or high < 2 * low:
            rows = {names[data]: both[0].rows, names[labels]: both[1].rows}
            text = " and ".join(f"{name} has {count:,} row{'s' * (count != 1)}" for name, count in rows.items())
            certain = alike >= len(unlike) or of_a_set(_words(names[data]))
            message = f"{text}; they {'' if certain else 'may '}belong together"
            yield found("row-count", message, verdict=None if certain else "suspicious", rows=rows)


def _names(table: Table) -> list[bytes]:
    return [it.path for it in table.judged]


def _unpaired_findings(
    data: str, labels: str, data_names: Sequence[bytes], label_names: Sequence[bytes]
) -> Iterator[Finding]:
    """Yield findings for samples in only one of two files, if the files have nearly all names in common."""
    if not are_alike(data_names, label_names):
        return
    common = {*data_names}.intersection(label_names)
    for file, other, own_names in ((data, labels, data_names), (labels, data, label_names)):
        for name in (it for it in own_names if it not in common):
            message = f"{other} lacks {escape(name)}, which {file} has; the others are in both"
            yield msgspec.structs.replace(found("unpaired", message, sample=escape(name), missing=[other]), file=file)


def _words(name: str) -> tuple[bytes, ...]:
    own = unescape(name).rpartition(b"/")[2]
    return other_words(own.rpartition(b".")[0] or own, is_label=False) or ()


def with_partners(
    names: Sequence[str],
    tables: Mapping[int, Sequence[Table]],
    firsts: Mapping[int, int],
    drops: NDArray[np.int64],
    marked: Mapping[str | None, Collection[bytes]],
) -> NDArray[np.int64]:
    """Return the ascending indexes of the dropped records, extended by their partners in the other file of a pair.

    `firsts` has the index of the first record of each file. `marked` has the dropped samples by file name.
    """
    more = [drops]
    for pair in pairs(names):
        both = _paired_tables(*(tables.get(it, ()) for it in pair))
        if both is not None and both[0].each:
            marked_names = [marked.get(names[it], ()) for it in pair]
            more += _dropped_in_either(pair, both, firsts, drops, marked_names)
            continue
        if both is None or both[0].rows != both[1].rows:
            continue
        for number, other in (pair, pair[::-1]):
            low, high = np.searchsorted(drops, [firsts[number], firsts[number] + both[0].rows])
            more.append(drops[low:high] - firsts[number] + firsts[other])
    return distinct_numbers(np.concatenate(more)) if len(more) > 1 else drops


def _dropped_in_either(
    pair: Sequence[int],
    both: Sequence[Table],
    firsts: Mapping[int, int],
    drops: NDArray[np.int64],
    marked: Sequence[Collection[bytes]],
) -> Iterator[NDArray[np.int64]]:
    """Yield, per file, the indexes of the samples whose name is dropped in either file."""
    names = [_names(it) for it in both]
    if not are_alike(*names):
        return
    dropped = {*marked[0], *marked[1]}
    for at, number in enumerate(pair):
        first = firsts[number]
        indexes = drops[slice(*np.searchsorted(drops, [first, first + both[at].rows]))] - first
        dropped |= {names[at][row] for row in indexes.tolist()}
    for at, number in enumerate(pair):
        rows = [row for row, name in enumerate(names[at]) if name in dropped]
        yield np.array(rows, np.int64) + firsts[number]


def _paired_tables(data: Sequence[Table], labels: Sequence[Table]) -> tuple[Table, Table] | None:
    if len(data) != 1 or len(labels) != 1 or data[0].each != labels[0].each:
        return None
    return data[0], labels[0]
