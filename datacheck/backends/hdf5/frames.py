"""The frames and series of pandas, as it keeps them in groups of PyTables arrays ("fixed") or in a PyTables table.

A fixed frame has axis0 (the names of columns), axis1 (the index of the rows), and blocks of columns of one type: of
each the names of its columns (block0_items) and a row of values for each row of the frame (block0_values). A series has
index and values. An index of several levels is kept as the numbers of its labels, and these. Objects are kept as one
pickle of all rows, and what is empty as one value that says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.row_counts import spelled
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

KIND, BLOCKS, EMPTY = b"pandas_type", b"nblocks", b"shape"
"""What a group is, how many blocks a frame has; the attribute of what stands for an empty array."""
PICKLED = re.compile(rb"block[0-9]+_values|values|axis[01]|index")
MOST = 10_000
"""So many blocks or levels are looked for."""
Numbers = Callable[[bytes, bytes], "tuple[int, ...]"]
Text = Callable[[bytes, bytes], str]


def frames(
    paths: Collection[bytes],
    datasets: Mapping[bytes, Dataset],
    there: Collection[bytes],
    values: Values,
    numbers: Numbers,
    text: Text,
) -> Iterator[Finding]:
    """Yield what is wrong with the frames and series in these groups; `there` has what is no dataset with values."""
    for group in sorted(paths):
        kind = text(group, KIND)
        if kind.endswith("_table"):
            if not _there(group + b"/table", datasets, there):
                yield _missing(group, kind, [b"table"])
        elif kind in ("frame", "series"):
            index, its = _parts(group, kind, numbers, text)
            lost = [it for it in (*index, *its) if not _there(group + b"/" + it, datasets, there)]
            if lost:
                yield _missing(group, kind, lost)
            rows = {it: datasets[group + b"/" + it] for it in (*index, *its) if group + b"/" + it in datasets}
            full = [it for name, it in rows.items() if b"level" not in name and _has_rows(it, numbers)]
            yield from _unequal(full)
            yield from _of_labels(rows, values)


def _parts(group: bytes, kind: str, numbers: Numbers, text: Text) -> tuple[list[bytes], list[bytes]]:
    """Return the names of the datasets of the index, and of those with values."""

    def count(name: bytes) -> int:
        its = numbers(group, name)
        return min(its[0], MOST) if len(its) == 1 else 0

    of = b"axis1" if kind == "frame" else b"index"
    index = [of]
    if text(group, of + b"_variety") == "multi":
        index = [b"%b_%b%d" % (of, it, at) for at in range(count(of + b"_nlevels")) for it in (b"label", b"level")]
    if kind == "series":
        return index, [b"values"]
    blocks = [b"block%d_%b" % (at, it) for at in range(count(BLOCKS)) for it in (b"items", b"values")]
    return index, [b"axis0", *blocks]


def _has_rows(dataset: Dataset, numbers: Numbers) -> bool:
    """Say whether a dataset has a row for each row of its frame."""
    if dataset.name == b"axis0" or dataset.name.endswith(b"_items") or dataset.dtype.hasobject or not dataset.shape:
        return False
    return dataset.rows != 1 or not numbers(dataset.path, EMPTY)


def _unequal(datasets: Sequence[Dataset]) -> Iterator[Finding]:
    if len({it.rows for it in datasets}) > 1:
        rows = {escape(it.path): it.rows for it in datasets}
        yield found("row-count", f"{spelled([*rows.items()])}; they belong together", rows=rows)


def _of_labels(rows: Mapping[bytes, Dataset], values: Values) -> Iterator[Finding]:
    """Yield the numbers of labels that lead to none; -1 is for what has no label."""
    for name, dataset in rows.items():
        level = rows.get(name.replace(b"_label", b"_level"))
        if b"_label" not in name or level is None or level is dataset or dataset.dtype.kind not in "iu":
            continue
        its = values(dataset)
        wrong = np.flatnonzero((its < -1) | (its >= level.rows)) if its is not None else np.empty(0, np.int64)
        if wrong.size and its is not None:
            at = int(wrong[0])
            more = f", and so do {wrong.size - 1:,} more" if wrong.size > 1 else ""
            path = escape(dataset.path)
            told = f"{path}[{at}] leads to label {int(its[at]):,}{more}; {escape(level.path)} has {level.rows:,}"
            yield found("dangling", told, field=dataset.title, dataset=path, row=at, number=int(its[at]))


def _there(path: bytes, datasets: Mapping[bytes, Dataset], there: Collection[bytes]) -> bool:
    return path in datasets or path in there


def _missing(group: bytes, kind: str, lost: Sequence[bytes]) -> Finding:
    names = ", ".join(map(escape, lost[:5])) + (f" and {len(lost) - 5:,} more" if len(lost) > 5 else "")
    told = f"{escape(group)} is a {kind} of pandas and has no {names}"
    return found("missing", told, object=escape(group), missing=[escape(it) for it in lost[:5]])


def losses(table: str, own: Sequence[Dataset], others: Sequence[Dataset]) -> Iterator[str]:
    """Yield what a copy without some rows of a frame would keep of them: the objects, which are one pickle."""
    groups = {it.path.rpartition(b"/")[0] for it in own if PICKLED.fullmatch(it.name)}
    for it in others:
        if it.rows == 1 and it.dtype.hasobject and PICKLED.fullmatch(it.name) and it.path.rpartition(b"/")[0] in groups:
            yield f"{escape(it.path)} is one pickle of a column of {table}, and would keep all rows"
