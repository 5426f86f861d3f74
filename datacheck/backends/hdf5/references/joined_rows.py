"""Check how rows of two datasets are joined: captions by the first and last row of each picture, and their lengths.

The number of captions of each picture may be in an attribute, too (`captions_per_image`).
Rows are counted from 1 if each range begins behind the last row of the range before and the last range ends at the
number of rows, as neuraltalk2 writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.library.looking import LARGEST
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.references.row_numbers import END, LENGTH, ROWS, START, named_target, too_large
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

IX = ROWS | {b"ix"}
ADJOINING = 0.9
"""Minimum share of ranges that begin behind the range before, to know how rows are counted."""
FEW = 0.1
"""Maximum share of lengths that may exceed the width of a row; if there are more, they are lengths before cutting."""
MARKS = 2
"""Tokens for the begin and end of a text, which its length may include and its row may not."""
PER = re.compile(rb"([a-z]+)_per_([a-z]+)")
OF_EVENTS = re.compile(rb"[a-z_]*_(events?)_(?:inds|idxs?|index|indices)")
"""Matches numbers of the rows of events, such as those at which a camera took pictures: image_raw_event_inds."""
Number = Callable[[bytes, bytes], "int | None"]


def joined_rows(
    group: bytes, datasets: Sequence[Dataset], values: Values, names: Sequence[bytes], number: Number
) -> Iterator[Finding]:
    """Yield findings about the joined rows of a group's datasets; `names` are those of the group's attributes."""
    by_name = {it.name.lower(): it for it in datasets if it.shape}
    targets = set()
    for start in datasets:
        if not start.is_integer_vector or not words(start.name) & START or not words(start.name) & IX:
            continue
        stem = words(start.name) - START
        end = next((it for it in datasets if words(it.name) & END and words(it.name) - END == stem), None)
        target = named_target(start, by_name)
        if end is None or target is None or not end.is_integer_vector:
            continue
        if end.rows != start.rows or target.rows == start.rows:
            continue
        targets.add(target.path)
        first, last = values(start), values(end)
        yield from (too_large(it) for it in (start, end) if it.bytes > LARGEST)
        if first is not None and last is not None and first.size:
            yield from _ranges(start, end, target, first.astype(np.int64), last.astype(np.int64))
    for dataset in datasets:
        target = _padded(dataset, by_name) if dataset.dtype.kind in "iu" and words(dataset.name) & LENGTH else None
        if target is None:
            continue
        if target.shape[:-1] == dataset.shape:
            yield from _lengths(dataset, target, values(dataset), sure=target.path in targets)
        elif target.shape[1:-1] == dataset.shape[1:] and abs(target.rows - dataset.rows) <= FEW * target.rows:
            rows = {escape(it.path): it.rows for it in (target, dataset)}
            text = (
                f"{escape(target.path)} has {counted(target.rows, 'row')}, and {escape(dataset.path)} has "
                f"{dataset.rows:,}"
            )
            yield found("row-count", f"{text}; one has the lengths of the other", rows=rows)
    yield from _events(datasets, by_name, values)
    if not any(words(it.name) & (START | END) for it in datasets):
        for name in names:
            yield from _of_each(group, name, by_name, number)


def _events(datasets: Sequence[Dataset], by_name: dict[bytes, Dataset], values: Values) -> Iterator[Finding]:
    """Yield findings for numbers of the rows of events that lead beyond these."""
    for dataset in datasets:
        match = OF_EVENTS.fullmatch(dataset.name.lower()) if dataset.is_integer_vector else None
        target = None if match is None else by_name.get(match[1].removesuffix(b"s") + b"s")
        if target is not None:
            yield from _rows_of_events(dataset, target, values(dataset))


def _rows_of_events(dataset: Dataset, target: Dataset, rows: NDArray[Any] | None) -> Iterator[Finding]:
    """Yield a finding if a few of the numbers of rows, which rise, lead beyond the rows of the target."""
    if rows is None or rows.size < 2 or (rows[1:] < rows[:-1]).any():
        return
    beyond = np.flatnonzero(rows > target.rows)
    if 0 < beyond.size <= max(1, FEW * rows.size):
        at, path = int(beyond[0]), escape(dataset.path)
        text = f"{path}[{at}] leads to row {int(rows[at]):,} of {escape(target.path)}, which has {target.rows:,}"
        yield found("dangling", text, field=dataset.title, dataset=path, row=at, number=int(rows[at]))


def _padded(dataset: Dataset, by_name: dict[bytes, Dataset]) -> Dataset | None:
    """Return the padded rows whose lengths a dataset holds by its name: `ques_train` of `ques_length_train`."""
    rest = words(dataset.name) - LENGTH
    alike = [it for name, it in by_name.items() if words(name) == rest and it is not dataset]
    target = alike[0] if len(alike) == 1 else named_target(dataset, by_name)
    fits = target is not None and len(target.shape) == len(dataset.shape) + 1 > 1 and target.dtype.kind in "iu"
    return target if fits else None


def _ranges(
    start: Dataset, end: Dataset, target: Dataset, first: NDArray[np.int64], last: NDArray[np.int64]
) -> Iterator[Finding]:
    """Yield a finding for the first range that begins beyond the rows or at row 0 of rows counted from 1."""
    rows = target.rows
    gaps = first[1:] - last[:-1]
    inclusive = len(gaps) > 0 and float(np.mean(gaps == 1)) >= ADJOINING
    adjoining = inclusive or (len(gaps) > 0 and float(np.mean(gaps == 0)) >= ADJOINING)
    from_one = inclusive and int(last.max()) >= rows and int(first[1:].min()) > 0
    some = (first >= 0) & (last >= 0) & ~((first == 0) & (last == 0)) & (last != first - 1)
    beyond = np.flatnonzero(some & (first > last.clip(rows if from_one else rows - 1)) | some & (first > rows))
    before = np.flatnonzero(some & (first < 1)) if from_one else beyond[:0]
    reversed_ = np.flatnonzero(some & (last < first - 1))
    most = first.size / 2
    if beyond.size > most or reversed_.size > most or (not adjoining and np.count_nonzero(last > rows) > most):
        return  # numbers of something else
    for places, what in (
        (beyond, "{} leads to row {:,}; {} has {:,} rows"),
        (before, "{} is {:,}, and the others count the rows of {} from 1 to {:,}"),
        (reversed_[~np.isin(reversed_, beyond)], "{} is {:,}, which is behind the end of its range in {} of {:,} rows"),
    ):
        if places.size:
            at = int(places[0])
            more = f", and so do {places.size - 1:,} more" if places.size > 1 else ""
            text = what.format(f"{escape(start.path)}[{at}]", int(first[at]), escape(target.path), rows) + more
            yield found("dangling", text, field=start.title, dataset=escape(start.path), row=at, number=int(first[at]))
            return


def _lengths(dataset: Dataset, target: Dataset, lengths: NDArray[Any] | None, *, sure: bool) -> Iterator[Finding]:
    """Yield a finding for lengths that exceed the width of the rows that they belong to."""
    width = target.shape[-1]
    beyond = np.flatnonzero(lengths > width) if lengths is not None else np.empty(0, np.int64)
    if lengths is None or not 0 < beyond.size <= max(1, FEW * lengths.size):
        return
    at = int(lengths.argmax())
    place = f"[{at}]" if lengths.ndim == 1 else str([*map(int, np.unravel_index(at, lengths.shape))])
    longest = int(lengths.max())
    more = f", and {beyond.size - 1:,} more exceed it too" if beyond.size > 1 else ""
    has = f"a row of {escape(target.path)} has {counted(width, 'value')}"
    text = f"{escape(dataset.path)}{place} is {longest:,}; {has}{more}"
    verdict: Verdict | None = None if sure and longest > width + MARKS else "suspicious"
    yield found("dangling", text, field=dataset.title, verdict=verdict, dataset=escape(dataset.path), row=at,
                number=longest)  # fmt: skip


def _say_of_which(many: Dataset, one: Dataset, by_name: dict[bytes, Dataset]) -> bool:
    """Check whether a column says which row of `one` each row of `many` belongs to: `image_id` beside captions.

    Then there may be fewer for some rows, and the attribute is the largest number for one.
    """
    stem = one.name.lower().removesuffix(b"s")
    columns = (it for it in by_name.values() if it not in (many, one) and it.is_integer_vector and it.rows == many.rows)
    return any({stem, stem + b"s"} & words(it.name) for it in columns)


def _of_each(group: bytes, name: bytes, by_name: dict[bytes, Dataset], number: Number) -> Iterator[Finding]:
    """Yield a finding if an attribute such as `captions_per_image` does not fit the rows of captions and images."""
    match = PER.fullmatch(name.lower())
    many, one = (by_name.get(it) or by_name.get(it + b"s") for it in match.groups()) if match else (None, None)
    count = number(group, name) if many is not None and one is not None and many is not one else None
    if many is None or one is None or count is None or count < 1 or _say_of_which(many, one, by_name):
        return
    expected = count * one.rows
    if many.rows != expected and abs(many.rows - expected) <= FEW * expected:
        text = (
            f"{escape(group or b'/')}: {escape(name)} says {count:,}: {escape(one.path)} has "
            f"{counted(one.rows, 'row')}, and "
            f"{escape(many.path)} has {many.rows:,}, not {expected:,}"
        )
        rows = {escape(it.path): it.rows for it in (one, many)}
        yield found("row-count", text, rows=rows, path_of=escape(group or b"/"), attribute=escape(name))
