"""Read datasets that are a record each: byte scalars (a picture or another payload), and arrays of numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import OpenFile
from datacheck.backends.hdf5.library.library_failures import reason_of
from datacheck.backends.hdf5.shard_parts import EACH
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values.plain import PlainFile
from datacheck.model.blocks import Block, Note, Position, RowBlock
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, errno_details, found
from datacheck.model.measured import measured_longer
from datacheck.model.profile import NEARLY_ALL
from datacheck.model.slips import errno_of, of_machine

FEWEST = 16
"""Minimum number of datasets from which the usual shape of a row is inferred."""
TOGETHER = 4 << 20
"""Total size in bytes of the datasets that are judged together."""


def read_records(
    file: OpenFile, contents: Contents, start: int, stop: int | None, label: str | None, note: Note
) -> Iterator[Block]:
    """Yield the byte scalars one by one, with their paths as keys."""
    for at, dataset in enumerate(contents.records[start:stop], start):
        note(Position(at), True)
        if dataset.misplaced:
            yield Block([dataset.path], [b""], findings=[(0, misplaced_finding(dataset))], file=label)
            continue
        try:
            value = _value_bytes(file.value(dataset), dataset)
        except (*TROUBLE, MemoryError) as exc:
            yield Block([dataset.path], [b""], findings=[(0, unread_finding(dataset, exc))], file=label)
            continue
        yield Block([dataset.path], [value], file=label)


def read_each(
    file: OpenFile | PlainFile,
    table: Table,
    start: int,
    stop: int | None,
    label: str | None,
    note: Note,
    *,
    single: bool = False,
    referred: Mapping[bytes, str] | None = None,
) -> Iterator[RowBlock]:
    """Yield datasets of numbers that are a record each; neighbours of the same shape and dtype share a block."""
    stop = table.rows if stop is None else min(stop, table.rows)
    at, usual, counts = start, usual_row(table), usual_rows(table)
    while at < stop:
        first, end = table.judged[at], at + 1
        most = 1 if single else max(1, TOGETHER // max(1, first.bytes))
        while end < min(stop, at + most) and _are_alike(table.judged[end], first):
            end += 1
        datasets = table.judged[at:end]
        values = np.zeros((len(datasets), *first.shape), first.dtype)
        lost: list[tuple[int, Finding]] = []
        odd: list[tuple[int, Finding]] = []
        for row, dataset in enumerate(datasets):
            note(Position(at + row), True)
            odd += ((row, it) for it in dataset.spoiled)
            if dataset.misplaced:
                lost.append((row, misplaced_finding(dataset)))
                continue
            if not dataset.bytes:
                nothing = f"there is no value in it: its shape is {dataset.shape}"
                lost.append((row, found("empty", nothing, field=dataset.title)))
                continue
            try:
                finding = file.read_whole(dataset, values[row])
                lost += [] if finding is None else [(row, finding)]
            except (*TROUBLE, MemoryError) as exc:
                lost.append((row, unread_finding(dataset, exc)))
        if usual not in (None, first.shape[1:]) and first.bytes:
            odd += shape_findings(table, datasets, usual)
        elif counts:
            odd += (finding for row, it in enumerate(datasets) for finding in length_findings(it, row, counts))
        name, missing = first.columns[0].name, {}
        if first.declared is not None:
            values, mask = first.declared.unpacked(values)
            missing = {} if mask is None else {name: mask}
        yield RowBlock(
            table.name.removeprefix(EACH), range(at, end), {name: values}, unread={name: [row for row, _ in lost]},
            file=label, findings=[*lost, *odd], group=table.group, called=[escape(it.path) for it in datasets],
            missing=missing, place_of=partial(_cell_of, table, referred) if referred else None,
        )  # fmt: skip
        at = end


def usual_row(table: Table) -> tuple[int, ...] | None:
    """Return the row shape that nearly all datasets of a table share, but not all of them.

    Return None if the shapes differ more, if none differs, or if there are too few datasets. MATLAB's cells are left
    out, since they may hold anything.
    """
    shapes = Counter(it.shape[1:] for it in table.judged if it.bytes and not it.matlab)
    if shapes.total() < FEWEST:
        return None
    shape, count = shapes.most_common(1)[0]
    return shape if shape and NEARLY_ALL * shapes.total() <= count < shapes.total() else None


def shape_findings(
    table: Table, datasets: Sequence[Dataset], usual: tuple[int, ...] | None
) -> Iterator[tuple[int, Finding]]:
    """Yield a finding for each of these datasets; their rows differ in shape from nearly all others of the table.

    The finding is only suspicious if the names of the table's datasets have no word in common (`/#`), since they may
    hold different things, or if nearly all have one number of rows: then these may be the channels of a shorter signal.
    """
    apart = table.name.endswith("/#")
    rows = Counter(it.rows for it in table.judged if it.bytes)
    of_channels = max(rows.values(), default=0) >= NEARLY_ALL * rows.total()
    for row, dataset in enumerate(datasets):
        row_shape = dataset.shape[1:]
        message = f"a row has the shape {row_shape}, in nearly all others {usual}"
        shorter = of_channels and measured_longer(dataset.shape, (dataset.rows, *(usual or ())))
        verdict: Verdict | None = "suspicious" if apart or shorter else None
        shapes = {"found": list(row_shape), "expected": list(usual or ())}
        yield row, found("shape", message, field=dataset.title, verdict=verdict, **shapes)


def usual_rows(table: Table) -> Counter[int]:
    """Return how many datasets that are a record each have how many rows, if nearly all have one number of them."""
    rows = Counter(it.rows for it in table.judged if it.bytes and not it.matlab)
    if rows.total() < FEWEST:
        return Counter()
    count = max(rows.values())
    return rows if NEARLY_ALL * rows.total() <= count < rows.total() else Counter()


def length_findings(dataset: Dataset, row: int, counts: Counter[int]) -> Iterator[tuple[int, Finding]]:
    """Yield the finding of a dataset that has not as many rows as nearly all others: it may have been cut.

    The shapes of flat ones are compared by their profile.
    """
    usual = counts.most_common(1)[0][0]
    if not dataset.matlab and dataset.bytes and len(dataset.shape) > 1 and dataset.rows != usual:
        message = f"it has {dataset.rows:,} rows, nearly all others have {usual:,}"
        shapes = {"found": list(dataset.shape), "expected": [usual, *dataset.shape[1:]]}
        yield row, found("shape", message, field=dataset.title, verdict="suspicious", **shapes)


def _cell_of(table: Table, referred: Mapping[bytes, str], at: int) -> tuple[str, dict[str, Any]]:
    """Return which cell of a MATLAB file a dataset is, as text and as details; both are empty if it is none."""
    name = referred.get(table.judged[at].path)
    return (f"in the cell {name}", {"cell": name}) if name else ("", {})


def _are_alike(some: Dataset, other: Dataset) -> bool:
    return some.shape == other.shape and some.dtype == other.dtype and some.declared == other.declared


def _value_bytes(value: Any, dataset: Dataset) -> bytes:
    if not dataset.dtype.hasobject:
        return np.asarray(value, dataset.dtype).tobytes()
    return value.tobytes() if isinstance(value, np.ndarray) else b""


def misplaced_finding(dataset: Dataset) -> Finding:
    """Return the finding for a dataset of which some part cannot lie where the file says."""
    return dataset.misplaced[0].finding(dataset.path, dataset.title)


def unread_finding(dataset: Dataset, exc: Exception) -> Finding:
    """Return the finding for a dataset that cannot be read."""
    code = "too-large" if isinstance(exc, MemoryError) else "unreadable"
    path = escape(dataset.path)
    details: dict[str, Any] = {"field": dataset.title, "dataset": path}
    if of_machine(exc) and not isinstance(exc, MemoryError):
        details |= {"verdict": "unverifiable", **errno_details(errno_of(exc))}
    return found(code, f"{path}: {reason_of(exc)}", **details)
