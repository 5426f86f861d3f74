"""Check pandas frames and series, which are stored in groups of PyTables arrays ("fixed") or in a PyTables table.

A fixed frame has axis0 (the column names), axis1 (the row index), and blocks of columns of one type. Each block has the
names of its columns (block0_items) and one row of values per row of the frame (block0_values). A series has index and
values. A multi-level index is stored as label numbers (label) and the labels of each level (level). Columns of objects
are stored as one pickle of all rows, and an empty array as one value with an attribute that marks it as empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.samples.row_counts import counts_text
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more

KIND, BLOCKS, EMPTY = b"pandas_type", b"nblocks", b"shape"
"""Attributes: the kind of a group, the number of blocks of a frame, and the mark of a stand-in for an empty array."""
PICKLED = re.compile(rb"block[0-9]+_values|values|axis[01]|index")
"""Names of datasets that may be one pickle of all rows."""
OF_COLUMNS = re.compile(rb"axis0|block[0-9]+_items")
"""Begins of the names of datasets that describe the columns."""
MOST = 10_000
"""Maximum number of blocks or levels that are looked up."""
Numbers = Callable[[bytes, bytes], "tuple[int, ...]"]
Text = Callable[[bytes, bytes], str]


def frames(
    paths: Collection[bytes],
    datasets: Mapping[bytes, Dataset],
    without_values: Collection[bytes],
    values: Values,
    numbers: Numbers,
    text: Text,
) -> Iterator[Finding]:
    """Yield findings for the frames and series in these groups.

    `without_values` has the paths of objects that are no datasets with values.
    """
    for group in sorted(paths):
        kind = text(group, KIND)
        if kind.endswith("_table"):
            if not _exists(group + b"/table", datasets, without_values):
                yield _missing_finding(group, kind, [b"table"])
        elif kind in ("frame", "series"):
            index, names = _part_names(group, kind, numbers, text)
            missing = [it for it in (*index, *names) if not _exists(group + b"/" + it, datasets, without_values)]
            if missing:
                yield _missing_finding(group, kind, missing)
            rows = {it: datasets[group + b"/" + it] for it in (*index, *names) if group + b"/" + it in datasets}
            full = [it for name, it in rows.items() if b"level" not in name and _has_rows(it, numbers)]
            yield from _unequal_rows(full)
            yield from _label_findings(rows, values)


def _part_names(group: bytes, kind: str, numbers: Numbers, text: Text) -> tuple[list[bytes], list[bytes]]:
    """Return the names of the datasets of the index, and those of the datasets with values."""

    def count(name: bytes) -> int:
        stored = numbers(group, name)
        return min(stored[0], MOST) if len(stored) == 1 else 0

    def parts(name: bytes) -> list[bytes]:
        """Return the names of the datasets of an axis, which may have several levels."""
        if text(group, name + b"_variety") != "multi":
            return [name]
        return [b"%b_%b%d" % (name, it, at) for at in range(count(name + b"_nlevels")) for it in (b"label", b"level")]

    if kind == "series":
        return parts(b"index"), [b"values"]
    blocks = [it for at in range(count(BLOCKS)) for it in (*parts(b"block%d_items" % at), b"block%d_values" % at)]
    return parts(b"axis1"), [*parts(b"axis0"), *blocks]


def _has_rows(dataset: Dataset, numbers: Numbers) -> bool:
    """Check whether a dataset has one row per row of its frame."""
    if OF_COLUMNS.match(dataset.name) or dataset.dtype.hasobject or not dataset.shape:
        return False
    return dataset.rows != 1 or not numbers(dataset.path, EMPTY)


def _unequal_rows(datasets: Sequence[Dataset]) -> Iterator[Finding]:
    if len({it.rows for it in datasets}) > 1:
        rows = {escape(it.path): it.rows for it in datasets}
        yield found("row-count", f"{counts_text([*rows.items()])}; they belong together", rows=rows)


def _label_findings(rows: Mapping[bytes, Dataset], values: Values) -> Iterator[Finding]:
    """Yield findings for label numbers that refer to no label; -1 is valid and means no label."""
    for name, dataset in rows.items():
        level = rows.get(name.replace(b"_label", b"_level"))
        if b"_label" not in name or level is None or level is dataset or dataset.dtype.kind not in "iu":
            continue
        numbers = values(dataset)
        wrong = (
            np.flatnonzero((numbers < -1) | (numbers >= level.rows)) if numbers is not None else np.empty(0, np.int64)
        )
        if wrong.size and numbers is not None:
            at = int(wrong[0])
            more = f", and so do {wrong.size - 1:,} more" if wrong.size > 1 else ""
            path = escape(dataset.path)
            message = f"{path}[{at}] leads to label {int(numbers[at]):,}{more}; {escape(level.path)} has {level.rows:,}"
            yield found("dangling", message, field=dataset.title, dataset=path, row=at, number=int(numbers[at]))


def _exists(path: bytes, datasets: Mapping[bytes, Dataset], without_values: Collection[bytes]) -> bool:
    return path in datasets or path in without_values


def _missing_finding(group: bytes, kind: str, missing: Sequence[bytes]) -> Finding:
    names = and_more(map(escape, missing[:5]), len(missing))
    message = f"{escape(group)} is a {kind} of pandas and has no {names}"
    return found("missing", message, object=escape(group), missing=[escape(it) for it in missing[:5]])


def losses(table: str, own: Sequence[Dataset], others: Sequence[Dataset]) -> Iterator[str]:
    """Yield a reason for each pickle of objects: a copy without some rows of the frame would keep all of its rows."""
    groups = {it.path.rpartition(b"/")[0] for it in own if PICKLED.fullmatch(it.name)}
    for it in others:
        if it.rows == 1 and it.dtype.hasobject and PICKLED.fullmatch(it.name) and it.path.rpartition(b"/")[0] in groups:
            yield f"{escape(it.path)} is one pickle of a column of {table}, and would keep all rows"
