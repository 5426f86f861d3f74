"""Read datasets that are a record each: byte scalars (a picture or another payload), and arrays of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import OpenFile
from datacheck.backends.hdf5.library.bounds import Starved
from datacheck.backends.hdf5.library.library_failures import reason_of
from datacheck.backends.hdf5.samples.usual_shapes import usual_shape
from datacheck.backends.hdf5.shard_parts import EACH
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values.plain import PlainFile
from datacheck.model.blocks import Block, Note, Position, RowBlock
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, errno_details, found
from datacheck.model.slips import errno_of, of_machine

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
    at, usual = start, usual_shape(table)
    while at < stop:
        first, end = table.judged[at], at + 1
        most = 1 if single else max(1, TOGETHER // max(1, first.bytes))
        while end < min(stop, at + most) and _are_alike(table.judged[end], first):
            end += 1
        datasets = table.judged[at:end]
        values, lost = _read_together(file, datasets, at, note)
        odd = [(row, it) for row, dataset in enumerate(datasets) for it in dataset.spoiled]
        odd += usual.findings(datasets)
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


def _read_together(
    file: OpenFile | PlainFile, datasets: Sequence[Dataset], at: int, note: Note
) -> tuple[NDArray[Any], list[tuple[int, Finding]]]:
    """Return the values of datasets of one shape, the first of them at position `at`, and findings for those lost."""
    values = np.zeros((len(datasets), *datasets[0].shape), datasets[0].dtype)
    lost: list[tuple[int, Finding]] = []
    for row, dataset in enumerate(datasets):
        note(Position(at + row), True)
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
    return values, lost


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
    if of_machine(exc) and (isinstance(exc, Starved) or not isinstance(exc, MemoryError)):
        details |= {"verdict": "unverifiable", **errno_details(errno_of(exc))}
    return found(code, f"{path}: {reason_of(exc)}", **details)
